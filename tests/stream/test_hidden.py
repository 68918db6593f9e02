"""Nothing that a load would import is hidden from `references`: behind faults, in bytes of any size."""

import io
import pickle

import pytest

from brinery.errors import ReadError
from brinery.stream import GlobalName, references
from brinery.stream.feeds import KEEP

SYSTEM = GlobalName("os", "system")
PROTOCOL_0 = b"cos\nsystem\n(S'ls'\ntR."
PROTOCOL_4 = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R."
PADDED = PROTOCOL_4[:-1] + b"0B" + (2 * KEEP).to_bytes(4, "little") + b"x" * 2 * KEEP + b"."


def nested(data):
    found = references(data)
    return [list(inner.references.globals) for inner in found.nested]


@pytest.mark.parametrize(
    "data", [PROTOCOL_0 + b"!", PROTOCOL_4 + b"\xff", PROTOCOL_0[:-1] + b"!", PROTOCOL_4[:-1]]
)
def test_what_stands_before_a_fault_is_found(data):
    found = references(data, strict=False)
    assert list(found.globals) == [SYSTEM]
    assert found.fault is not None
    assert found.fault.pickle_offset is not None
    with pytest.raises(ReadError):
        references(data)


def test_a_sound_stream_has_no_fault():
    assert references(PROTOCOL_0, strict=False).fault is None
    assert references(b"", strict=False).fault is not None


@pytest.mark.parametrize("inner", [PROTOCOL_0, PROTOCOL_4])
@pytest.mark.parametrize("behind", [b"", b"!", b"N.", b"." * 5])
@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize("size", [0, 2 * KEEP])
def test_in_bytes_with_more_behind_them(inner, behind, protocol, kind, size):
    content = inner + behind + b"x" * size
    data = pickle.dumps([kind(content)], protocol)
    assert nested(data) == [[SYSTEM]]
    found = references(io.BytesIO(data))
    assert [list(one.references.globals) for one in found.nested] == [[SYSTEM]]
    assert found.nested[0].size >= len(content)
    assert found.unlooked == 0


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_in_long_bytes(protocol, kind):
    for source in (bytes, bytearray, io.BytesIO):
        data = pickle.dumps({"a": kind(PADDED), "b": 1}, protocol)
        found = references(source(data))
        assert [list(one.references.globals) for one in found.nested] == [[SYSTEM]]


@pytest.mark.parametrize("quote", [b"'", b'"'])
@pytest.mark.parametrize("size", [0, 2 * KEEP])
def test_in_strings_of_python_2(quote, size):
    text = repr((PROTOCOL_4 + b"!" * size).decode("latin-1"))[1:-1].encode("latin-1")
    assert nested(b"(lp0\nS" + quote + text + quote + b"\np1\na.") == [[SYSTEM]]


def test_in_each_other_in_long_ones():
    data = PADDED
    for _ in range(4):
        data = pickle.dumps([data], 4)
    found = references(io.BytesIO(data))
    for _ in range(4):
        (one,) = found.nested
        found = one.references
    assert list(found.globals) == [SYSTEM]


def test_what_runs_before_it_breaks():
    inner = PROTOCOL_0[:-1] + b"!!!"
    (one,) = references(pickle.dumps([inner])).nested
    assert list(one.references.globals) == [SYSTEM]
    assert one.references.fault is not None


def test_what_cannot_be_looked_into_is_said():
    class Pipe:
        def __init__(self, data):
            self.read = io.BytesIO(data).read

    assert references(Pipe(pickle.dumps([PADDED], 4))).unlooked == 1
    data = PROTOCOL_4
    for _ in range(40):
        data = pickle.dumps(data, 4)
    found = references(data)
    while found.nested:
        found = found.nested[0].references
    assert found.unlooked == 1


@pytest.mark.parametrize(
    "plain",
    [
        b"A sentence. And a Question.",
        b"Paragraph one\n. And more",
        b"I am text.\nwith lines",
        b"column\none\ntwo.",
        b"\x80\x02 other bytes",
        b"\x80\x04.",
        b"cost\nper unit\n",
    ],
)
def test_other_bytes_are_no_pickles(plain):
    assert references(pickle.dumps([plain])).nested == ()
    assert references(pickle.dumps([plain + b"x" * 2 * KEEP])).nested == ()
