"""joblib's files, whose arrays stand between the opcodes: they stay, and what is around them is upgraded."""

import io
import pickle
import warnings
from decimal import Decimal

import pytest

from brinery.errors import ReadError
from brinery.stream import diff, references
from brinery.upgrade import Rules, streams, upgrade_bytes, upgrade_file

joblib = pytest.importorskip("joblib")
numpy = pytest.importorskip("numpy")

COMPRESSIONS = [None, ("zlib", 3), ("zlib", 9), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)]
SHARED = ["a", "list"]
DATA = {
    "before": [1, SHARED],
    "floats": numpy.arange(1001.0),
    "none": numpy.empty((0, 5)),
    "one": numpy.array(3),
    "fortran": numpy.asfortranarray(numpy.ones((7, 3), ">i2")),
    "text": numpy.array(["a", "lot", "of"]),
    "dates": numpy.array(["2020-02-29"], "M8[D]"),
    "records": numpy.zeros(5, [("a", "i4"), ("b", "U3"), ("c", "f8", (2, 2))]),
    "opcodes": numpy.frombuffer(b"N.)" * 100, "u1"),
    "objects": numpy.array([SHARED, None, {"x": 1}], dtype=object),
    "large": numpy.zeros((300, 300)),
    "behind": [SHARED, "text", numpy.arange(3)],
}


pytestmark = pytest.mark.usefixtures("form")


def dumped(obj, **options):
    file = io.BytesIO()
    joblib.dump(obj, file, **options)
    return file.getvalue()


def check(found, wanted):
    assert type(found) is type(wanted)
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for key in wanted:
            check(found[key], wanted[key])
    elif isinstance(wanted, numpy.ndarray):
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        assert found.flags.f_contiguous == wanted.flags.f_contiguous
        assert repr(found.tolist()) == repr(wanted.tolist())
    elif isinstance(wanted, list):
        for one, other in zip(found, wanted, strict=True):
            check(one, other)
    else:
        assert found == wanted


