"""Pickles that a real Python 2.7 wrote are read, and what is written at protocols 0 to 2 Python 2.7 reads.

The golden files were written by python2/write_golden.py, with both `pickle` and `cPickle`.
"""

import array
import collections
import copyreg
import datetime
import decimal
import fractions
import functools
import importlib.util
import io
import itertools
import json
import os
import pickle
import queue
import shutil
import subprocess
import sys
import time
import types
import urllib.parse
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "python2"
GOLDEN = HERE / "golden"
CASES = sorted({path.name.split(".")[0] for path in GOLDEN.iterdir()})


@pytest.fixture(autouse=True)
def people(monkeypatch):
    """The module `people`, whose classes the golden pickles name."""
    spec = importlib.util.spec_from_file_location("people", HERE / "people.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "people", module)
    spec.loader.exec_module(module)
    return module


def files(case):
    """The six files of a case: three protocols, two writers."""
    found = sorted(GOLDEN.glob(f"{case}.*"))
    assert [path.name.split(".", 1)[1] for path in found] == [
        f"{protocol}.{writer}" for protocol in range(3) for writer in ("cPickle", "pickle")
    ]
    return [path.read_bytes() for path in found]


def describe(obj, seen=None):
    """A picture of `obj` that can be compared: exact types, values, order, sharing and cycles."""
    seen = {} if seen is None else seen
    kind = type(obj).__name__
    if obj is None or isinstance(obj, bool) or type(obj) in (int, float, complex, str, bytes, bytearray):
        return kind, repr(obj)
    if isinstance(obj, type | types.FunctionType | types.BuiltinFunctionType | functools._lru_cache_wrapper):
        return "global", obj.__module__, obj.__qualname__
    if id(obj) in seen:
        return "again", seen[id(obj)][0]
    if type(obj) is not tuple:  # equal tuples may or may not be one object
        seen[id(obj)] = (len(seen), obj)
    if type(obj) in (tuple, list):
        return kind, *[describe(item, seen) for item in obj]
    if type(obj) in (set, frozenset):
        return kind, *sorted(map(repr, obj))
    if type(obj) is dict:
        return kind, *[(describe(key, seen), describe(value, seen)) for key, value in obj.items()]
    try:
        reduction = obj.__reduce_ex__(4)
    except TypeError:
        if not isinstance(obj, urllib.parse.SplitResult):
            raise
        # Python 3.15's expects an attribute that no older pickle has, and drops it again where it is False.
        reduction = copyreg.__newobj__, (type(obj), *obj), None, None, None
    parts = [list(part) if hasattr(part, "__next__") else part for part in reduction]
    return kind, *[describe(part, seen) for part in parts]


def outcome(load, source, **options):
    """What a load gives: a picture of the object, or the type of the exception.

    A class may well refuse to be looked at: with encoding="bytes", names of attributes are bytes.
    """
    try:
        return describe(load(source, **options))
    except Exception as error:
        return "raises", type(error)


ENCODINGS = [
    {},
    {"encoding": "latin1"},
    {"encoding": "utf-8"},
    {"encoding": "bytes"},
    {"errors": "replace"},
    {"encoding": "utf-8", "errors": "surrogateescape"},
    {"fix_imports": False, "encoding": "latin1"},
]


@pytest.mark.parametrize("case", CASES)
def test_golden_pickles_are_read_as_c_pickle_reads_them(wire, case):
    for data in files(case):
        for options in ENCODINGS:
            assert outcome(wire.loads, data, **options) == outcome(pickle.loads, data, **options), options


def recursive_list():
    items = [1]
    items.append(items)
    return items


def recursive_dict():
    table = {}
    table["itself"] = table
    return table


def recursive_tuple():
    pair = ([], "end")
    pair[0].append(pair)
    return pair


def shared():
    items = ["shared"]
    return [items, items]


def made(cls, **attributes):
    """An instance as pickle makes it: without its constructor."""
    obj = cls.__new__(cls)
    vars(obj).update(attributes)
    return obj


def recursive_instance(people):
    new = people.New.__new__(people.New)
    new.itself = new  # in the order of a dict of Python 2
    new.name = "new"
    return new


def slotted(people):
    new = people.Slotted()
    new.left, new.right = 1, "ü"
    return new


def own_list(people):
    own = people.OwnList([1, 2])
    own.note = "kept"
    return own


def own_error(people):
    error = people.OwnError("no", 7)
    error.code = 7
    return error


def journal(place):
    """In the order of a dict of Python 2."""
    return {
        "takings": decimal.Decimal("1234.50"),
        "tables": range(1, 13),
        "place": place,
        "opened": datetime.datetime(2009, 5, 17, 8, 30),
        "title": "Guest book",
        "tags": {"summer"},
        "visits": 10**12,
        "guests": made(collections.UserDict, data={"Ada": 3}),
    }


#: What each case is, read with encoding="latin1", which maps every byte of a Python 2 str to one character.
EXPECTED = {
    "str_ascii": lambda people: "plain",
    "str_latin1": lambda people: "café",
    "str_utf8": lambda people: "café".encode().decode("latin1"),
    "str_all_bytes": lambda people: bytes(range(256)).decode("latin1"),
    "str_quotes": lambda people: 'it\'s "quoted"\\\n\r\t\0',
    "str_long": lambda people: "long " * 100,
    "str_empty": lambda people: "",
    "unicode": lambda people: "naïve € \U0001f600",
    "unicode_escapes": lambda people: "line\nback\\slash \\u0041 \0 \x1a",
    "unicode_surrogate": lambda people: "lone \ud800",
    "unicode_empty": lambda people: "",
    "ints": lambda people: [0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, -(2**31), 2**63 - 1],
    "longs": lambda people: [0, 1, -1, 255, -128, 2**31, 2**63, -(2**63), 10**30, -(10**30)],
    "long_huge": lambda people: 3**2000,
    "bools": lambda people: [True, False, None],
    "floats": lambda people: [0.0, -0.0, 1.5, 1e300, 1e-300, float("inf"), float("-inf"), 0.1],
    "complex": lambda people: 1.5 - 2j,
    "tuples": lambda people: [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "list": lambda people: list(range(20)),
    "dict": lambda people: {"a": 1, 3: (4,), "b": [2], None: {}},
    "dict_latin1_keys": lambda people: {"é": 1, "e": 2},
    "sets": lambda people: [{1, 2}, frozenset([3, 4]), set(), frozenset()],
    "nested": lambda people: {"jobs": [{"name": "a", "tags": ("x", "y")}, {"name": "b", "tags": ()}]},
    "bytearray": lambda people: bytearray(b"by\xfe\xff"),
    "shared": lambda people: shared(),
    "recursive_list": lambda people: recursive_list(),
    "recursive_dict": lambda people: recursive_dict(),
    "recursive_tuple": lambda people: recursive_tuple(),
    "recursive_instance": recursive_instance,
    "old": lambda people: made(people.Old, name="old"),
    "old_utf8_attribute": lambda people: made(people.Old, name="ü".encode().decode("latin1")),
    "old_with_arguments": lambda people: people.OldWithArguments("given"),
    "old_class": lambda people: people.Old,
    "new": lambda people: made(people.New, name="new"),
    "new_class": lambda people: people.New,
    "slotted": slotted,
    "reduced": lambda people: people.Reduced([1, "two"]),
    "own_list": own_list,
    "date": lambda people: datetime.date(2012, 12, 21),
    "datetime": lambda people: datetime.datetime(2012, 12, 21, 11, 12, 13, 456789),
    "datetime_ascii": lambda people: datetime.datetime(1281, 12, 21, 11, 12, 13, 0x010203),
    "time": lambda people: datetime.time(23, 59, 58, 250000),
    "timedelta": lambda people: datetime.timedelta(-1, 5, 7),
    "struct_time": lambda people: time.struct_time((2012, 12, 21, 11, 12, 13, 4, 356, 0)),
    "decimal": lambda people: decimal.Decimal("-1.50"),
    "fraction": lambda people: fractions.Fraction(-3, 7),
    "ordered_dict": lambda people: collections.OrderedDict([("z", 1), ("a", [2])]),
    "defaultdict": lambda people: collections.defaultdict(list, {"a": [1]}),
    "deque": lambda people: collections.deque([1, 2, 3], 5),
    "counter": lambda people: collections.Counter({"a": 2}),
    "array_int": lambda people: array.array("i", [1, -2, 3]),
    "journal": lambda people: journal("Café Zürich".encode().decode("latin1")),
    "exceptions": lambda people: [ValueError("bad", 1), KeyError("k"), Exception("std"), OSError(2, "gone")],
    "own_error": own_error,
    "builtin_types": lambda people: [int, int, str, str, str, object, list, type, bytearray],
    "builtin_functions": lambda people: [
        len,
        range,
        range,
        map,
        filter,
        zip,
        functools.reduce,
        chr,
        sys.intern,
    ],
    "xrange": lambda people: [range(3), range(1, 13, 4)],
    "exception_classes": lambda people: [Exception, ValueError, KeyboardInterrupt, OSError],
    "user_dict": lambda people: made(collections.UserDict, data={"a": 1}),
    "user_list": lambda people: made(collections.UserList, data=[1, 2]),
    "user_string": lambda people: made(collections.UserString, data="text"),
    "queue_classes": lambda people: [queue.Queue, queue.Empty],
    "urllib_functions": lambda people: [urllib.parse.quote, urllib.parse.urlencode, urllib.parse.urlsplit],
    "parsed_url": lambda people: urllib.parse.urlsplit("http://example.org/path?q=1"),
}
#: These cannot be read as Python 3 has them, whoever reads: the object's own class refuses what it is given.
REFUSED = {"string_io": TypeError, "unicode_error": TypeError}


def test_every_case_has_an_expected_value():
    assert sorted([*EXPECTED, *REFUSED]) == CASES


@pytest.mark.parametrize("case", EXPECTED)
def test_golden_pickles_are_what_python_2_meant(wire, people, case):
    expected = describe(EXPECTED[case](people))
    for data in files(case):
        assert describe(wire.loads(data, encoding="latin1")) == expected


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_class_refuses_raises_its_own_error(wire, case):
    for data in files(case):
        with pytest.raises(REFUSED[case]):
            wire.loads(data, encoding="latin1")


@pytest.mark.parametrize("case", ["str_latin1", "str_utf8", "datetime", "dict_latin1_keys"])
def test_a_str_that_is_not_ascii_needs_an_encoding(wire, case):
    for data in files(case):
        with pytest.raises(UnicodeDecodeError):
            wire.loads(data)


@pytest.mark.parametrize(
    ("case", "options", "expected"),
    [
        ("str_utf8", {"encoding": "utf-8"}, "café"),
        ("str_utf8", {"encoding": "bytes"}, "café".encode()),
        ("str_ascii", {"encoding": "bytes"}, b"plain"),
        ("unicode", {"encoding": "bytes"}, "naïve € \U0001f600"),
        ("dict_latin1_keys", {"encoding": "bytes"}, {b"\xe9": 1, b"e": 2}),
        ("datetime", {"encoding": "bytes"}, datetime.datetime(2012, 12, 21, 11, 12, 13, 456789)),
        # errors="bytes", as in zodbpickle: decode, else keep the bytes. C pickle has no such thing.
        ("str_ascii", {"errors": "bytes"}, "plain"),
        ("str_latin1", {"errors": "bytes"}, b"caf\xe9"),
        ("str_utf8", {"encoding": "utf-8", "errors": "bytes"}, "café"),
        ("str_latin1", {"encoding": "utf-8", "errors": "bytes"}, b"caf\xe9"),
        ("dict_latin1_keys", {"errors": "bytes"}, {b"\xe9": 1, "e": 2}),
        ("datetime", {"errors": "bytes"}, datetime.datetime(2012, 12, 21, 11, 12, 13, 456789)),
        ("journal", {"encoding": "utf-8", "errors": "bytes"}, journal("Café Zürich")),
    ],
)
def test_a_python_2_str_is_decoded_as_asked(wire, case, options, expected):
    for data in files(case):
        assert describe(wire.loads(data, **options)) == describe(expected)


@pytest.mark.parametrize("case", CASES)
def test_golden_pickles_are_read_from_a_file_up_to_their_end(wire, case):
    for data in files(case):
        file = io.BytesIO(data + b"what follows")
        read = outcome(wire.load, file, encoding="latin1")
        assert read == outcome(wire.loads, data, encoding="latin1")
        if read[0] != "raises":
            assert file.tell() == len(data)


# A Python 2.7 of today

LOOK_IN = (os.environ.get("PYENV_ROOT", ""), os.path.expanduser("~/.pyenv"))


@functools.cache
def find_python2():
    """A Python 2.7 that runs, on PATH or among pyenv's versions; None where there is none."""
    pyenv = [
        str(path)
        for root in LOOK_IN
        if root
        for path in sorted(Path(root).glob("versions/2.7*/bin/python2.7"))
    ]
    for candidate in filter(None, [shutil.which("python2.7"), *pyenv]):
        # A shim of pyenv may be on PATH and lead nowhere.
        asked = subprocess.run(
            [candidate, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, check=False
        )
        if asked.stdout.strip() == b"(2, 7)":
            return candidate
    return None


@pytest.fixture
def python2():
    """Run a script of `python2/` in a Python 2.7."""
    executable = find_python2()
    if executable is None:
        if os.environ.get("BRINERY_REQUIRE_PYTHON2"):
            pytest.fail("BRINERY_REQUIRE_PYTHON2 is set, and no Python 2.7 is on PATH or under PYENV_ROOT")
        pytest.skip("no Python 2.7 is on PATH or under PYENV_ROOT")

    def run(script, *arguments, text=""):
        # Nothing of the environment goes along: PYTHONHASHSEED would change the order of a dict.
        environment = {"PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [executable, str(HERE / script), *map(str, arguments)],
            input=text.encode(),
            capture_output=True,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    return run


def test_the_script_still_writes_the_golden_files(python2, tmp_path):
    python2("write_golden.py", tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in GOLDEN.iterdir()
    }


def written(people):
    """Objects of every kind that Python 2 knows, with Python 2's repr of each."""
    return [
        (None, "None"),
        ([True, False], "[True, False]"),
        ([0, 255, 65535, -1, 2**31 - 1], "[0, 255, 65535, -1, 2147483647]"),
        ([2**31, -(2**63), 10**30], "[2147483648L, -9223372036854775808L, 1000000000000000000000000000000L]"),
        ([1.5, -0.0, float("inf")], "[1.5, -0.0, inf]"),
        (2j, "2j"),
        ("naïve € \n\\", "u'na\\xefve \\u20ac \\n\\\\'"),
        ("\U0001f600", "u'\\U0001f600'"),
        ("", "u''"),
        (b"", "''"),
        (b"caf\xe9\0\n", "'caf\\xe9\\x00\\n'"),
        (bytearray(b"\xfe"), "bytearray(b'\\xfe')"),
        ([(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], "[(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)]"),
        ({1: {"a": []}}, "{1: {u'a': []}}"),
        ([{7}, frozenset([8])], "[set([7]), frozenset([8])]"),
        (list(range(2500)), repr(list(range(2500)))),
        (recursive_list(), "[1, [...]]"),
        (range(1, 13, 4), "xrange(1, 13, 4)"),
        ([int, str], "[<type 'long'>, <type 'unicode'>]"),
        ([len, urllib.parse.quote], None),
        ([ValueError("bad"), OSError(2, "gone")], None),
        ([people.New, people.Old], None),
        (made(people.New, name="new"), None),
        (people.Reduced([1]), None),
        (own_list(people), "[1, 2]"),
        (datetime.datetime(2012, 12, 21, 11, 12, 13, 7), "datetime.datetime(2012, 12, 21, 11, 12, 13, 7)"),
        (datetime.timedelta(-1, 5, 7), "datetime.timedelta(-1, 5, 7)"),
        (decimal.Decimal("-1.50"), "Decimal('-1.50')"),
        (collections.OrderedDict(a=1), "OrderedDict([(u'a', 1)])"),
        (collections.deque([1], 5), "deque([1], maxlen=5)"),
        (collections.defaultdict(list, {1: [2]}), "defaultdict(<type 'list'>, {1: [2]})"),
        (itertools.count, "<type 'itertools.count'>"),
    ]


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_what_is_written_python_2_reads_and_gives_back(wire, python2, people, protocol):
    objects = written(people)
    answers = python2(
        "read_back.py", text="\n".join(wire.dumps(obj, protocol).hex() for obj, _ in objects) + "\n"
    )
    lines = [json.loads(line) for line in answers.splitlines()]
    assert len(lines) == 2 * len(objects)
    for (obj, expected), *of_each in zip(objects, lines[::2], lines[1::2], strict=True):
        for answer in of_each:
            assert "error" not in answer, (obj, answer)
            assert expected is None or answer["repr"] == expected
            # bytes went there as Python 2's str, and text as its unicode: both come back as they were.
            encoding = "bytes" if isinstance(obj, bytes) else "latin1"
            assert describe(wire.loads(bytes.fromhex(answer["again"]), encoding=encoding)) == describe(obj)
