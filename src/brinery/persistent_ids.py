"""Persistent IDs in a stream: the name of a bound store, and the key in that store.

From protocol 1 on a persistent ID is an object, the pair ``(name, key)``. A part of a key that would be
written as a call, which a reader that collects IDs ahead of loading does not make, is a tuple that begins
with True, as no part of a key does, and the name of a type::

    ("shop", 42)                            the int 42; a str, bytes, None and a tuple likewise
    ("shop", (True, "uuid", "00ff…"))       a UUID, by its 32 hexadecimal digits
    ("shop", (True, "date", "2024-02-29"))  a date
    ("shop", (True, "bytes", "00ff"))       bytes, at protocols 1 and 2, which have none of their own

At protocol 0 it is a line of text (the PERSID opcode), ``name:key``, ASCII without newlines::

    shop:anna%20b       the str "anna b", percent-encoded as UTF-8
    shop:#42            the int 42
    shop:$%00%FF        the bytes 00 FF, percent-encoded
    shop:*              None
    shop:&00ff…         a UUID
    shop:@2024-02-29    a date
    shop:(orders,#7,)   the tuple ("orders", 7): a comma after every item

The marks are themselves percent-encoded within a str, so that every key comes back as it was.

A bare store's IDs, and those of other programs, may be anything; these functions tell them apart.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any, TypeAlias
from urllib.parse import quote, quote_from_bytes, unquote, unquote_to_bytes
from uuid import UUID

from brinery import refusals
from brinery.errors import ReadError, UnboundStore, UnpicklingError, WriteError

__all__ = ["SCALARS", "Key", "bounded", "is_key", "is_plain", "read_key", "store_name", "unbound", "write_id"]

#: What a key may be: exactly one of these types. Keys that are equal are one key, and none of one type
#: equals one of another.
Key: TypeAlias = "str | int | bytes | UUID | date | tuple[Key, ...] | None"

# Hashing a tuple recurses in C, and visits a part again for each place that shares it: a tuple out of
# a stream is measured before it is hashed or compared.
_MAX_DEPTH = 32
_MAX_PARTS = 1024

#: What a stream carries as it is.
SCALARS: frozenset[type] = frozenset((str, int, bytes, type(None)))
# And what the rest of a key is made of.
_PARTS = SCALARS | {UUID, date}
_NAME = re.compile(r"(?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})+")
_INTEGER = re.compile(r"-?[0-9]+")
_SCALAR_TEXT = re.compile(r"[^(),]*")
_HEX = re.compile(r"[0-9a-f]*")


def bounded(value: object, scalars: frozenset[type] | None = None, most: int = _MAX_PARTS) -> bool:
    """Whether `value` is small enough to be hashed: no tuple, or one of little depth, and with at most `most`
    parts of one depth.

    With `scalars`, every part that is no tuple must be of exactly one of these types.
    """
    level: list[object] = [value]
    for _ in range(_MAX_DEPTH):
        nested: list[object] = []
        for part in level:
            if type(part) is tuple:
                nested += part
                if len(nested) > most:
                    return False
            elif scalars is not None and type(part) not in scalars:
                return False
        if not nested:
            return True
        level = nested
    return False


def is_key(value: object) -> bool:
    """Whether `value` can be a key: exactly of one of the types above, and of a sane size."""
    if type(value) is not tuple:
        return type(value) in _PARTS
    for part in value:  # most are flat: this is asked for each reference
        if type(part) not in _PARTS:
            return bounded(value, _PARTS)
    return len(value) <= _MAX_PARTS


def is_plain(value: object) -> bool:
    """Whether `value` is a key that every protocol from 3 on carries as it is, and no danger to hash."""
    if type(value) is not tuple:
        return type(value) in SCALARS
    for part in value:
        if type(part) not in SCALARS:
            return bounded(value, SCALARS)
    return len(value) <= _MAX_PARTS


def write_id(name: str, key: object, protocol: int) -> object:
    """The persistent ID of `key` in the store `name`, in the shape that a stream of `protocol` wants.

    Raises PicklingError where `key` is no key.
    """
    if not is_key(key):
        raise WriteError(
            f"the store {name!r} gave a key that is a {type(key).__qualname__}: {key!r}. A key is exactly a"
            " str, int, bytes, UUID, date or None, or a tuple of these; give such a one, as str(key)"
        )
    if protocol == 0:
        return f"{quote(name, safe='')}:{_encode(key)}"
    return name, _tagged(key, protocol)


def store_name(pid: object) -> str | None:
    """The name of the store that `pid` belongs to; None for an ID that is not of the shape above."""
    if type(pid) is tuple and len(pid) == 2 and type(pid[0]) is str:
        return pid[0]
    if type(pid) is str:
        name, colon, _ = pid.partition(":")
        if colon and _NAME.fullmatch(name):
            return unquote(name)
    return None


def read_key(pid: object) -> Key:
    """The key that `pid` carries, where :func:`store_name` finds a name in it.

    Raises UnpicklingError where it is no key.
    """
    if type(pid) is tuple:
        key = pid[1]
        if is_plain(key):
            return key  # type: ignore[no-any-return]
        if not bounded(key, SCALARS | {bool}) or (key := _untagged(key)) is _NO_KEY:
            raise ReadError(
                f"the persistent ID for the store {pid[0]!r} carries no key, but a {type(key).__qualname__}"
                " (or a tuple too large to be one)"
            )
        return key  # type: ignore[no-any-return]
    assert type(pid) is str
    text = pid.partition(":")[2]
    try:
        key, end = _decode(text, 0, _MAX_DEPTH)
        if end != len(text):
            raise ValueError(f"{text[end:]!r} is left over")
    except ValueError as wrong:
        raise ReadError(f"the persistent ID {pid!r} carries no key: {wrong}") from None
    return key


def unbound(pid: object) -> UnpicklingError:
    """The error for a stream with the persistent ID `pid`, where no store is bound that it belongs to."""
    name = store_name(pid)
    if name is None:
        # No repr but of what is plainly data: another's may raise, on an object that is half built.
        spelled = repr(pid)[:100] if bounded(pid, SCALARS) else f"a {type(pid).__name__}"
        refused = refusals.no_persistent_load()
        refused.add_note(
            f"the persistent ID is {spelled}. Override or assign persistent_load, or bind the store that it"
            " comes from: with profile.bind(bare=store) as bound: bound.loads(data)"
        )
        return refused
    argument = f"{name}=store" if name.isidentifier() else f"**{{{name!r}: store}}"
    return UnboundStore(
        f"the stream refers to objects in the store {name!r}, which is not bound."
        f" Bind it: with profile.bind({argument}) as bound: bound.loads(data), where store is a URL such as"
        f' "sqlite:///{name}.db" or a store of your own'
    )


def _tagged(key: Any, protocol: int) -> object:
    """`key`, with a tuple that begins with True for each part for which `protocol` has no opcode."""
    kind = type(key)
    if kind is tuple:
        return tuple([_tagged(part, protocol) for part in key])
    if kind is UUID:
        return True, "uuid", key.hex
    if kind is date:
        return True, "date", key.isoformat()
    if kind is bytes and protocol < 3:
        return True, "bytes", key.hex()
    return key


_NO_KEY = object()


def _untagged(value: object) -> object:
    """The reverse of _tagged; _NO_KEY where `value` comes from nothing that it gives."""
    if type(value) is not tuple:
        return _NO_KEY if type(value) is bool else value
    if value and value[0] is True:
        return _from_tag(*value[1:]) if len(value) == 3 else _NO_KEY
    parts = tuple([_untagged(part) for part in value])
    return _NO_KEY if any(part is _NO_KEY for part in parts) else parts


def _from_tag(kind: object, text: object) -> object:
    if type(text) is str:
        try:
            if kind == "date":
                return date.fromisoformat(text)
            if kind == "uuid" and len(text) == 32 and _HEX.fullmatch(text):
                return UUID(text)
            if kind == "bytes" and _HEX.fullmatch(text):
                return bytes.fromhex(text)
        except ValueError:
            pass
    return _NO_KEY


def _encode(key: Any) -> str:
    kind = type(key)
    if kind is str:
        return quote(key, safe="", errors="surrogatepass")
    if kind is bytes:
        return "$" + quote_from_bytes(key, safe="")
    if kind is tuple:
        return f"({''.join(f'{_encode(item)},' for item in key)})"
    if key is None:
        return "*"
    if kind is UUID:
        return f"&{key.hex}"
    if kind is date:
        return f"@{key.isoformat()}"
    return f"#{key}"


def _decode(text: str, start: int, depth: int) -> tuple[Key, int]:
    """The key that begins at `start`, and where it ends. Raises ValueError."""
    if not text.startswith("(", start):
        end = _SCALAR_TEXT.match(text, start).end()  # type: ignore[union-attr]  # it matches anything
        return _decode_scalar(text[start:end]), end
    if not depth:
        raise ValueError("tuples are nested too deeply")
    items: list[Key] = []
    start += 1
    while not text.startswith(")", start):
        item, start = _decode(text, start, depth - 1)
        if not text.startswith(",", start):
            raise ValueError(f"a comma is missing at {start}")
        items.append(item)
        start += 1
    return tuple(items), start + 1


def _decode_scalar(text: str) -> Key:
    if text.startswith("#"):
        if not _INTEGER.fullmatch(text, 1):
            raise ValueError(f"{text!r} is no integer")
        return int(text[1:])
    if text.startswith("$"):
        return unquote_to_bytes(text[1:])
    if text == "*":
        return None
    if text.startswith(("&", "@")):
        key = _from_tag("uuid" if text[0] == "&" else "date", text[1:])
        if key is _NO_KEY:
            raise ValueError(f"{text!r} is neither a UUID nor a date")
        return key  # type: ignore[return-value]
    return unquote(text, errors="surrogatepass")
