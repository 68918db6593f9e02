"""Files to read from: whatever they have beside read and readline, and nothing behind STOP is taken."""

from __future__ import annotations

import io
import mmap
import os
import pickle
from array import array

import pytest
from engines import Wire
from readings import FILES, Pipe, ReadOnlyFile

OBJECTS = (
    None,
    [1, 2.5, "text", b"bytes", {"a": (True, None)}],
    ["x" * 300, b"y" * 300, bytearray(b"z" * 300)],
    [b"b" * 100_000, "t" * 100_000, bytearray(100_000), list(range(2000))],
    {str(i): {"n": i} for i in range(200)},
    [2**70, -(2**3000), 1e300, "\u2603\udc80", frozenset([1])],
)


@pytest.mark.parametrize(
    "make", FILES, ids=["BytesIO", "read+readline", "pipe", "readinto", "peek", "buffered"]
)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
class TestAnyFile:
    def test_gives_the_object_and_keeps_what_follows_it(self, wire: Wire, make, protocol: int):
        for obj in OBJECTS:
            file = make(pickle.dumps(obj, protocol) + b"the rest")
            assert wire.load(file) == obj
            assert b"".join(iter(lambda: file.read(8), b"")) == b"the rest"  # noqa: B023

    def test_holds_several_pickles_for_one_unpickler(self, wire: Wire, make, protocol: int):
        written = io.BytesIO()
        pickler = pickle.Pickler(written, protocol)
        for obj in OBJECTS:
            pickler.dump(obj)
        unpickler = wire.Unpickler(make(written.getvalue()))
        assert [unpickler.load() for _ in OBJECTS] == list(OBJECTS)
        with pytest.raises(EOFError):
            unpickler.load()

    def test_or_one_load_each(self, wire: Wire, make, protocol: int):
        file = make(b"".join(pickle.dumps(obj, protocol) for obj in OBJECTS))
        assert [wire.load(file) for _ in OBJECTS] == list(OBJECTS)

    def test_fails_where_the_bytes_alone_would(self, wire: Wire, make, protocol: int):
        data = pickle.dumps([1.5, "text", b"by", 10**20, {"a": 1}], protocol)
        for end in range(len(data)):
            results = []
            for load in (wire.loads, lambda cut: wire.load(make(cut))):
                with pytest.raises((pickle.UnpicklingError, EOFError)) as caught:
                    load(data[:end])
                results.append(isinstance(caught.value, EOFError))
            assert results[0] == results[1]


def test_a_raw_file_and_a_pipe_can_be_read(wire: Wire, tmp_path):
    obj = [b"x" * 200_000, list(range(5000))]
    path = tmp_path / "pickle"
    path.write_bytes(pickle.dumps(obj, 5) + b"rest")
    with open(path, "rb", buffering=0) as file:
        assert wire.load(file) == obj
        assert file.read() == b"rest"
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as source, open(writing, "wb", buffering=0) as sink:
        small = list(range(3000))
        sink.write(pickle.dumps(small, 2))
        sink.write(pickle.dumps(small, 5))
        assert wire.load(source) == small
        assert wire.load(source) == small


class Answering(ReadOnlyFile):
    """Answers each call with what it was told to."""

    def __init__(self, **answers: object) -> None:
        super().__init__(b"")
        for name, answer in answers.items():
            setattr(self, name, lambda *_, answer=answer: answer() if callable(answer) else answer)


