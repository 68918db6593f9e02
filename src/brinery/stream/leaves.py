# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: initializedcheck=False, freethreading_compatible=False
"""Numbers, text, the memo and frames, as a Pickler writes them: beneath what writes graphs.

This file is also compiled, with the types in ``leaves.pxd``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from brinery.errors import WriteError
from brinery.stream.opcodes import BY_NAME, FRAME_LEAST, FRAME_TARGET
from brinery.stream.text import encode_long, encode_unicode

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Leaves"]

_FRAME_TARGET = FRAME_TARGET
_FRAME_LEAST = FRAME_LEAST


def _code(name: str) -> int:
    return BY_NAME[name].code[0]


_INT1, _INT2, _INT4 = _code("BININT1"), _code("BININT2"), _code("BININT")
_LONG1, _LONG4 = _code("LONG1"), _code("LONG4")
_SHORT_TEXT, _TEXT4, _TEXT8 = _code("SHORT_BINUNICODE"), _code("BINUNICODE"), _code("BINUNICODE8")
_MEMOIZE, _BINPUT, _LONG_BINPUT = _code("MEMOIZE"), _code("BINPUT"), _code("LONG_BINPUT")
_BINGET, _LONG_BINGET = _code("BINGET"), _code("LONG_BINGET")
_pack_size4 = struct.Struct("<I").pack
_pack_size8 = struct.Struct("<Q").pack
_pack_int4 = struct.Struct("<i").pack


class Leaves:
    """Where a pickle's bytes go, and what has no parts."""

    def __init__(self, protocol: int, write: Callable[[bytes], object]) -> None:
        self.protocol = protocol
        self._write = write
        self._out = bytearray()
        self._framed = protocol >= 4
        self._sent = 0  # bytes, of all pickles
        self._count = 0  # objects in the memo
        self._ids: dict[int, int] = {}
        self._texts: dict[str, int] = {}
        self._kept: list[Any] = []  # what the memo knows by its identity

    def _put_int(self, value: int) -> None:
        out = self._out
        if not self.protocol:
            short = -0x80000000 <= value <= 0x7FFFFFFF
            out += b"I%d\n" % value if short else b"L%bL\n" % _decimal(value)
        elif 0 <= value <= 0xFF:
            out.append(_INT1)
            out.append(value)
        elif 0 <= value <= 0xFFFF:
            out.append(_INT2)
            out.append(value & 0xFF)
            out.append(value >> 8)
        elif -0x80000000 <= value <= 0x7FFFFFFF:
            out.append(_INT4)
            out += _pack_int4(value)
        elif self.protocol == 1:
            out += b"L%bL\n" % _decimal(value)
        else:
            data = encode_long(value)
            if len(data) <= 0xFF:
                out.append(_LONG1)
                out.append(len(data))
            else:
                out.append(_LONG4)
                out += _pack_int4(len(data))
            out += data

    def _put_text(self, text: str) -> None:
        key = id(text)
        index = self._ids.get(key)
        if index is not None:
            self._get(index)
            return
        self._ids[key] = self._count
        self._add_text(text)

    def _put_name(self, text: str) -> None:
        """Text that is one object wherever it is the same: names of modules, classes and attributes."""
        index = self._texts.get(text)
        if index is None:
            index = self._ids.get(id(text))
        if index is not None:
            self._get(index)
            return
        self._texts[text] = self._count
        self._ids[id(text)] = self._count
        self._kept.append(text)
        self._add_text(text)

    def _add_text(self, text: str) -> None:
        out = self._out
        if not self.protocol:
            out += b"V%b\n" % encode_unicode(text)
        else:
            data = text.encode("utf-8", "surrogatepass")
            size = len(data)
            if size <= 0xFF and self.protocol >= 4:
                out.append(_SHORT_TEXT)
                out.append(size)
                out += data
            elif size <= 0xFFFFFFFF:
                self._payload(_TEXT4, _pack_size4(size), data)
            elif self.protocol >= 4:
                self._payload(_TEXT8, _pack_size8(size), data)
            else:
                raise WriteError("text larger than 4 GiB needs protocol 4 or higher")
        self._memoize()

    def _memoize(self) -> None:
        out = self._out
        index = self._count
        self._count = index + 1
        if self._framed:
            out.append(_MEMOIZE)
        elif not self.protocol:
            out += b"p%d\n" % index
        elif index <= 0xFF:
            out.append(_BINPUT)
            out.append(index)
        else:
            out.append(_LONG_BINPUT)
            out.append(index & 0xFF)
            out.append(index >> 8 & 0xFF)
            out.append(index >> 16 & 0xFF)
            out.append(index >> 24)

    def _get(self, index: int) -> None:
        out = self._out
        if not self.protocol:
            out += b"g%d\n" % index
        elif index <= 0xFF:
            out.append(_BINGET)
            out.append(index)
        else:
            # Byte by byte: half of what a call of Struct.pack costs, where this is compiled.
            out.append(_LONG_BINGET)
            out.append(index & 0xFF)
            out.append(index >> 8 & 0xFF)
            out.append(index >> 16 & 0xFF)
            out.append(index >> 24)

    # Frames

    def _payload(self, code: int, size: bytes, data: bytes) -> None:
        """An opcode with its length, and the data; what is large stands outside of frames."""
        if len(data) < _FRAME_TARGET:
            self._out.append(code)
            self._out += size
            self._out += data
            return
        self._end_frame()
        self._send(bytes((code,)) + size)
        self._send(data)

    def _end_frame(self) -> None:
        out = self._out
        size = len(out)
        if not size:
            return
        if self._framed and size >= _FRAME_LEAST:
            self._send(b"\x95" + _pack_size8(size))
        self._send(bytes(out))
        out.clear()

    def _send(self, data: bytes) -> None:
        self._sent += len(data)
        self._write(data)

    def _put_raw(self, data: bytes, alignment: int) -> None:
        """Bytes between the opcodes; at a multiple of `alignment`, behind a byte that says how many it takes.

        These are never none, as joblib writes them.
        """
        self._end_frame()
        if alignment:
            size = alignment - (self._sent + 1) % alignment
            self._send(bytes((size,)) + b"\xff" * size)
        self._send(data)


def _decimal(value: int) -> bytes:
    return repr(value).encode()