@pytest.mark.parametrize("source", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_all_kinds_from_every_protocol(source):
    old = dumped(DATA, protocol=source)
    for target in (3, 4, 5):
        new = upgrade_bytes(old, Rules(target))
        check(joblib.load(io.BytesIO(new), ensure_native_byte_order=False), DATA)


@pytest.mark.parametrize("source", [2, 3, 4])
def test_it_is_byte_for_byte_what_joblib_writes(source):
    """But for arrays of objects: these are pickled at the protocol that joblib's version likes.

    And from protocol 4 on, a name that is also the name of an attribute is one text, as C pickle has it.
    """
    obj = {key: value for key, value in DATA.items() if key != "objects"}
    old = dumped(obj, protocol=source)
    assert upgrade_bytes(old, Rules(3)) == dumped(obj, protocol=3)
    for target in (4, 5):
        assert not list(diff(upgrade_bytes(old, Rules(target)), dumped(obj, protocol=target)))


@pytest.mark.parametrize("target", range(pickle.HIGHEST_PROTOCOL + 1))
def test_any_protocol_can_be_written(target):
    new = upgrade_bytes(dumped(DATA, protocol=4), Rules(target))
    check(joblib.load(io.BytesIO(new), ensure_native_byte_order=False), DATA)


@pytest.mark.parametrize("compress", COMPRESSIONS)
def test_files(tmp_path, compress):
    path = tmp_path / "model.joblib"
    joblib.dump(DATA, path, compress=compress or 0, protocol=2)
    done = upgrade_file(path, None, Rules())
    assert (done.state, done.changes.pickles) == ("replaced", 1), done
    check(joblib.load(path, ensure_native_byte_order=False), DATA)
    assert upgrade_file(path, tmp_path / "again", Rules()).state == "written"
    assert compress is not None or (tmp_path / "again").read_bytes() == path.read_bytes()


def test_arrays_are_aligned_and_can_be_mapped(tmp_path):
    """joblib warns of one that is not, and asks for 16 bytes."""
    path = tmp_path / "model.joblib"
    joblib.dump({"shift": "x", "array": numpy.arange(100.0)}, path, protocol=0)
    assert upgrade_file(path, None, Rules()).state == "replaced"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = joblib.load(path, mmap_mode="r")
    assert isinstance(found["array"], numpy.memmap)
    assert found["array"].offset % 16 == 0
    assert found["array"].tolist() == numpy.arange(100.0).tolist()


def test_names_are_todays_on_both_sides_of_an_array():
    """sklearn.externals.joblib is what old models name; brinery-science knows it."""
    from brinery import NameTable, Profile, hookimpl

    class Moved:
        __name__ = "moved"

        @hookimpl
        def brinery_name_tables(self):
            yield NameTable("moved", {"sklearn.externals.joblib.*": "joblib.*", "oldshop": "decimal"})

    obj = {"a": numpy.arange(5), "b": Decimal, "objects": numpy.array([Decimal, 1], object), "c": Decimal}
    old = dumped(obj, protocol=2).replace(b"cjoblib.", b"csklearn.externals.joblib.")
    old = old.replace(b"decimal", b"oldshop")
    with pytest.raises(ModuleNotFoundError):
        joblib.load(io.BytesIO(old))
    new = upgrade_bytes(old, Rules(profile=Profile([Moved()])))
    found = joblib.load(io.BytesIO(new))
    assert found["a"].tolist() == [0, 1, 2, 3, 4]
    assert [found["b"], found["c"], found["objects"][0]] == [Decimal] * 3
    assert "joblib.numpy_pickle" in {name.module for name in references(new).globals}


def test_python_2_strings_around_them():
    """As a joblib of Python 2 wrote it: names of attributes, and the letters of a dtype."""
    old = dumped({"k\u00e9y": numpy.arange(5.0)}, protocol=2)
    for text, string in (
        (b"X\x05\x00\x00\x00shape", b"U\x05shape"),
        (b"X\x04\x00\x00\x00k\xc3\xa9y", b"U\x03k\xe9y"),
        (b"X\x02\x00\x00\x00f8", b"U\x02f8"),
    ):
        assert text in old
        old = old.replace(text, string)
    found = joblib.load(io.BytesIO(upgrade_bytes(old, Rules(encoding="latin-1"))))
    assert found["k\u00e9y"].tolist() == [0, 1, 2, 3, 4]


def test_several_pickles_in_one_stream():
    """Those before the first array are not written twice."""
    data = pickle.dumps("first", 2) + dumped(numpy.arange(5), protocol=2) + pickle.dumps(SHARED, 0)
    stream = io.BytesIO(upgrade_bytes(data))
    assert pickle.load(stream) == "first"
    # joblib.load() would begin with the first.
    assert joblib.numpy_pickle.NumpyUnpickler("", stream, True).load().tolist() == [0, 1, 2, 3, 4]
    assert pickle.load(stream) == SHARED
    assert not stream.read()


def test_one_that_cannot_be_read_twice_fails_as_a_whole():
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    with pytest.raises(ReadError):
        streams.upgrade_stream(Pipe(dumped([numpy.arange(5)])), len, Rules())


def test_every_truncation_is_a_fault():
    data = dumped([numpy.arange(20), DATA["objects"], "end"], protocol=2)
    for end in range(len(data)):
        with pytest.raises(ReadError):
            upgrade_bytes(data[:end])


def test_an_alignment_that_no_byte_can_hold():
    data = dumped(numpy.arange(20), protocol=2)
    aligned = b"numpy_array_alignment_bytesq"
    at = data.index(aligned) + len(aligned) + 1
    assert data[at : at + 2] == b"K\x10"
    hostile = data[:at] + b"J\xff\xff\xff\x7f" + data[at + 2 :]
    assert joblib.load(io.BytesIO(upgrade_bytes(hostile))).tolist() == list(range(20))
