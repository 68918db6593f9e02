"""Written at protocols 0 to 2, what is upgraded loads in a real Python 2.7: its pickles, and every name."""

import _compat_pickle
import collections
import importlib
import json
import os
import pickle
import re
import subprocess
import warnings

import pytest

from brinery import Profile
from brinery.errors import ReadError
from brinery.upgrade import Rules, upgrade_bytes

PLAIN = Profile.plain()
OBJECTS = [
    {"a": [1, 2.5, {1, 2}, b"bytes", None, True]},
    collections.OrderedDict(a=1),
    collections.Counter("aab"),
    collections.UserDict(a=1),
    range(3),
    [ValueError("bad", 1), OSError(2, "gone"), bytearray(b"\xff"), 10**30, "é\n\\", complex(1, 2)],
]

#: Of each line, a pickle in hexadecimal: the name of what it names, or why it cannot be had.
NAMED = """
import binascii, json, pickle, sys
for line in sys.stdin:
    try:
        found = pickle.loads(binascii.unhexlify(line.strip()))
        answer = [getattr(found, "__module__", None), getattr(found, "__name__", None)]
    except Exception as error:
        answer = type(error).__name__ + ": " + str(error)
    print(json.dumps(answer))
"""


@pytest.fixture
def python2(wire_python2):
    """Give lines to a program of Python 2.7; what it says of each."""
    executable = wire_python2.find_python2()
    if executable is None:
        if os.environ.get("BRINERY_REQUIRE_PYTHON2"):
            pytest.fail("BRINERY_REQUIRE_PYTHON2 is set, and there is no Python 2.7")
        pytest.skip("no Python 2.7 is on PATH or under PYENV_ROOT")

    def run(program, streams, each=1):
        command = [executable, program] if program.endswith(".py") else [executable, "-c", program]
        text = "".join(f"{stream.hex()}\n" for stream in streams)
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=True, cwd=wire_python2.HERE
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(lines) == each * len(streams)
        return lines

    return run


@pytest.mark.parametrize("protocol", range(3))
def test_objects_are_there_what_a_pickler_would_give_it(python2, protocol):
    upgraded = [upgrade_bytes(pickle.dumps(obj, 5), Rules(protocol)) for obj in OBJECTS]
    straight = [pickle.dumps(obj, protocol) for obj in OBJECTS]
    found, wanted = python2("read_back.py", upgraded, each=2), python2("read_back.py", straight, each=2)
    assert [line.get("repr") for line in found] == [line.get("repr") for line in wanted]
    assert sum("repr" in line for line in found) >= 2 * len(OBJECTS) - 2


@pytest.mark.parametrize("protocol", range(3))
def test_its_own_pickles_come_back_to_it(wire_python2, python2, protocol):
    """All golden ones, to protocol 5 and back: what Python 2 has then is what today's objects are there."""
    upgraded, straight = [], []
    refused = set()
    for path in sorted(wire_python2.GOLDEN.iterdir()):
        new = upgrade_bytes(path.read_bytes(), Rules(5, encoding="latin1", profile=PLAIN))
        try:
            old = upgrade_bytes(new, Rules(protocol, profile=PLAIN))
        except ReadError:
            refused.add(path.name.partition(".")[0])
            continue
        upgraded.append(old)
        try:
            straight.append(pickle.dumps(pickle.loads(new), protocol))
        except Exception:  # the object's own class refuses to be made, or written
            straight.append(None)
    assert refused <= {"unicode_surrogate"}
    assert len(upgraded) > 380
    found = python2("read_back.py", upgraded, each=2)
    wanted = iter(python2("read_back.py", [data for data in straight if data is not None], each=2))
    for i, data in enumerate(straight):
        for answer in found[2 * i : 2 * i + 2]:
            if data is None:
                continue
            expected = next(wanted)
            assert ("error" in answer) <= ("error" in expected), (upgraded[i], answer, expected)
            if "error" not in expected and " at 0x" not in expected["repr"]:
                # What was one of these there is one again; Python 3 has OSError alone.
                again = re.sub("IOError|EnvironmentError|OSError", "OSError", answer["repr"])
                assert again == expected["repr"], upgraded[i]


def names_of_today():
    """Every name that a rule maps back, and that is here."""
    pairs = dict(_compat_pickle.REVERSE_NAME_MAPPING)
    for module, old in _compat_pickle.REVERSE_IMPORT_MAPPING.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # some are deprecated
                there = importlib.import_module(module)
        except ImportError:  # of another system, or gone since
            continue
        for name in getattr(there, "__all__", dir(there)):
            obj = getattr(there, name, None)
            if callable(obj) and getattr(obj, "__module__", None) == module and obj.__name__ == name:
                pairs.setdefault((module, name), (old, name))
    return sorted(pairs.items())


@pytest.mark.parametrize("protocol", range(3))
def test_every_name_that_has_a_reverse_is_the_one_of_python_2(python2, protocol):
    """What Python 2.7 has under the old name, it finds; where it has none, it looked for that."""
    pairs = names_of_today()
    assert len(pairs) > 300
    streams = []
    for (module, name), _ in pairs:
        today = b"\x80\x04\x8c%c%b\x8c%c%b\x93." % (len(module), module.encode(), len(name), name.encode())
        streams.append(upgrade_bytes(today, Rules(protocol, profile=PLAIN)))
    plain = [f"c{old}\n{name}\n.".encode() for _, (old, name) in pairs]
    found, wanted = python2(NAMED, streams), python2(NAMED, plain)
    assert [pair for pair, one, other in zip(pairs, found, wanted, strict=True) if one != other] == []
    assert sum(type(answer) is list for answer in found) > 250
