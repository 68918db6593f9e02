"""Bytes as protocols 0 to 2 carry them: as calls of ``_codecs.encode(text, "latin1")``, or of ``bytes()``.

``load()`` runs these like any other call. ``noload()`` makes no calls, yet has to know bytes when it meets
them: ZODB's persistent IDs hold them.
"""

from __future__ import annotations

from brinery.lean_typing import NamedTuple

__all__ = ["BytesFunction", "bytes_function", "bytes_of_array", "bytes_of_call"]


class BytesFunction(NamedTuple):
    """Lies where ``noload()`` met one of the two functions."""

    name: str


_ENCODE = BytesFunction("encode")
_BYTES = BytesFunction("bytes")

_FUNCTIONS = {
    ("_codecs", "encode"): _ENCODE,
    ("__builtin__", "bytes"): _BYTES,
    ("builtins", "bytes"): _BYTES,
}


def bytes_function(module: str, qualname: str) -> BytesFunction | None:
    """What stands for the global of that name, if it is one of the two; else None."""
    return _FUNCTIONS.get((module, qualname))


def bytes_of_call(function: object, args: object) -> bytes | None:
    """The bytes that ``function(*args)`` means, if it is such a call; else None."""
    if type(args) is not tuple:
        return None
    if function is _BYTES and not args:
        return b""
    if function is _ENCODE and len(args) == 2 and all(type(arg) is str for arg in args):
        text, encoding = args
        if encoding == "latin1" and max(text, default="") <= "\xff":
            return bytes(text, "latin1")
    return None


def bytes_of_array(args: object) -> bytes | None:
    """The content of the bytearray that ``bytearray(*args)`` means, as a Pickler writes it; else None."""
    if type(args) is not tuple:
        return None
    if not args:
        return b""
    if len(args) == 1 and type(args[0]) is bytes:
        return args[0]
    if len(args) == 2 and all(type(arg) is str for arg in args):
        text, encoding = args
        if encoding in ("latin-1", "latin1") and max(text, default="") <= "\xff":
            return bytes(text, "latin-1")
    return None
