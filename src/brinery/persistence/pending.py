"""Keys that only the database can give, and that a dump learns when it is nearly over.

The opcode of a persistent ID takes a finished key, and what the file has cannot be changed any more. So
where a store answers PENDING, a token stands for the key, and from there on the stream is held back, in
memory or in a temporary file. At the end all keys are made at once, each takes the place of its token, the
lengths of the frames (PEP 3154) are mended, and the stream goes out. The objects are written once, so
reducers run once, and out-of-band buffers are given away once. A dump without pending keys pays nothing.
"""

from __future__ import annotations

import io
import os
import pickle
import tempfile
from typing import IO, TYPE_CHECKING, Any

from brinery.persistent_ids import write_id
from brinery.stream.opcodes import BY_CODE, codes

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HeldBack", "Tokens"]

(FRAME, SHORT_BINUNICODE, BINUNICODE) = codes("FRAME", "SHORT_BINUNICODE", "BINUNICODE")

# What is held back stays in memory up to this size.
_IN_MEMORY = 1024 * 1024
_CHUNK = 256 * 1024


class Tokens:
    """What stands for the keys of one dump: text that cannot be met anywhere else."""

    def __init__(self) -> None:
        self._prefix = os.urandom(16).hex()
        #: How long a token is, in characters.
        self.size = len(self._prefix) + 8
        self._keys: list[tuple[str | None, object]] = []

    def new(self, name: str | None) -> tuple[int, str]:
        """The number of a key that is pending in the store bound as `name` (None: bare), and its token."""
        self._keys.append((name, None))
        return len(self._keys) - 1, f"{self._prefix}{len(self._keys) - 1:08x}"

    def set(self, number: int, key: object) -> None:
        """The key is known."""
        self._keys[number] = self._keys[number][0], key

    def replace(self, data: bytes, protocol: int) -> bytes:
        """`data`, opcodes without frames, with the keys in the place of their tokens."""
        prefix = self._prefix.encode()
        opcode = b"" if protocol == 0 else SHORT_BINUNICODE if protocol >= 4 else BINUNICODE
        length = {b"": 0, SHORT_BINUNICODE: 1, BINUNICODE: 4}[opcode]
        before = opcode + self.size.to_bytes(length, "little") + prefix if opcode else prefix
        parts: list[bytes] = []
        start = 0
        while (found := data.find(before, start)) >= 0:
            end = found + len(before) + 8
            name, key = self._keys[int(data[end - 8 : end], 16)]
            parts += data[start:found], _opcodes(name, key, protocol)
            start = end
        return b"".join((*parts, data[start:])) if parts else data


def _opcodes(name: str | None, key: object, protocol: int) -> bytes:
    """What leaves `key` on a reader's stack, and touches no memo: the token's own entry becomes the key's."""
    pid: Any = key if name is None else write_id(name, key, protocol)
    if protocol == 0:
        text: str = pid if name is None else pid.partition(":")[2]
        return text.encode()
    file = io.BytesIO()
    # Of protocol 3 at most, which has no frames; its opcodes are good in all later ones.
    pickler = pickle.Pickler(file, min(protocol, 3))
    pickler.fast = True
    pickler.dump(pid if name is None else pid[1])
    return file.getvalue()[2 if protocol >= 2 else 0 : -1]


class HeldBack:
    """The rest of a stream, from the first pending key on."""

    def __init__(self, protocol: int) -> None:
        self._protocol = protocol
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # closed by close()

    def write(self, data: bytes | memoryview) -> None:
        """As a file's: take all of `data`."""
        self._spool.write(data)

    def finished(self, tokens: Tokens) -> Iterator[bytes]:
        """What was written, with the keys in the place of `tokens`, in pieces."""
        self._spool.seek(0)
        if self._protocol < 4:  # no frames: a dump is one write, so it was in memory as a whole
            yield tokens.replace(self._spool.read(), self._protocol)
            return
        while code := self._spool.read(1):
            if code == FRAME:
                body = tokens.replace(self._spool.read(_number(self._spool.read(8))), self._protocol)
                yield FRAME + len(body).to_bytes(8, "little") + body
                continue
            # Between frames there are large payloads, and ends of a few bytes; no token stands here.
            argument = BY_CODE[code[0]].argument
            head = self._spool.read(argument.size or argument.prefix or 0)
            yield code + head
            rest = _number(head) if argument.prefix else 0
            while rest:
                piece = self._spool.read(min(rest, _CHUNK))
                yield piece
                rest -= len(piece)

    def close(self) -> None:
        """Let go of the temporary file, if there is one."""
        self._spool.close()


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
