"""A profile in a Dask graph: it travels to the workers as its recipe."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from engines import Wire

from brinery import Profile
from brinery.plugin_host.discovery import installed_plugins

dask = pytest.importorskip("dask")


@pytest.mark.skipif("paths" not in installed_plugins(), reason="needs the plugin brinery-paths")
def test_a_profile_and_its_methods_work_in_processes(wire: Wire) -> None:
    profile = Profile(["paths"], engine=wire.name)

    @dask.delayed
    def written(number: int) -> bytes:
        return profile.dumps([Path("var/log"), number], 2)

    @dask.delayed
    def described(blob: bytes) -> str:
        return repr(profile)

    blobs = [written(number) for number in range(3)]
    graph = [dask.delayed(profile.loads)(blob) for blob in blobs]
    found, data, said = dask.compute(graph, blobs, described(blobs[0]), scheduler="processes", num_workers=1)
    assert found == [[Path("var/log"), number] for number in range(3)]
    assert said == "<Profile: paths>"
    assert all(b"pathlib\nPath\n" in blob and pickle.loads(blob) for blob in data)
