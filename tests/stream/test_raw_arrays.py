"""joblib's files, with arrays between the opcodes: whatever looks into streams goes over them."""

import contextlib
import io
import pickle

import pytest

from brinery.errors import ReadError
from brinery.stream import diagnose, diff, disassemble, pickles_in, references, sizes

joblib = pytest.importorskip("joblib")
numpy = pytest.importorskip("numpy")

ARRAYS = {
    "floats": numpy.arange(1000.0),
    "no dimension": numpy.array(3),
    "empty": numpy.empty((0, 5)),
    "in Fortran's order": numpy.asfortranarray(numpy.ones((7, 3), ">i2")),
    "text": numpy.array(["a", "lot", "of"]),
    "bytes": numpy.array([b"N.", b"]."]),
    "dates": numpy.array(["2020-02-29"], "M8[D]"),
    "records": numpy.zeros(5, [("a", "i4"), ("b", "U3"), ("c", "f8", (2, 2))]),
    "opcodes": numpy.frombuffer(b"N.)" * 100, "u1"),
    "matrix of bools": numpy.ones((3, 3), bool),
}


class Class:
    """What only an array of objects names."""


OBJECTS = numpy.array([Class(), None, "x"], dtype=object)


def dumped(obj, **options):
    file = io.BytesIO()
    joblib.dump(obj, file, **options)
    return file.getvalue()


class Pipe(io.BytesIO):
    def seekable(self):
        return False


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ARRAYS)
def test_every_kind_of_array(name, protocol):
    data = dumped({"before": [1], "array": ARRAYS[name], "behind": "text"}, protocol=protocol)
    found = references(data)
    assert found.pickles == 1
    assert ("joblib.numpy_pickle", "NumpyArrayWrapper") in found.globals
    *_, last = disassemble(data)
    assert (last.opcode.name, last.offset + 1) == ("STOP", len(data))
    whole = sizes(data)
    assert whole.bytes == len(data)
    (part,) = [part for part in whole.roots[0].parts if part.path == "root['array']"]
    assert part.bytes > ARRAYS[name].nbytes
    assert not list(diff(data, data))
    assert diagnose(data).what.startswith("1 pickle of protocol")


def test_an_array_of_objects_is_a_pickle_of_its_own():
    data = dumped([OBJECTS, ARRAYS["floats"], OBJECTS, [Class]])
    found = references(data)
    assert found.globals[(__name__, "Class")] == 3
    assert sizes(data).bytes == len(data)
    (row,) = [row for row in sizes(data).classes if row.name.endswith(".Class")]
    assert row.objects == 2
    assert sum(row.bytes for row in sizes(data).classes) <= len(data)
    assert not list(diff(data, data))


@pytest.mark.parametrize("compress", [("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3)])
def test_compressed(compress, tmp_path):
    path = tmp_path / "model.joblib"
    joblib.dump([ARRAYS["floats"], ARRAYS["text"]], path, compress=compress)
    for found in pickles_in(path):
        assert references(found.file).pickles == 1


def test_what_differs_in_an_array_is_told():
    other = ARRAYS["floats"].copy()
    other[500] = -1
    (found,) = diff(dumped([1, ARRAYS["floats"]]), dumped([1, other]))
    assert found.path.startswith("root[1]")
    assert not list(diff(dumped([1, ARRAYS["floats"]]), dumped([1, ARRAYS["floats"].copy()])))


def test_the_disassembly_goes_on_behind_it():
    data = dumped([ARRAYS["opcodes"], "behind"])
    found = list(disassemble(data))
    (array,) = [one for one in found if "behind it, the array" in one.detail]
    assert array.opcode.name == "BUILD"
    assert array.size > 300
    assert sum(one.size for one in found) == len(data)


def test_the_doctor_says_who_reads_it():
    findings = diagnose(dumped([ARRAYS["floats"], ARRAYS["text"]])).findings
    assert ("fails", "joblib.load(path) reads it") in [(one.weight, one.advice) for one in findings]
    assert "2 arrays stand" in " ".join(one.what for one in findings)


def test_what_cannot_be_read_twice_is_a_fault_as_ever():
    data = dumped([ARRAYS["floats"]])
    with pytest.raises(ReadError):
        references(Pipe(data))
    findings = diagnose(Pipe(data)).findings
    assert "joblib.load(path) reads it" in [one.advice for one in findings]


def test_a_file_is_read_from_where_it_stands():
    file = io.BytesIO(b"header" + dumped([ARRAYS["floats"]]))
    file.seek(6)
    assert references(file).pickles == 1


def test_several_pickles_with_arrays():
    data = dumped(ARRAYS["floats"]) + dumped(1) + dumped([ARRAYS["text"]])
    assert references(data).pickles == 3


def test_every_truncation_is_a_fault():
    data = dumped([numpy.arange(20), OBJECTS, "end"])
    for end in range(len(data)):
        with pytest.raises(ReadError) as caught:
            references(data[:end])
        assert 0 <= caught.value.pickle_offset <= end


DTYPE = b"\x8c\x05dtype\x8c\x05numpy\x8c\x05dtype\x93"


@pytest.mark.parametrize(
    "state",
    [
        b"N",
        b"}",
        b"}(\x8c\x05shapeK\x05u",
        b"}(\x8c\x05shape)\x8c\x05dtypeNu",
        b"}(\x8c\x05shape)" + DTYPE + b"\x8c\x02f8\x85Ru",
        b"}(\x8c\x05shapeK\x05K\x05\x86" + DTYPE + b"\x8c\x12f88888888888888888\x85Ru",
        b"}(\x8c\x05shapeL-5\n\x85" + DTYPE + b"\x8c\x02f8\x85Ru",
        b"}(\x8c\x05shapeL99999999999999999999999\n\x85" + DTYPE + b"\x8c\x02f8\x85Ru",
        b"}(\x8c\x05shape(" + b"K\x00" * 90 + b"t" + DTYPE + b"\x8c\x02f8\x85Ru",
    ],
)
def test_wrappers_that_say_nonsense_are_no_more_than_a_fault(state):
    name = b"\x80\x04\x8c\x13joblib.numpy_pickle\x8c\x11NumpyArrayWrapper\x93"
    data = name + b")\x81" + state + b"bN."
    for look in (
        references,
        sizes,
        lambda data: list(disassemble(data)),
        lambda data: list(diff(data, data)),
    ):
        with contextlib.suppress(ReadError):
            look(data)
    assert diagnose(data).what
