"""THE opcode table of the pickle format, protocols 0 to 5.

One row per opcode: its code, its name, the argument that follows it in the stream, its exact effect
on the stack, the protocol that introduced it, and what it does. Writer, reader, disassembler and
documentation all use this table.

The stack effect is written as in Forth, ``before -- after`` with the top of the stack at the right.
``mark`` is the marker that MARK pushes and ``items*`` stands for all objects above the topmost mark.
An opcode may touch exactly what its effect names: `before` is what must lie above the last mark
(or, where it begins with ``mark``, from that mark on).

Sources: the pickle documentation and the notes of ``pickletools``; PEP 307 (protocol 2),
PEP 3154 (protocol 4), PEP 574 (protocol 5).
"""

from __future__ import annotations

from brinery.lean_typing import NamedTuple

__all__ = [
    "BATCH",
    "BY_CODE",
    "BY_NAME",
    "FRAME_LEAST",
    "FRAME_TARGET",
    "HIGHEST_PROTOCOL",
    "TABLE",
    "Argument",
    "Opcode",
    "codes",
]

HIGHEST_PROTOCOL = 5

#: So many items or pairs one APPENDS, ADDITEMS or SETITEMS takes at most, so that a reader's stack stays small.
BATCH = 1000
#: A frame (PEP 3154) ends at the first object that begins when it holds this many bytes; payloads of this size
#: and more stand outside frames, so that they need not be copied.
FRAME_TARGET = 64 * 1024
#: A frame of fewer bytes is written without its header.
FRAME_LEAST = 4


class Argument(NamedTuple):
    """The form of an opcode's argument.

    Exactly one of these holds: nothing follows (all zero), `size` bytes follow, `lines` lines that end
    in a newline follow, or a little-endian length of `prefix` bytes and then that many bytes follow.
    `signed` lengths can be negative in a malformed stream.
    """

    name: str
    size: int = 0
    lines: int = 0
    prefix: int = 0
    signed: bool = False
    doc: str = ""


NONE = Argument("none")
UINT1 = Argument("uint1", size=1, doc="one unsigned byte")
UINT2 = Argument("uint2", size=2, doc="two bytes, little-endian, unsigned")
INT4 = Argument("int4", size=4, doc="four bytes, little-endian, two's complement")
UINT4 = Argument("uint4", size=4, doc="four bytes, little-endian, unsigned")
UINT8 = Argument("uint8", size=8, doc="eight bytes, little-endian, unsigned")
FLOAT8 = Argument("float8", size=8, doc="IEEE 754 double, big-endian")
INT_LINE = Argument("int_line", lines=1, doc="an integer literal; 00 and 01 are False and True")
LONG_LINE = Argument("long_line", lines=1, doc="an integer literal, usually with an L behind it")
FLOAT_LINE = Argument("float_line", lines=1, doc="repr of a float")
STRING_LINE = Argument("string_line", lines=1, doc="a quoted Python 2 str literal")
UNICODE_LINE = Argument("unicode_line", lines=1, doc="raw-unicode-escape text")
INDEX_LINE = Argument("index_line", lines=1, doc="a memo index, in decimal")
ID_LINE = Argument("id_line", lines=1, doc="a persistent ID, ASCII text")
GLOBAL_LINES = Argument("global_lines", lines=2, doc="a module name, then a qualified name")
STRING1 = Argument("string1", prefix=1, doc="8-bit string, one-byte length")
STRING4 = Argument("string4", prefix=4, signed=True, doc="8-bit string, four-byte signed length")
BYTES1 = Argument("bytes1", prefix=1, doc="bytes, one-byte length")
BYTES4 = Argument("bytes4", prefix=4, doc="bytes, four-byte length")
BYTES8 = Argument("bytes8", prefix=8, doc="bytes, eight-byte length")
TEXT1 = Argument("text1", prefix=1, doc="UTF-8 (surrogates pass), one-byte length")
TEXT4 = Argument("text4", prefix=4, doc="UTF-8 (surrogates pass), four-byte length")
TEXT8 = Argument("text8", prefix=8, doc="UTF-8 (surrogates pass), eight-byte length")
LONG1 = Argument("long1", prefix=1, doc="two's complement, little-endian, one-byte length")
LONG4 = Argument("long4", prefix=4, signed=True, doc="as long1, with a four-byte signed length")


class Opcode(NamedTuple):
    """One row of the table."""

    code: bytes
    name: str
    argument: Argument
    effect: str
    protocol: int
    doc: str

    @property
    def before(self) -> tuple[str, ...]:
        """What the opcode takes from the stack or needs on it, bottom first."""
        return tuple(self.effect.partition("--")[0].split())

    @property
    def after(self) -> tuple[str, ...]:
        """What stands there afterwards, bottom first."""
        return tuple(self.effect.partition("--")[2].split())