class TestWhatComesBackIsChecked:
    def test_text_numbers_and_none_are_type_errors(self, wire: Wire):
        for answer in ("N", None, 1, ["N"]):
            for name in ("read", "peek"):
                with pytest.raises(TypeError):
                    wire.load(Answering(**{name: answer}))
            with pytest.raises(TypeError):
                wire.load(Answering(read=iter([b"V", b"."]).__next__, readline=answer))

    def test_bytearrays_and_views_are_welcome(self, wire: Wire):
        parts = iter([bytearray(b"K"), memoryview(b"\x07"), bytearray(b".")])
        assert wire.load(Answering(read=parts.__next__)) == 7

    def test_more_bytes_than_were_asked_for_are_refused(self, wire: Wire):
        with pytest.raises(pickle.UnpicklingError):
            wire.load(Answering(read=iter([b"K\x01.", b"", b""]).__next__))

    def test_more_than_a_line_is_refused(self, wire: Wire):
        with pytest.raises(pickle.UnpicklingError):
            wire.load(Answering(read=iter([b"V", b"."]).__next__, readline=b"one\ntwo\n"))

    def test_readinto_cannot_claim_more_than_there_is_room_for(self, wire: Wire):
        head = io.BytesIO(b"\x96\x05" + bytes(7))
        for answer, error in ((6, ValueError), (-1, ValueError), (None, TypeError), ("5", TypeError)):
            head.seek(0)
            with pytest.raises(error):
                wire.load(Answering(read=lambda: head.read(1), readinto=answer))

    def test_the_view_that_readinto_gets_is_released(self, wire: Wire):
        kept = []

        class Keeping(Pipe):
            def readinto(self, target):
                kept.append(target)
                return self._file.readinto(target)

        assert wire.load(Keeping(b"\x96\x03" + bytes(7) + b"abc.")) == b"abc"
        for view in kept:
            with pytest.raises(ValueError, match="released"):
                view[0]

    def test_a_file_that_takes_back_what_it_showed_is_refused(self, wire: Wire):
        with pytest.raises(pickle.UnpicklingError):
            wire.load(Answering(peek=b"N.", read=b""))


class TestConstruction:
    def test_read_and_readline_are_needed(self, wire: Wire):
        for missing in ("read", "readline"):
            file = Answering()
            setattr(file, missing, None)
            with pytest.raises(TypeError):
                wire.Unpickler(file)
            with pytest.raises(TypeError):
                wire.load(file)
        for options in ((), (io.BytesIO(), True), (io.BytesIO(), True, "ASCII")):
            with pytest.raises(TypeError):
                wire.Unpickler(*options)

    def test_a_peek_that_is_not_implemented_is_as_good_as_none(self, wire: Wire):
        class Wrapper(ReadOnlyFile):
            def peek(self, size):
                raise NotImplementedError

        assert wire.load(Wrapper(pickle.dumps([1, 2]))) == [1, 2]

    def test_errors_of_the_file_pass(self, wire: Wire):
        class Broken(ReadOnlyFile):
            def read(self, size):
                raise OSError("gone")

        with pytest.raises(OSError, match="gone"):
            wire.load(Broken(b""))

    def test_keyboard_interrupt_passes_untouched(self, wire: Wire):
        interrupt = KeyboardInterrupt("^C")

        class Interrupted(ReadOnlyFile):
            def read(self, size):
                raise interrupt

        with pytest.raises(KeyboardInterrupt) as caught:
            wire.load(Interrupted(b""))
        assert caught.value is interrupt
        assert not hasattr(interrupt, "__notes__")
        assert not hasattr(interrupt, "pickle_offset")


class TestBuffersToReadFrom:
    DATA = pickle.dumps({"a": [1, 2]})

    @pytest.mark.parametrize(
        "form", [bytes, bytearray, memoryview, pickle.PickleBuffer, lambda d: array("B", d)]
    )
    def test_any_contiguous_buffer_can_be_read(self, wire: Wire, form):
        assert wire.loads(form(self.DATA)) == {"a": [1, 2]}

    def test_a_mapped_file_too(self, wire: Wire, tmp_path):
        path = tmp_path / "pickle"
        path.write_bytes(self.DATA)
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert wire.loads(mapped) == {"a": [1, 2]}

    def test_none_is_held_afterwards(self, wire: Wire):
        data = bytearray(self.DATA)
        wire.loads(data)
        data.clear()

    def test_one_with_gaps_is_refused(self, wire: Wire):
        with pytest.raises(BufferError):
            wire.loads(memoryview(bytes(20))[::2])

    def test_what_is_no_buffer_is_a_type_error(self, wire: Wire):
        for value in ("text", None, 1, [1], io.BytesIO(self.DATA)):
            with pytest.raises(TypeError):
                wire.loads(value)
