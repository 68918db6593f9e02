"""Why a pickle does not load, and what would help, without running any of it."""

from __future__ import annotations

import copyreg
import sys
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from brinery.errors import PluginConflict, ReadError
from brinery.stream.faults import StreamEnds, locating
from brinery.stream.feeds import BytesFeed, Excerpt
from brinery.stream.globals import GlobalName, printable, shorten
from brinery.stream.kinds import LONGEST_MAGIC, no_pickle
from brinery.stream.names import Names, write_id
from brinery.stream.naming import namer
from brinery.stream.opcodes import BY_NAME
from brinery.stream.raw_arrays import read_through
from brinery.stream.resolving import resolve
from brinery.stream.scanner import Scanner
from brinery.stream.walk import WRAPPERS_MODULE, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    from brinery.stream.feeds import Feed, Readable
    from brinery.stream.raw_arrays import RawArray

__all__ = ["Diagnosis", "Finding", "diagnose"]

#: What a finding says of a load here, with no arguments: it goes on, it fails, or only a load can tell.
Weight: TypeAlias = Literal["fine", "fails", "unsure"]


class Finding(NamedTuple):
    """One thing that matters for whether a stream loads.

    weight  ``fine``, ``fails``, or ``unsure`` where only a load could tell
    what    what it is, with the place where there is one
    advice  what to do about it; empty where there is nothing to do
    """

    weight: Weight
    what: str
    advice: str = ""


class Diagnosis(NamedTuple):
    """What a stream is, and what stands in the way of loading it here.

    what      in a few words: ``2 pickles of protocol 2, 1,234 bytes``
    weight    the worst of the findings
    findings  in the order in which a load would meet them
    """

    what: str
    weight: Weight
    findings: tuple[Finding, ...]


_STOP = 0x2E
_LINES = 1 << 24  # bytes that are kept to try whether another form of them is sound
_SHOWN = 5  # names of a kind that are listed one by one
_SINCE = {4: "3.4", 5: "3.8"}
_OLD = {BY_NAME[name].code[0] for name in ("STRING", "BINSTRING", "SHORT_BINSTRING")}
_BUFFER = BY_NAME["NEXT_BUFFER"].code[0]

# Modules of the standard library that are gone, and the last Python that had them (its "What's New" pages).
_GONE = {
    **dict.fromkeys(("binhex", "asynchat.fifo", "formatter"), "3.9"),
    "parser": "3.9",
    "symbol": "3.9",
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), "3.11"),
    **dict.fromkeys(
        [
            "aifc",
            "audioop",
            "cgi",
            "cgitb",
            "chunk",
            "crypt",
            "imghdr",
            "mailcap",
            "msilib",
            "nis",
            "nntplib",
            "ossaudiodev",
            "pipes",
            "sndhdr",
            "spwd",
            "sunau",
            "telnetlib",
            "uu",
            "xdrlib",
            "lib2to3",
        ],
        "3.12",
    ),
}
# And modules that only newer ones have.
_NEWER = {"pathlib._local": "3.13", "annotationlib": "3.14", "compression": "3.14", "tomllib": "3.11"}

# Distributions whose modules have other names, and the plugin that knows how they were renamed.
_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "PIL": "Pillow",
    "yaml": "PyYAML",
    "dateutil": "python-dateutil",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
    "attr": "attrs",
}
_PLUGINS = {
    **dict.fromkeys(("numpy", "pandas", "sklearn", "scipy", "joblib"), "brinery-science"),
    "pathlib": "brinery-paths",
}
# Modules whose classes keep binary data in Python 2's strings.
_BINARY = ("datetime", "numpy", "array", "pandas")
# What runs whatever it is given. A stream that names one of these is not data.
_RUNS = {
    *(
        f"{module}.{name}"
        for module in ("posix", "nt", "os")
        for name in ("system", "popen", "execv", "execve")
    ),
    *(f"builtins.{name}" for name in ("eval", "exec", "compile", "__import__")),
    *(f"subprocess.{name}" for name in ("Popen", "call", "run", "check_output", "check_call", "getoutput")),
    "pty.spawn",
    "runpy._run_code",
    "runpy.run_path",
    "pdb.run",
    "timeit.timeit",
}


