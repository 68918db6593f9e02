"""The format itself: what stands in a stream, and what it says, without loading it.

Nothing that a stream names is imported, called or built here, whatever the stream says. Files of any size
are read in bounded pieces, and hostile input does no harm: lengths are checked, depth costs memory and
nothing else, and what is shown of a value is short.

=======================  ==================================================================================
opcodes, text            the opcode table, and the text forms of protocols 0 to 2
feeds, scanner           from bytes and files to opcodes with their arguments
walk                     the symbolic machine, and the `Keeper` that says what a symbol is worth keeping
names, symbols, weights  keepers: what a stream refers to; everything; how big it is
parts                    a tree of what is big, which stays small
graph                    a keeper: what a stream would build, the same whichever protocol it is written at
rewriting, leaves        from a graph back to a stream
places, ruling           where in a graph a string of Python 2 stands, and what text rules say of it
disassembly, diffing     opcode by opcode; what differs between two streams
instructions, showing    what is said of an opcode, and how a symbol is shown
likeness, reductions     what two objects are compared by, at whichever protocol they were written
digests                  a keeper: the graph, and a number for each object, the same for equal ones
aligning, graph_texts    which items of two lists belong together; what is shown of values
doctoring, missing       why a stream does not load; what helps where a name is not found
reach                    functions that are no data, and what they are able to do
naming                   what a name has become, by the rules of a plan
refs, sizing             globals, persistent IDs, extension codes, nested pickles; bytes by path and class
kinds, packing           what a file is, and what it was compressed with
soundness                whether bytes are a pickle from beginning to end
containers, columns      pickles in archives, databases and shelves
members                  all files of an archive, to be compared as wholes
resolving                what a name would reach here
=======================  ==================================================================================
"""

from __future__ import annotations

from brinery.interpreters import foreign_is_none, in_main_interpreter, load_sources
from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brinery.stream.containers import Found, pickles_in
    from brinery.stream.diffing import Difference, diff
    from brinery.stream.disassembly import disassemble
    from brinery.stream.doctoring import Diagnosis, Finding, diagnose
    from brinery.stream.feeds import Excerpt
    from brinery.stream.globals import GlobalName
    from brinery.stream.instructions import Instruction
    from brinery.stream.refs import Nested, References, references
    from brinery.stream.sizing import Part, Sizes, sizes

__all__ = [
    "Diagnosis",
    "Difference",
    "Excerpt",
    "Finding",
    "Found",
    "GlobalName",
    "Instruction",
    "Nested",
    "Part",
    "References",
    "Sizes",
    "diagnose",
    "diff",
    "disassemble",
    "pickles_in",
    "references",
    "sizes",
]

# Where each name lives. The engines import modules of this package, and need none of these.
_PLACES = {
    "Diagnosis": "doctoring",
    "Finding": "doctoring",
    "diagnose": "doctoring",
    "Found": "containers",
    "pickles_in": "containers",
    "Difference": "diffing",
    "diff": "diffing",
    "Excerpt": "feeds",
    "GlobalName": "globals",
    "Instruction": "instructions",
    "Nested": "refs",
    "Part": "sizing",
    "Sizes": "sizing",
    "sizes": "sizing",
    "References": "refs",
    "disassemble": "disassembly",
    "references": "refs",
}

_COMPILED = (
    "scanner",
    "memo",
    "walk",
    "showing",
    "symbols",
    "disassembly",
    "names",
    "parts",
    "weights",
    "graph",
    "digests",
    "leaves",
    "rewriting",
)


def _changed_since_compiled() -> str:
    """The name of a source that is not as it was when it was compiled; empty where all are.

    Told by their sizes, as setup.py noted them, for this runs at each start; and by their check sums where
    they are younger than that note, as in a repository that one works in. What is compiled from other sources
    may not even be importable beside what is new.
    """
    from os import stat

    try:
        with open(f"{__path__[0]}/compiled_from.txt", encoding="ascii") as noted:
            lines = [line.split() for line in noted]
        then = stat(f"{__path__[0]}/compiled_from.txt").st_mtime
    except OSError:
        return ""  # nothing was compiled, or nothing noted
    for name, told in lines:
        size, _, checksum = told.partition(":")
        try:
            found = stat(f"{__path__[0]}/{name}")
            if found.st_size != int(size) or (found.st_mtime > then and _checksum(name) != int(checksum, 16)):
                return name
        except (OSError, ValueError):
            continue
    return ""


def _checksum(name: str) -> int:
    from binascii import crc32

    with open(f"{__path__[0]}/{name}", "rb") as file:
        return crc32(file.read())


def _not_for_this_python() -> str:
    """Why the modules that were compiled cannot be loaded, by the first of them; empty where they can."""
    try:
        with foreign_is_none():
            __import__(f"{__name__}.memo")  # the smallest, which imports next to nothing
    except ImportError as wrong:
        return str(wrong)
    return ""


#: Why these modules are interpreted although they were compiled; or empty.
interpreted_because = ""

# Those that are compiled: the main interpreter alone can load them so.
if not in_main_interpreter():
    load_sources(__name__, __path__[0], _COMPILED)
elif _stale := _changed_since_compiled():
    interpreted_because = (
        f"brinery/stream/{_stale} has changed since it was compiled: the stream tools are interpreted, and "
        "slow; pip install brinery, or pip install -e . in its repository, compiles them again"
    )
    load_sources(__name__, __path__[0], _COMPILED)
elif _wrong := _not_for_this_python():
    interpreted_because = (
        f"what is compiled of brinery/stream cannot be loaded ({_wrong}): the stream tools are interpreted, "
        "and slow; pip install --force-reinstall brinery, or pip install -e . in its repository, compiles "
        "them again"
    )
    load_sources(__name__, __path__[0], _COMPILED)


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(__import__(f"{__name__}.{_PLACES[name]}", fromlist=[name]), name)
