"""A profile in a Dask graph: it travels to the workers as its recipe."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from engines import Wire

from brinery.plugin_host.discovery import installed_plugins

# In a process of its own: Dask registers reducers for exceptions in copyreg, for all that comes after it.
PROGRAM = """
import pickle, sys
from pathlib import Path
import dask
from brinery import Profile

profile = Profile(["paths"], engine=sys.argv[1])

@dask.delayed
def written(number):
    return profile.dumps([Path("var/log"), number], 2)

@dask.delayed
def described(blob):
    return repr(profile)

if __name__ == "__main__":
    blobs = [written(number) for number in range(3)]
    graph = [dask.delayed(profile.loads)(blob) for blob in blobs]
    found, data, said = dask.compute(graph, blobs, described(blobs[0]), scheduler="processes", num_workers=1)
    assert found == [[Path("var/log"), number] for number in range(3)], found
    assert said == "<Profile: paths>", said
    assert all(b"pathlib\\nPath\\n" in blob and pickle.loads(blob) for blob in data), data
"""


@pytest.mark.skipif(importlib.util.find_spec("dask") is None, reason="needs Dask")
@pytest.mark.skipif("paths" not in installed_plugins(), reason="needs the plugin brinery-paths")
def test_a_profile_and_its_methods_work_in_processes(wire: Wire, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "BRINERY_PLUGINS"}
    done = subprocess.run(
        [sys.executable, str(program), wire.name],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