class _Questions(Names):
    """Beside the names, what makes a load depend on its arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.strings = 0
        self.undecodable = 0
        self.sample = b""
        self.utf8 = 0  # of these, what is UTF-8
        self.buffers = 0

    def constant(self, walk: Walk, code: int) -> Any:
        value = super().constant(walk, code)
        if code in _OLD:
            self.strings += 1
            data: Any = value.head if isinstance(value, Excerpt) else value
            if not data.isascii():
                self.undecodable += 1
                self.sample = self.sample or data[:30]
                try:
                    data.decode("utf-8")
                    self.utf8 += 1
                except UnicodeDecodeError as refused:
                    # Of an excerpt, the last character may be cut in two.
                    self.utf8 += isinstance(value, Excerpt) and refused.start > len(data) - 4
        elif code == _BUFFER:
            self.buffers += 1
        return value


def diagnose(
    source: Readable | Buffer,
    *,
    names: Callable[[str, str, bool], tuple[str, str]] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Diagnosis:
    """Say what `source` is, where it breaks, and which rule, plugin, encoding or Python version would help.

    `source` is bytes, or a file of which only ``read(n)`` is used, read to its end. Nothing of it is run and
    nothing imported: whether names are found is told from modules that are loaded, and from sources. `names`,
    a function of module, name and whether Python 2's tables count, says what names have become; without it
    the standard library's tables do. `progress` is called now and then with how many bytes were read.

    A malformed stream is a finding, and raises nothing.
    """

    def examine(feed: Feed, arrays: tuple[RawArray, ...] | None) -> tuple[_Examination, tuple[Finding, ...]]:
        examination = _Examination(feed, arrays, names or namer())
        return examination, tuple(examination.findings())

    examination, findings = read_through(source, progress, examine)
    weights = {finding.weight for finding in findings}
    worst: Weight = "fails" if "fails" in weights else "unsure" if "unsure" in weights else "fine"
    return Diagnosis(examination.what(), worst, findings)


class _Examination:
    def __init__(self, feed: Feed, arrays: tuple[RawArray, ...] | None, names: Any) -> None:
        self.feed = _Seen(feed)
        self.names = names
        self.keeper = _Questions()
        self.scanner = Scanner(self.feed)
        self.walk = Walk(self.scanner, self.keeper, arrays=arrays)
        self.arrays = len(arrays or ())
        self.pickles = 0
        self.protocol = 0
        self.fault: ReadError | None = None
        self.behind = -1  # where what is behind the last sound pickle begins

    def what(self) -> str:
        size = f"{self.feed.size:,} bytes"
        if not self.pickles:
            return f"no sound pickle, {size}"
        pickles = "1 pickle" if self.pickles == 1 else f"{self.pickles:,} pickles"
        return f"{pickles} of protocol {self.protocol}, {size}"

    def findings(self) -> Iterator[Finding]:
        try:
            with locating(self.walk):
                self._run()
        except ReadError as fault:
            self.fault = fault
        while self.feed.more(0):  # for its size, and to tell damage
            pass
        if self._has_arrays():
            many = f"{self.arrays:,} arrays stand" if self.arrays > 1 else "an array stands"
            yield Finding(
                "fails", f"{many} between the opcodes, as joblib writes them", "joblib.load(path) reads it"
            )
        elif self.fault is not None and not self.pickles:
            yield from self._broken(self.fault)
            if no_pickle(self.feed.beginning) or not self.feed.size:
                return
        yield from self._version()
        yield from self._arguments()
        yield from self._persistent()
        yield from self._extensions()
        yield from self._globals()
        if self.pickles:
            yield from self._rest()

    def _has_arrays(self) -> bool:
        """Whether they were found; or where the stream cannot be read twice, there is every sign of them."""
        named = any(name.endswith(WRAPPERS_MODULE) for name, _ in self.keeper.globals)
        return self.arrays > 0 or (self.fault is not None and named)

    def _run(self) -> None:
        while True:
            while self.walk.step() != _STOP:
                self.protocol = max(self.protocol, self.walk.protocol)
            self.pickles += 1
            self.behind = self.scanner.end
            if self.scanner.at_end():
                break
            self.walk.next_pickle()
        self.scanner.finish()

    # What is wrong with the bytes

    def _broken(self, fault: ReadError) -> Iterator[Finding]:
        beginning = self.feed.beginning
        if not beginning:
            yield Finding(
                "fails", "the file is empty", "it was not written to its end, or never: look for a backup"
            )
            return
        other = no_pickle(beginning, fault.pickle_offset, str(fault))
        if other:
            what, _, advice = other.partition("; ")
            yield Finding("fails", what, advice)
            return
        where = f"{fault} (at offset {fault.pickle_offset}, opcode {fault.pickle_opcode})"
        yield Finding("fails", where, self._cure(fault))

    def _cure(self, fault: ReadError) -> str:
        words = str(fault)
        data = self.feed.kept
        if data is not None and b"\r\n" in data and _sound(data.replace(b"\r\n", b"\n")):
            return (
                "its line ends were made \\r\\n, by text mode or a transfer: "
                "data.replace(b'\\r\\n', b'\\n') undoes it; write and send it as binary"
            )
        if data is not None and data[:1] in b" \t\r\n" and _sound(data.lstrip()):
            return "blanks stand before the pickle: data.lstrip() is sound"
        if data is not None and _sound(data + b"."):
            return "only STOP, its last byte, is missing: data + b'.' is sound"
        if "protocol" in words and "unknown" in words:
            return "a newer Python than this one may have written it; or it is no pickle"
        if "no opcode" in words and fault.pickle_offset == 0:
            return "it does not begin as a pickle does: is it a pickle at all?"
        if (
            isinstance(fault, StreamEnds)
            or "stream ends" in words
            or " earlier" in words
            or "and the stream at" in words
        ):
            return f"it was cut short, after {self.feed.size:,} bytes: get it again from where it came"
        return "from there on it is damaged; brinery dis FILE shows what is sound before it"

    def _rest(self) -> Iterator[Finding]:
        left = self.feed.size - self.behind
        if self.fault is None:
            if self.pickles > 1:
                yield Finding(
                    "fine",
                    f"a load gives the first of {self.pickles:,} pickles",
                    "brinery.load_all(path) gives all",
                )
        elif not self._has_arrays():
            yield Finding(
                "fine",
                f"behind the last sound pickle stand {left:,} bytes that are none ({self.fault})",
                f"loads that stop there are not disturbed; they begin at offset {self.behind:,}",
            )

    # What depends on this Python, and on the load's arguments

    def _version(self) -> Iterator[Finding]:
        since = _SINCE.get(self.protocol)
        if since is not None:
            yield Finding("fine", f"protocol {self.protocol} is read by Python {since} and later")
        elif self.keeper.strings and self.protocol < 3:
            yield Finding("fine", "Python 2 wrote it: it has strings that may be text or bytes")

    def _arguments(self) -> Iterator[Finding]:
        keeper = self.keeper
        if keeper.undecodable:
            share = f"{keeper.undecodable:,} of {keeper.strings:,} strings of Python 2"
            what = f"{share} are not ASCII, such as {keeper.sample!r}"
            binary = [n for n in keeper.globals if n[0].partition(".")[0] in _BINARY]
            if keeper.utf8 == keeper.undecodable and not binary:
                yield Finding("fails", what, "all are UTF-8: load it with encoding='utf-8'")
            elif keeper.utf8:
                rest = "the others are no text, or in another encoding"
                if binary:
                    rest = f"{printable('.'.join(binary[0]))} keeps binary data in them"
                yield Finding(
                    "fails",
                    what,
                    f"{keeper.utf8:,} are UTF-8, and {rest}: brinery.load with encoding='utf-8', "
                    "errors='bytes' reads text as text, and leaves the others bytes",
                )
            elif binary:
                name = ".".join(binary[0])
                yield Finding(
                    "fails",
                    what,
                    f"{printable(name)} keeps binary data in them: load it with encoding='latin1'",
                )
            else:
                yield Finding(
                    "fails",
                    what,
                    "they are not UTF-8: encoding='latin1' reads all, encoding='bytes' keeps them",
                )
        if keeper.buffers:
            yield Finding(
                "fails",
                f"it needs {keeper.buffers} out-of-band buffers, which are not in it",
                "give them to the load, in their order: buffers=[…]; whoever wrote it had a buffer_callback",
            )

    def _persistent(self) -> Iterator[Finding]:
        ids = self.keeper.persistent_ids
        if not ids:
            return
        sample = shorten(write_id(next(iter(ids))), 60)
        advice = (
            "an Unpickler with persistent_load, or a profile with the store bound, has to give these objects"
        )
        if any(write_id(pid).startswith("('storage', ") for pid in ids):
            advice = "PyTorch wrote it: torch.load(path) reads it"
        elif any(module.startswith(("persistent", "BTrees")) for module, _ in self.keeper.globals):
            advice = "it is a record of ZODB: its storage's connection loads it"
        yield Finding("fails", f"{len(ids):,} persistent IDs, such as {sample}", advice)

    def _extensions(self) -> Iterator[Finding]:
        known = getattr(copyreg, "_inverted_registry", {})
        missing = sorted(code for code in self.keeper.extensions if code not in known)
        if missing:
            yield Finding(
                "fails",
                f"extension codes that nobody has registered here: {', '.join(map(str, missing[:_SHOWN]))}",
                "copyreg.add_extension(module, name, code) before the load, as the program did that wrote it",
            )

    def _globals(self) -> Iterator[Finding]:
        unsure = []
        for named in sorted(self.keeper.globals.values(), key=lambda one: -one.uses):
            name = named.name
            try:
                today = GlobalName(*self.names(*name, named.era))
            except PluginConflict as conflict:
                yield Finding("fails", str(conflict))
                continue
            found = resolve(*today, dotted=named.dotted)
            shown = f"{name}" if name == today else f"{name}, which is {today} today,"
            reaches = found.reaches or ".".join(today)
            if reaches in _RUNS:
                yield Finding(
                    "unsure",
                    f"it names {shown} ({printable(reaches)}), which runs what it is given",
                    "data needs no such thing: do not load it unless you trust whoever wrote it",
                )
            if found.status in ("no module", "no name"):
                yield Finding(
                    "fails", f"{shown} is not found here: {found.status}", _advice(name, today, found.status)
                )
            elif found.status == "unknown":
                unsure.append(str(today))
        if unsure:
            more = f" and {len(unsure) - _SHOWN:,} more" if len(unsure) > _SHOWN else ""
            yield Finding(
                "unsure", f"only a load can tell whether these are found: {', '.join(unsure[:_SHOWN])}{more}"
            )


def _advice(name: GlobalName, today: GlobalName, status: str) -> str:
    top = today.module.partition(".")[0]
    if top == "__main__":
        return (
            "the class was defined in the program that wrote it: define or import it in yours before the load"
        )
    for module, version in _GONE.items():
        if today.module == module or today.module.startswith(f"{module}."):
            return f"Python {version} is the last that has it"
    for module, version in _NEWER.items():
        if today.module == module or today.module.startswith(f"{module}."):
            helps = f", or the plugin {_PLUGINS[top]}" if top in _PLUGINS else ""
            return f"it needs Python {version}{helps}"
    rule = f'or it moved: a plugin\'s NameTable says so, with read={{"{name.module}:{name.qualname}": "…"}}'
    there = resolve(top, "", dotted=False).status != "no module"
    plugin = f"the plugin {_PLUGINS[top]} knows many such names; " if top in _PLUGINS else ""
    if there and top not in sys.stdlib_module_names:
        return f"{plugin}another version of {_DISTRIBUTIONS.get(top, top)} may have it, {rule}"
    if there:
        return f"another version of Python may have it, {rule}"
    if name.module in ("copy_reg", "__builtin__"):
        return "a name of Python 2 that only protocols 0 to 2 have read as such"
    package = printable(_DISTRIBUTIONS.get(top, top))
    return f"{plugin}install what brings the module {printable(top)} (pip install {package}?), {rule}"


class _Seen:
    """A feed that knows how the stream began and how long it is, and keeps it if it is not long."""

    exact = False

    def __init__(self, feed: Any) -> None:
        self._feed = feed
        self.size = 0
        self.beginning = b""
        self._pieces: list[bytes] = []

    def more(self, wanted: int, /) -> bytes:
        data: bytes = self._feed.more(wanted)
        if len(self.beginning) < LONGEST_MAGIC:
            self.beginning += data[: LONGEST_MAGIC - len(self.beginning)]
        self.size += len(data)
        if self.size <= _LINES:
            self._pieces.append(data)
        else:
            self._pieces.clear()
        return data

    @property
    def kept(self) -> bytes | None:
        """All of it; None where that is too much."""
        return b"".join(self._pieces) if self.size <= _LINES else None


def _sound(data: bytes) -> bool:
    """Whether a whole pickle stands there."""
    walk = Walk(Scanner(BytesFeed(data)), Names())
    try:
        walk.run()
    except (ReadError, ValueError, OverflowError):
        return False
    return walk.scanner.at_end()
