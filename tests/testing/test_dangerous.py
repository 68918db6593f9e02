"""What is dangerous is so under the names that pickles have of it, too."""

from __future__ import annotations

import importlib
import io
import pickle
import sys
import warnings

import pytest

from brinery.stream import references
from brinery.testing import dangerous
from brinery.testing.dangerous import is_dangerous


def imported(module):
    """The module, if this Python has it. Those that act when they are imported are left alone."""
    if module in ("idlelib", "pip", "site") or module.partition(".")[0] not in sys.stdlib_module_names:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(module)
        except ImportError:
            return None


def written_names(obj, protocol):
    """What naming that callable in a pickle names."""
    data = pickle.dumps(obj, protocol)
    return [f"{module}:{name}" for module, name in references(io.BytesIO(data)).globals]


def callables():
    listed = [name.partition(":")[::2] for name in dangerous._NAMES]
    for module in dangerous._MODULES:
        listed += [(module, name) for name in getattr(imported(module), "__all__", ())]
    for module, name in sorted(listed):
        found = getattr(imported(module), name, None)
        if callable(found) and not (isinstance(found, type) and issubclass(found, BaseException)):
            yield f"{module}:{name}", found


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_whatever_pickles_call_it(protocol):
    passing, asked = {}, 0
    for known, found in callables():
        try:
            names = written_names(found, protocol)
        except (pickle.PicklingError, TypeError, AttributeError):
            continue
        asked += 1
        if not any(map(is_dangerous, names)):
            passing[known] = names
    assert asked > 200
    # A clock is all that is harmless there.
    assert passing.keys() <= {"timeit:default_timer"}, passing


@pytest.mark.parametrize(
    "name",
    [
        "io:open",
        "_io:open",
        "_io:FileIO",
        "_functools:reduce",
        "_thread:start_new_thread",
        "_ctypes:dlopen",
        "_frozen_importlib:__import__",
        "_frozen_importlib_external:SourceFileLoader",
        "_imp:create_dynamic",
        "_xxsubinterpreters:run_string",
        "_interpreters:exec",
        "_signal:raise_signal",
        "codecs:open",
        "logging:FileHandler",
        "__builtin__:eval",
        "brinery.files:load_file",
    ],
)
def test_by_the_names_that_pickles_have(name):
    assert is_dangerous(name)


@pytest.mark.parametrize("name", ["_io:BytesIO", "io:StringIO", "_functools:partial", "codecs:lookup"])
def test_their_neighbours_are_not(name):
    assert not is_dangerous(name)
