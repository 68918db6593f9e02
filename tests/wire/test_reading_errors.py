"""What an error tells: the byte offset, the opcode, and what was being built, as data and in a note."""

from __future__ import annotations

import io
import pickle

import pytest
from engines import Wire
from readings import FILES


def failure(load, data: bytes) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        load(data)
    return caught.value


class TestWhere:
    def test_offset_and_opcode_are_kept_as_data(self, wire: Wire):
        exc = failure(wire.loads, b"\x80\x04]K\x01h\x07.")
        assert (exc.pickle_offset, exc.pickle_opcode) == (5, "BINGET")
        assert exc.__notes__ == ["while unpickling, at offset 5, opcode BINGET"]

    def test_they_are_the_same_from_every_kind_of_file(self, wire: Wire):
        bad = b"h\x63"
        for before in (
            b"\x80\x02](K\x01X\x03\x00\x00\x00abcI5\nVtext\ne",
            b"\x80\x04\x95\x04" + bytes(7) + b"]K\x01a",
            b"B" + (70_000).to_bytes(4, "little") + bytes(70_000),
            b"\x80\x05\x96" + (70_000).to_bytes(8, "little") + bytes(70_000),
            b"\x80\x04\x95\x04" + bytes(7) + b"N0N0" + b"V" + b"x" * 9000 + b"\n",
            b"",
        ):
            for make in FILES:
                exc = failure(lambda data, make=make: wire.load(make(data)), before + bad + b".")
                assert (exc.pickle_offset, exc.pickle_opcode) == (len(before), "BINGET")

    def test_a_second_load_counts_from_its_own_beginning(self, wire: Wire):
        for make in FILES:
            unpickler = wire.Unpickler(make(b"](K\x01K\x02e.K\x01h\x07."))
            unpickler.load()
            assert failure(lambda _, u=unpickler: u.load(), b"").pickle_offset == 2

    def test_the_end_of_the_stream_is_no_opcode(self, wire: Wire):
        exc = failure(wire.loads, b"\x80\x04N")
        assert type(exc) is EOFError
        assert (exc.pickle_offset, exc.pickle_opcode) == (3, "")

    def test_a_byte_that_is_no_opcode_has_no_name(self, wire: Wire):
        exc = failure(wire.loads, b"N\xff.")
        assert (exc.pickle_offset, exc.pickle_opcode) == (1, "")

    def test_what_is_being_built_is_named_outermost_first(self, wire: Wire):
        stream = b"\x80\x04](}(K\x01ccollections\nOrderedDict\n)R(K\x05h\x63."
        exc = failure(wire.loads, stream)
        assert exc.pickle_building == ("list", "dict", "collections.OrderedDict")
        assert "list > dict > collections.OrderedDict" in exc.__notes__[0]

    def test_however_deep_it_is_a_few_names_are_enough(self, wire: Wire):
        exc = failure(wire.loads, b"](" * 5000 + b"h\x63.")
        assert 1 <= len(exc.pickle_building) < 50


class TestErrorsOfUserCode:
    def test_they_keep_their_type_and_text_and_get_a_note(self, wire: Wire):
        exc = failure(wire.loads, b"cbuiltins\nint\n(Vx\ntR.")
        assert type(exc) is ValueError
        assert str(exc) == str(failure(int, "x"))
        assert any("offset 19, opcode REDUCE" in note for note in exc.__notes__)
        assert exc.pickle_opcode == "REDUCE"

    def test_recursion_errors_pass_as_themselves(self, wire: Wire):
        class Deep(wire.Unpickler):
            def persistent_load(self, pid):
                return self.persistent_load(pid)

        exc = failure(lambda data: Deep(io.BytesIO(data)).load(), b"NQ.")
        assert type(exc) is RecursionError

    def test_an_error_that_takes_no_notes_is_not_hidden(self, wire: Wire):
        class Stubborn(Exception):
            __slots__ = ()
            __notes__ = property()

            def __setattr__(self, name, value):
                raise TypeError("no attributes here")

        class Mine(wire.Unpickler):
            def persistent_load(self, pid):
                raise Stubborn

        assert type(failure(lambda data: Mine(io.BytesIO(data)).load(), b"NQ.")) is Stubborn

    def test_system_exit_passes_untouched(self, wire: Wire):
        with pytest.raises(SystemExit) as caught:
            wire.loads(b"csys\nexit\n)R.")
        assert not hasattr(caught.value, "pickle_offset")


def test_a_program_that_skips_over_errors_comes_to_the_end(wire: Wire):
    for make in FILES:
        unpickler = wire.Unpickler(
            make(b"h\x07.\xffN.K\x01Q.\x80\x04\x95\x03" + bytes(7) + b"h\x07.U\x02\xff\xfe.")
        )
        for _ in range(50):
            try:
                unpickler.load()
            except EOFError:
                break
            except Exception:
                continue
        else:
            pytest.fail("the same error again and again")


def test_after_an_error_the_unpickler_can_be_used_again(wire: Wire):
    unpickler = wire.Unpickler(io.BytesIO(b"h\x07."))
    with pytest.raises(pickle.UnpicklingError):
        unpickler.load()
    unpickler.__init__(io.BytesIO(b"K\x01."))
    assert unpickler.load() == 1