# One row of the table is one line.
# fmt: off
TABLE: tuple[Opcode, ...] = (
    # Integers and booleans
    Opcode(b"I", "INT", INT_LINE, "-- int", 0, "Push an int or bool, written as a decimal literal."),
    Opcode(b"J", "BININT", INT4, "-- int", 1, "Push a four-byte signed int."),
    Opcode(b"K", "BININT1", UINT1, "-- int", 1, "Push a one-byte unsigned int."),
    Opcode(b"M", "BININT2", UINT2, "-- int", 1, "Push a two-byte unsigned int."),
    Opcode(b"L", "LONG", LONG_LINE, "-- int", 0, "Push an int of any size, written as a literal."),
    Opcode(b"\x8a", "LONG1", LONG1, "-- int", 2, "Push an int of up to 255 bytes."),
    Opcode(b"\x8b", "LONG4", LONG4, "-- int", 2, "Push an int of up to 2**31 - 1 bytes."),
    Opcode(b"\x88", "NEWTRUE", NONE, "-- bool", 2, "Push True."),
    Opcode(b"\x89", "NEWFALSE", NONE, "-- bool", 2, "Push False."),
    Opcode(b"N", "NONE", NONE, "-- none", 0, "Push None."),
    # Floats
    Opcode(b"F", "FLOAT", FLOAT_LINE, "-- float", 0, "Push a float, written as text."),
    Opcode(b"G", "BINFLOAT", FLOAT8, "-- float", 1, "Push a float of eight bytes."),
    # Strings of Python 2
    Opcode(b"S", "STRING", STRING_LINE, "-- str", 0, "Push a Python 2 str, decoded with the load's encoding."),
    Opcode(b"T", "BINSTRING", STRING4, "-- str", 1, "Push a Python 2 str, decoded with the load's encoding."),
    Opcode(b"U", "SHORT_BINSTRING", STRING1, "-- str", 1, "Push a Python 2 str of up to 255 bytes, decoded likewise."),
    # Bytes
    Opcode(b"B", "BINBYTES", BYTES4, "-- bytes", 3, "Push bytes."),
    Opcode(b"C", "SHORT_BINBYTES", BYTES1, "-- bytes", 3, "Push bytes, up to 255 of them."),
    Opcode(b"\x8e", "BINBYTES8", BYTES8, "-- bytes", 4, "Push bytes, more than 2**32 - 1 of them."),
    Opcode(b"\x96", "BYTEARRAY8", BYTES8, "-- bytearray", 5, "Push a bytearray."),
    Opcode(b"\x97", "NEXT_BUFFER", NONE, "-- buffer", 5, "Push the next out-of-band buffer."),
    Opcode(b"\x98", "READONLY_BUFFER", NONE, "buffer -- buffer", 5, "Make the topmost buffer a read-only view."),
    # Text
    Opcode(b"V", "UNICODE", UNICODE_LINE, "-- str", 0, "Push a str, written as raw-unicode-escape text."),
    Opcode(b"\x8c", "SHORT_BINUNICODE", TEXT1, "-- str", 4, "Push a str of up to 255 UTF-8 bytes."),
    Opcode(b"X", "BINUNICODE", TEXT4, "-- str", 1, "Push a str of up to 2**32 - 1 UTF-8 bytes."),
    Opcode(b"\x8d", "BINUNICODE8", TEXT8, "-- str", 4, "Push a str of more UTF-8 bytes than that."),
    # Lists
    Opcode(b"]", "EMPTY_LIST", NONE, "-- list", 1, "Push an empty list."),
    Opcode(b"a", "APPEND", NONE, "list item -- list", 0, "Append the topmost object to the list below it."),
    Opcode(b"e", "APPENDS", NONE, "list mark items* -- list", 1, "Extend the list below the mark."),
    Opcode(b"l", "LIST", NONE, "mark items* -- list", 0, "Build a list of everything above the mark."),
    # Tuples
    Opcode(b")", "EMPTY_TUPLE", NONE, "-- tuple", 1, "Push the empty tuple."),
    Opcode(b"t", "TUPLE", NONE, "mark items* -- tuple", 0, "Build a tuple of everything above the mark."),
    Opcode(b"\x85", "TUPLE1", NONE, "a -- tuple", 2, "Build a tuple of one object."),
    Opcode(b"\x86", "TUPLE2", NONE, "a b -- tuple", 2, "Build a tuple of two objects."),
    Opcode(b"\x87", "TUPLE3", NONE, "a b c -- tuple", 2, "Build a tuple of three objects."),
    # Dicts
    Opcode(b"}", "EMPTY_DICT", NONE, "-- dict", 1, "Push an empty dict."),
    Opcode(b"d", "DICT", NONE, "mark items* -- dict", 0, "Build a dict of the keys and values above the mark."),
    Opcode(b"s", "SETITEM", NONE, "dict key value -- dict", 0, "Set one item of the dict below."),
    Opcode(b"u", "SETITEMS", NONE, "dict mark items* -- dict", 1, "Set items of the dict below the mark."),
    # Sets
    Opcode(b"\x8f", "EMPTY_SET", NONE, "-- set", 4, "Push an empty set."),
    Opcode(b"\x90", "ADDITEMS", NONE, "set mark items* -- set", 4, "Add everything above the mark to the set below it."),
    Opcode(b"\x91", "FROZENSET", NONE, "mark items* -- frozenset", 4, "Build a frozenset of everything above the mark."),
    # The stack
    Opcode(b"0", "POP", NONE, "any --", 0, "Drop the topmost object, or the mark where that is topmost."),
    Opcode(b"2", "DUP", NONE, "any -- any any", 0, "Push the topmost object once more."),
    Opcode(b"(", "MARK", NONE, "-- mark", 0, "Push a mark."),
    Opcode(b"1", "POP_MARK", NONE, "mark items* --", 1, "Drop everything down to the topmost mark, and the mark."),
    # The memo
    Opcode(b"g", "GET", INDEX_LINE, "-- any", 0, "Push the memo's object of that index."),
    Opcode(b"h", "BINGET", UINT1, "-- any", 1, "Push the memo's object of that index."),
    Opcode(b"j", "LONG_BINGET", UINT4, "-- any", 1, "Push the memo's object of that index."),
    Opcode(b"p", "PUT", INDEX_LINE, "any -- any", 0, "Keep the topmost object in the memo under that index."),
    Opcode(b"q", "BINPUT", UINT1, "any -- any", 1, "Keep the topmost object in the memo under that index."),
    Opcode(b"r", "LONG_BINPUT", UINT4, "any -- any", 1, "Keep the topmost object in the memo under that index."),
    Opcode(b"\x94", "MEMOIZE", NONE, "any -- any", 4, "Keep the topmost object under the index after the last (the memo's size)."),
    # Globals
    Opcode(b"c", "GLOBAL", GLOBAL_LINES, "-- any", 0, "Push the global of that module and qualified name."),
    Opcode(b"\x93", "STACK_GLOBAL", NONE, "str str -- any", 4, "Push the global whose module and qualified name lie on the stack."),
    Opcode(b"\x82", "EXT1", UINT1, "-- any", 2, "Push the global that copyreg's extension registry has under that code."),
    Opcode(b"\x83", "EXT2", UINT2, "-- any", 2, "Push the global that copyreg's extension registry has under that code."),
    Opcode(b"\x84", "EXT4", INT4, "-- any", 2, "Push the global that copyreg's extension registry has under that code."),
    # Objects
    Opcode(b"R", "REDUCE", NONE, "callable tuple -- any", 0, "Call the callable with the tuple's items."),
    Opcode(b"b", "BUILD", NONE, "any state -- any", 0, "Give the object below its state: __setstate__, or attributes."),
    Opcode(b"i", "INST", GLOBAL_LINES, "mark items* -- any", 0, "Call the global of that name with everything above the mark."),
    Opcode(b"o", "OBJ", NONE, "mark callable items* -- any", 1, "Call what lies just above the mark with all that follows it."),
    Opcode(b"\x81", "NEWOBJ", NONE, "class tuple -- any", 2, "Call class.__new__(class, *tuple)."),
    Opcode(b"\x92", "NEWOBJ_EX", NONE, "class tuple dict -- any", 4, "Call class.__new__(class, *tuple, **dict)."),
    # Persistent IDs
    Opcode(b"P", "PERSID", ID_LINE, "-- any", 0, "Push what persistent_load gives for the ID in the stream."),
    Opcode(b"Q", "BINPERSID", NONE, "id -- any", 1, "Push what persistent_load gives for the ID on the stack."),
    # The stream itself
    Opcode(b"\x80", "PROTO", UINT1, "--", 2, "Say which protocol the stream uses."),
    Opcode(b".", "STOP", NONE, "any --", 0, "End the stream; the one object left is the result."),
    Opcode(b"\x95", "FRAME", UINT8, "--", 4, "Say that the next so many bytes hold whole opcodes only."),
)
# fmt: on

BY_CODE: dict[int, Opcode] = {op.code[0]: op for op in TABLE}
BY_NAME: dict[str, Opcode] = {op.name: op for op in TABLE}


def codes(*names: str) -> tuple[bytes, ...]:
    """The codes of the opcodes of these names, for an engine to give them names of its own."""
    return tuple(BY_NAME[name].code for name in names)
