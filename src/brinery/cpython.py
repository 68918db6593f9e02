"""What the CPythons that brinery supports do differently: everything that asks for a version asks here.

A stream is written as C pickle of the running Python writes it, and what that refuses is refused in its
words (:mod:`brinery.refusals`). Each name below is one difference, with the version that brought it.
"""

from __future__ import annotations

import pickle
import sys

__all__ = [
    "BOOLS_ARE_LITERAL",
    "EMPTY_BATCHES_ARE_GIVEN",
    "EXTENSION_CODES_ARE_INDICES",
    "GETATTR_IN_A_ROW",
    "LISTS_KEEP_THEIR_SIZE",
    "LOOKUP_ERRORS_PASS",
    "NESTED_FRAMES_FIRST",
    "NOTES_FOR_LEVELS",
    "NUMBERS_ARE_DECIMAL",
    "PATHS_ARE_RESOLVED",
    "PERSISTENT_IN_ONE_LINE",
    "PRIVATE_NAMES_ARE_MANGLED",
    "REFUSALS_NAME_TYPES",
    "RESTS_STAND_ALONE",
]

_PYTHON = sys.version_info[:2]

# Writing

#: Below protocol 4, a name with dots is as many calls of getattr as there are dots, none of them memoized.
GETATTR_IN_A_ROW = _PYTHON >= (3, 13)

#: One item that is left over after a thousand of a list or dict stands alone, without a MARK; and where
#: none is left over, a dict or set does not end in an empty batch.
RESTS_STAND_ALONE = _PYTHON >= (3, 15)


class _Grows:
    """Makes the list longer that it is in, while that is written."""

    def __init__(self, within: list[object]) -> None:
        self.within = within

    def __reduce__(self) -> tuple[object, ...]:
        self.within.append(None)
        return int, ()


def _lists_keep_their_size() -> bool:
    if _PYTHON != (3, 14):
        return _PYTHON > (3, 14)
    # Some bug-fix release of 3.14 brought it, in the middle of 2026.
    probe: list[object] = []
    probe += [_Grows(probe), None]
    try:
        pickle.dumps(probe, 2)
    except RuntimeError:
        return True
    return False


#: A list that changes its size while it is written is a RuntimeError, as a dict always was.
LISTS_KEEP_THEIR_SIZE = _lists_keep_their_size()

#: In a name with dots, a private part is looked up under the name that its class gave it.
PRIVATE_NAMES_ARE_MANGLED = _PYTHON >= (3, 15)

# Refusing to write

#: An exception gets a note for each level that was being written.
NOTES_FOR_LEVELS = _PYTHON >= (3, 14)

#: Refusals have the words of today, which name the types that were met in full.
REFUSALS_NAME_TYPES = _PYTHON >= (3, 14)

#: The look-up of a global makes a PicklingError of what says that nothing is there, and lets all else pass.
LOOKUP_ERRORS_PASS = _PYTHON >= (3, 14)

#: A code of the extension registry is whatever gives an index. Before, anything but an int is refused.
EXTENSION_CODES_ARE_INDICES = _PYTHON >= (3, 13)

# Reading

#: A frame inside another is refused before its length is looked at.
NESTED_FRAMES_FIRST = _PYTHON >= (3, 14)

#: An object that is no list or set is given what an empty APPENDS or ADDITEMS holds, too.
EMPTY_BATCHES_ARE_GIVEN = _PYTHON >= (3, 15)

#: A global that is not there is an AttributeError in the interpreter's words; of a path, in pickle's.
PATHS_ARE_RESOLVED = _PYTHON >= (3, 14)

#: What is said of a persistent ID that nothing loads has no line break.
PERSISTENT_IN_ONE_LINE = _PYTHON >= (3, 12)


def _reads(stream: bytes, result: str) -> bool:
    # Changes that came with bugfix releases: no version's number tells.
    try:
        return repr(pickle.loads(stream)) == result
    except ValueError:
        return False


#: Numbers in text are decimal. Before, C's strtol() and int() read them, with base 0.
NUMBERS_ARE_DECIMAL = _reads(b"I010\n.", "10")

#: 00 and 01 are bools (PEP 285). Before, anything of two characters was that is worth 0 or 1.
BOOLS_ARE_LITERAL = _reads(b"I+0\n.", "0")
