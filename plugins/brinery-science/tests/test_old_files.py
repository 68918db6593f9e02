"""Pickles that old versions wrote, in ``write_old.py``, are read by today's as what they were, on both
engines.

NumPy, pandas, networkx and attrs are in the group of dependencies for tests; the other libraries are tested
where they are installed, and all of them must be where ``BRINERY_SCIENCE_ALL`` is set.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import brinery

HERE = Path(__file__).parent
IMPORTED_AS = {"pillow": "PIL", "attrs": "attr"}


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


write_old = _load("write_old")

ENTRIES = [
    pytest.param(python, entry, id=f"{python}-{entry['library']}-{entry['kind']}-{number}")
    for python in ("2.7", "3.7")
    for number, entry in enumerate(json.loads((HERE / f"python-{python}.json").read_text()))
]


@pytest.fixture(scope="module", params=["python", "compiled"])
def profile(request: pytest.FixtureRequest) -> brinery.Profile:
    return brinery.Profile(["science"], engine=request.param)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return abs(one - other) < 1e-9 * max(1.0, abs(one))
    return bool(one == other)


@pytest.mark.parametrize(("python", "entry"), ENTRIES)
def test_an_old_pickle_is_read_as_what_it_was(profile: brinery.Profile, python: str, entry: Any) -> None:
    library = IMPORTED_AS.get(entry["library"], entry["library"])
    if importlib.util.find_spec(library) is None:
        if os.environ.get("BRINERY_SCIENCE_ALL"):
            pytest.fail(f"{library} is not installed, and BRINERY_SCIENCE_ALL is set")
        pytest.skip(f"{library} is not installed")
    if library == "attr":
        _load("old_classes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # InconsistentVersionWarning and the like are the libraries' to give
        for data in entry["pickles"]:
            read = profile.loads(base64.b64decode(data))  # no encoding: nobody has to know of latin1
            assert same(entry["value"], write_old.described(entry["kind"], read))


REFUSED = {
    "a frame of three axes": (
        b"\x80\x02cpandas.core.panel\nPanel\n)\x81.",
        ModuleNotFoundError,
        "pandas 0.25",
    ),
    "a type of periods without its frequency": (
        b"\x80\x02cpandas.core.dtypes.dtypes\nPeriodDtype\n)\x81.",
        pickle.UnpicklingError,
        "without its frequency",
    ),
    "a period that would be none": (
        b"\x80\x02cpandas.tseries.period\nPeriod\n)\x81}}(U\x07ordinalM\x72\x40U\x04freqU\x01Du\x86b.",
        pickle.UnpicklingError,
        "would be NaT",
    ),
    "a mixture of normal distributions": (
        b"\x80\x02csklearn.mixture.gmm\nGMM\n)\x81.",
        ModuleNotFoundError,
        "read it with 0.19",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_no_rule_can_mend_is_refused_with_the_reason(profile: brinery.Profile, what: str) -> None:
    data, error, reason = REFUSED[what]
    library = "sklearn" if b"sklearn" in data else "pandas"
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    with pytest.raises(error) as refused:
        profile.loads(data)
    assert reason in "\n".join([str(refused.value), *refused.value.__notes__])
