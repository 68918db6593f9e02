"""Pickles that are kept as text: of protocol 0, which is text by itself; in base64; in hexadecimal digits."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from brinery.errors import ReadError
from brinery.stream.soundness import is_sound
from brinery.upgrade.contents import upgrade_value
from brinery.upgrade.streams import upgrade_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from brinery.upgrade.rules import Changes, Rules

__all__ = ["upgrade_text"]

# How text becomes bytes, and bytes text again. What does not come back the same is none of these.
_FORMS: tuple[tuple[Callable[[str], bytes], Callable[[bytes], str]], ...] = (
    (bytes.fromhex, bytes.hex),
    (bytes.fromhex, lambda data: data.hex().upper()),
    (base64.b64decode, lambda data: base64.b64encode(data).decode()),
    (base64.urlsafe_b64decode, lambda data: base64.urlsafe_b64encode(data).decode()),
    (base64.b64decode, lambda data: base64.encodebytes(data).decode()),
)
_BEYOND = re.compile(rb"[\x80-\xff]")


def upgrade_text(text: str, rules: Rules) -> tuple[str, Changes] | None:
    """A text that is a pickle, upgraded, verified and in the same form, with what was changed; else None.

    What is text by itself stays at protocol 0, as no other protocol is; what is in base64 or hexadecimal
    digits, compressed or not, gets the protocol of the rules. Raises UnpicklingError where it begins as a
    pickle and is damaged, and where it has characters of which nobody can say what bytes they were.
    """
    if "\n" in text and text.endswith("."):
        if not text.isascii():
            if is_sound(text.encode("utf-8", "surrogateescape")):
                raise ReadError(
                    "a pickle as text that has characters beyond ASCII: which bytes they were depends on the "
                    "program that wrote it. Read its rows in that way, and write them as bytes"
                )
            return None
        found = upgrade_value(text.encode(), plain := rules._replace(protocol=0))
        if found is None:
            return None
        data, changes = found
        new = _BEYOND.sub(lambda byte: b"\\u%04x" % byte[0][0], data)
        if upgrade_bytes(new, plain) != data:
            raise ReadError(
                "protocol 0 cannot say it in ASCII alone: keep it as bytes, in a column for these"
            )
        return new.decode("ascii"), changes
    for decode, encode in _FORMS:
        try:
            data = decode(text)
        except (ValueError, binascii.Error):
            continue
        if len(data) > 2 and encode(data) == text:
            found = upgrade_value(data, rules)
            return None if found is None else (encode(found[0]), found[1])
    return None
