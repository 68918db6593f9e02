"""Why a pickle does not load, and what would help, without running any of it."""

from __future__ import annotations

import copyreg
import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from brinery.errors import PluginConflict, ReadError, WriteError
from brinery.stream.faults import StreamEnds, locate_at, locating
from brinery.stream.feeds import BytesFeed, Excerpt
from brinery.stream.globals import printable
from brinery.stream.graph import Graph
from brinery.stream.impossible import Impossible, check_call, check_change, check_digits, check_hashable
from brinery.stream.kinds import LONGEST_MAGIC, no_pickle
from brinery.stream.missing import advice_on
from brinery.stream.names import Named, Names, write_id
from brinery.stream.naming import PLAIN, looker, namer
from brinery.stream.opcodes import BY_NAME, TABLE
from brinery.stream.raw_arrays import read_through
from brinery.stream.reach import reach_of
from brinery.stream.refs import nested_in
from brinery.stream.resolving import missing_import
from brinery.stream.rewriting import Rewriter
from brinery.stream.ruling import ruled
from brinery.stream.scanner import Scanner
from brinery.stream.soundness import is_sound
from brinery.stream.text import NUMBER_TOO_LONG, begin_of_string
from brinery.stream.walk import WRAPPERS_MODULE, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    from brinery.plan import ReadPlan
    from brinery.stream.feeds import Feed, Readable
    from brinery.stream.naming import Today
    from brinery.stream.places import Place
    from brinery.stream.raw_arrays import RawArray

    _Looker: TypeAlias = Callable[[str, str, bool, bool], Today]

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
_LINE_ENDS = (
    "its line ends were made \\r\\n, by text mode or a transfer: "
    "data.replace(b'\\r\\n', b'\\n') undoes it; write and send it as binary"
)
_DEEPEST = 8  # pickles in pickles
_SHOWN = 5  # names of a kind that are listed one by one
_SINCE = {4: "3.4", 5: "3.8"}
_GIVEN = 3  # calls of a function that are shown with what it is given
_STRING = BY_NAME["STRING"].code[0]
_OLD = {BY_NAME[name].code[0] for name in ("STRING", "BINSTRING", "SHORT_BINSTRING")}
_OF_TUPLE = {BY_NAME[name].code[0] for name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX")}
_LINES_OF = {code.code[0] for code in TABLE if code.argument.lines}
_BUFFER = BY_NAME["NEXT_BUFFER"].code[0]
_DICT, _FROZENSET = BY_NAME["DICT"].code[0], BY_NAME["FROZENSET"].code[0]
_FRAME = BY_NAME["FRAME"].code[0]
_NO_FILE = 1 << 50  # bytes; a length beyond that was never written

# Modules whose classes keep binary data in Python 2's strings.
_BINARY = ("datetime", "numpy", "array", "pandas")


class _Questions(Names):
    """Beside the names, what makes a load depend on its arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.strings = 0
        self.undecodable = 0
        self.sample = b""
        self.utf8 = 0  # of these, what is UTF-8
        self.buffers = 0
        self.lines = self.returns = 0  # arguments that are lines, and how many of them end in \r
        self.given: dict[tuple[str, str], list[str]] = {}  # what functions are called with

    def constant(self, walk: Walk, code: int) -> Any:
        value = super().constant(walk, code)
        check_digits(code, value)
        if code in _LINES_OF:
            self._line(walk.scanner.payload())
        if code in _OLD:
            self.strings += 1
            data: Any = value
            if isinstance(value, Excerpt):
                data = value.head
                data = begin_of_string(data) if code == _STRING else data
            if not data.isascii():
                self.take(data, isinstance(value, Excerpt))
        elif code == _BUFFER:
            self.buffers += 1
        return value

    def name(self, walk: Walk, module: str, qualname: str) -> Named:
        if walk.scanner.code in _LINES_OF:
            for line in (module, qualname):
                self._line(line.encode())
        return super().name(walk, module, qualname)

    def store(self, walk: Walk, index: int, symbol: Any) -> Any:
        if walk.scanner.code in _LINES_OF:
            self._line(walk.scanner.payload())
        return super().store(walk, index, symbol)

    def _line(self, line: bytes) -> None:
        self.lines += bool(line)  # an empty one tells nothing
        self.returns += line.endswith(b"\r")

    def take(self, data: bytes, cut: bool) -> None:
        """Count a string that is not ASCII; where it is `cut`, its last character may be, too."""
        self.undecodable += 1
        self.sample = self.sample or data[:30]
        try:
            data.decode("utf-8")
            self.utf8 += 1
        except UnicodeDecodeError as refused:
            self.utf8 += cut and refused.start > len(data) - 4

    def make(self, walk: Walk, code: int, first: int) -> Any:
        if code == _DICT:
            check_hashable(walk.stack[first::2], "a key of a dict")
        elif code == _FROZENSET:
            check_hashable(walk.stack[first:], "a member of a frozenset")
        return super().make(walk, code, first)

    def change(self, walk: Walk, code: int, first: int) -> Any:
        check_change(code, walk.stack, first)
        return super().change(walk, code, first)

    def call(self, walk: Walk, code: int, function: Any, first: int) -> Any:
        check_call(code, function, walk.stack[first] if code in _OF_TUPLE else None)
        if type(function) is Named:
            given = self.given.setdefault(function.name, [])
            if len(given) < _GIVEN:
                arguments = walk.stack[first] if code in _OF_TUPLE else tuple(walk.stack[first:][:8])
                given.append(write_id(arguments, 60))
        return super().call(walk, code, function, first)


def diagnose(
    source: Readable | Buffer,
    *,
    plan: ReadPlan = PLAIN,
    progress: Callable[[int], object] | None = None,
) -> Diagnosis:
    """Say what `source` is, where it breaks, and which rule, plugin, encoding or Python version would help.

    `source` is bytes, or a file of which only ``read(n)`` is used, read to its end. Nothing of it is run and
    nothing imported: whether names are found is told from modules that are loaded, and from sources. `plan`
    is whose rules count, a profile's ``read_plan``: its name tables, fallbacks, stand-ins, text rules and the
    reasons why names are gone; without it the standard library's tables do. `progress` is called now and then
    with how many bytes were read.

    Pickles within its bytes are looked into as well, 8 deep in each other: what keeps one of them from
    loading is ``unsure``, for only the program knows whether it loads them. A `source` that cannot be read
    again is not looked into so.

    A malformed stream is a finding, and raises nothing.
    """
    file: Any = source if hasattr(source, "read") else None
    again = file.tell() if _is_sought(file) else None

    look = looker(plan)

    def examine(feed: Feed, arrays: tuple[RawArray, ...] | None) -> tuple[_Examination, tuple[Finding, ...]]:
        examination = _Examination(feed, arrays, plan, look)
        return examination, tuple(examination.findings())

    examination, findings = read_through(source, progress, examine)
    if again is not None:
        file.seek(again)
    if file is None or again is not None:
        findings += _within(source, plan, look)
    weights = {finding.weight for finding in findings}
    worst: Weight = "fails" if "fails" in weights else "unsure" if "unsure" in weights else "fine"
    return Diagnosis(examination.what(), worst, findings)


def _is_sought(source: Any) -> bool:
    return bool(getattr(source, "seekable", bool)())


def _within(source: Any, plan: ReadPlan, look: _Looker) -> tuple[Finding, ...]:
    """What is found of the pickles in the bytes of `source`; what is found of many is said once."""
    told: dict[tuple[str, str], list[Any]] = {}
    for path, finding in _nested(source, plan, look, (), _DEEPEST):
        seen = told.setdefault((finding.what, finding.advice), [path, 0])
        seen[1] += 1
    findings = []
    for (what, advice), (path, count) in told.items():
        where = ", there at ".join(f"offset {offset:,}" for offset in path)
        more = f" (and {count - 1:,} more)" if count > 1 else ""
        findings.append(Finding("unsure", f"a pickle in the bytes at {where}{more}: {what}", advice))
    return tuple(findings)


def _nested(
    source: Any, plan: ReadPlan, look: _Looker, path: tuple[int, ...], depth: int
) -> Iterator[tuple[tuple[int, ...], Finding]]:
    for offset, feed, more in nested_in(source):
        pieces = []
        while piece := feed.more(0):
            pieces.append(piece)
        data = b"".join(pieces)
        inside = (*path, offset)
        for finding in _Examination(BytesFeed(data), (), plan, look).findings():
            if finding.weight != "fine":
                yield inside, finding
        if more and depth > 1:
            yield from _nested(data, plan, look, inside, depth - 1)


class _Examination:
    def __init__(
        self, feed: Feed, arrays: tuple[RawArray, ...] | None, plan: ReadPlan, look: _Looker
    ) -> None:
        self.feed = _Seen(feed)
        self.plan = plan
        self.look = look  # shared by all pickles in a stream: it may have read sources to find a name
        self.keeper = _Questions()
        self.scanner = Scanner(self.feed)
        self.walk = Walk(self.scanner, self.keeper, arrays=arrays)
        self.arrays = len(arrays or ())
        self.pickles = 0
        self.steps = 0  # opcodes of the last pickle
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
        if self.keeper.returns and self.keeper.returns == self.keeper.lines:
            yield Finding(
                "fails",
                f"each of its {self.keeper.lines:,} lines ends in \\r\\n, with a \\r too many",
                _LINE_ENDS,
            )
            return
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
        scanner, begin, frame_at = self.scanner, 0, -1
        step = self.walk.step
        reaching: list[tuple[int, int, int, int, int]] = []  # frames with a STOP inside, and their pickles
        while True:
            self.steps = 0
            protocol = self.protocol
            try:
                while (code := step()) != _STOP:
                    self.steps += 1
                    if code == _FRAME:
                        frame_at = scanner.start
            finally:
                self.protocol = max(protocol, self.walk.protocol)
            if scanner.frame_end > scanner.end:
                reaching.append((scanner.frame_end, frame_at, self.pickles, begin, protocol))
            self.pickles += 1
            self.behind = begin = scanner.end
            if scanner.at_end():
                break
            self.walk.next_pickle()
        for end, at, pickles, begin, protocol in reaching:
            if end > scanner.end:
                # A load fails at the frame, before it comes to the pickle's STOP.
                self.pickles, self.behind, self.protocol = pickles, begin, protocol
                fault = ReadError(f"the frame ends at offset {end}, and the stream at {scanner.end}")
                locate_at(fault, at, _FRAME)
                raise fault

    # What is wrong with the bytes

    def _broken(self, fault: ReadError) -> Iterator[Finding]:
        beginning = self.feed.beginning
        if not beginning:
            yield Finding(
                "fails", "the file is empty", "it was not written to its end, or never: look for a backup"
            )
            return
        other = no_pickle(beginning, fault.pickle_offset, str(fault))
        if other and not isinstance(fault, Impossible):
            what, _, advice = other.partition("; ")
            yield Finding("fails", what, advice)
            return
        where = f"{fault} (at offset {fault.pickle_offset}, opcode {fault.pickle_opcode})"
        yield Finding("fails", where, self._cure(fault))

    def _cure(self, fault: ReadError) -> str:
        words = str(fault)
        data = self.feed.kept
        if data is not None and b"\r\n" in data and is_sound(data.replace(b"\r\n", b"\n")):
            return _LINE_ENDS
        if data is not None and data[:1] in b" \t\r\n" and is_sound(data.lstrip()):
            return "blanks stand before the pickle: data.lstrip() is sound"
        rest = ""
        if self._lacks_stop() and data is not None and is_sound(data + b"."):
            if self.scanner.frame_end == self.feed.size + 1:
                return "only STOP, its last byte, is missing, as its frame says: data + b'.' is sound"
            rest = "; data + b'.' loads what is there, but what stood behind it may be missing"
        if isinstance(fault, Impossible):
            return "no Pickler writes such a thing: it is damaged from there on, or was made by hand"
        if NUMBER_TOO_LONG in words:
            return "sys.set_int_max_str_digits(0) before the load lifts the limit, if you trust its source"
        if "protocol" in words and "unknown" in words:
            return "a newer Python than this one may have written it; or it is no pickle"
        if "no opcode" in words and fault.pickle_offset == 0:
            return "it does not begin as a pickle does: is it a pickle at all?"
        if _was_cut(fault):
            return f"it was cut short, after {self.feed.size:,} bytes: get it again from where it came{rest}"
        return "from there on it is damaged; brinery dis FILE shows what is sound before it"

    def _lacks_stop(self) -> bool:
        """Whether STOP could stand where the stream ends: one object is there, and nothing is unfinished."""
        walk, ends = self.walk, isinstance(self.fault, StreamEnds)
        inside = self.scanner.frame_end > self.feed.size + 1
        return ends and not walk.marks and len(walk.stack) == 1 and not inside

    def _rest(self) -> Iterator[Finding]:
        left = self.feed.size - self.behind
        if self.fault is None:
            if self.pickles > 1:
                yield Finding(
                    "fine",
                    f"a load gives the first of {self.pickles:,} pickles",
                    "brinery.load_all(path) gives all",
                )
        elif self._has_arrays():
            return
        elif self.walk.protocol or (_was_cut(self.fault) and self.steps > 2):
            how = "is cut short" if _was_cut(self.fault) else "is damaged"
            where = f"at offset {self.fault.pickle_offset}, opcode {self.fault.pickle_opcode}"
            yield Finding(
                "fails",
                f"pickle {self.pickles + 1}, from offset {self.behind:,} on, {how}: {self.fault} ({where})",
                f"brinery.load gives the first; load_all gives {self.pickles:,}, and fails there: get it "
                "again from where it came",
            )
        else:
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
        ruled_out = keeper.undecodable - self._left_by_rules()
        if ruled_out:
            yield Finding(
                "fine",
                f"{ruled_out:,} strings of Python 2 that are not ASCII are read as plugins' text rules say",
            )
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

    def _left_by_rules(self) -> int:
        """How many of Python 2's strings that are not ASCII no plugin's text rule speaks of; they alone count
        from now on."""
        keeper, shapes, data = self.keeper, self.plan.shapes, self.feed.kept
        if not keeper.undecodable or shapes is None or not shapes.has_text:
            return keeper.undecodable
        if data is None or self.fault is not None:
            return keeper.undecodable
        left = _Questions()

        def decide(said: bytes, place: Place) -> str | bytes:
            if not said.isascii():
                text = ruled(shapes, said, place)
                if text is None:
                    left.take(said, False)
                elif text != "bytes":
                    try:
                        said.decode(text)
                    except (UnicodeDecodeError, LookupError):
                        left.take(said, False)
            return said

        try:
            _place_strings(data, namer(self.plan), decide)
        except (ReadError, WriteError, PluginConflict):
            return keeper.undecodable
        keeper.undecodable, keeper.utf8, keeper.sample = left.undecodable, left.utf8, left.sample
        return left.undecodable

    def _persistent(self) -> Iterator[Finding]:
        ids = self.keeper.persistent_ids
        if not ids:
            return
        sample = write_id(next(iter(ids)), 60)
        advice = (
            "an Unpickler with persistent_load, or a profile with the store bound, has to give these objects"
        )
        if any(write_id(pid, 20).startswith("('storage', ") for pid in ids):
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
            try:
                today = self.look(*named.name, named.era, named.dotted)
            except PluginConflict as conflict:
                yield Finding("fails", str(conflict))
                continue
            yield from self._reach(named, today)
            yield from self._stand_in(named, today)
            if today.status in ("no module", "no name"):
                yield Finding(
                    "fails",
                    f"{_shown(named, today)} is not found here: {today.status}",
                    advice_on(named.name, today, self.plan),
                )
            elif today.status == "unknown":
                unsure.append(printable(".".join(today.name)))
        if unsure:
            more = f" and {len(unsure) - _SHOWN:,} more" if len(unsure) > _SHOWN else ""
            yield Finding(
                "unsure", f"only a load can tell whether these are found: {', '.join(unsure[:_SHOWN])}{more}"
            )

    def _stand_in(self, named: Named, today: Today) -> Iterator[Finding]:
        """What a function that stands for the name needs, and is not here."""
        module, _, function = today.stands_in.partition(":")
        wanted, always = missing_import(module, function)
        if wanted:
            package = printable(wanted.partition(".")[0])
            yield Finding(
                "fails" if always and named.name in self.keeper.given else "unsure",
                f"for {named.name} stands {today.stands_in}, which imports {printable(wanted)}: not here",
                f"install what brings the module {package} (pip install {package}?)",
            )

    def _reach(self, named: Named, today: Today) -> Iterator[Finding]:
        """What a function is able to do that is no data."""
        plain = ".".join(today.name)
        reaches = today.reaches or plain
        words = reach_of(reaches, plain)
        if not words:
            return
        truly = f" ({printable(reaches)})" if reaches != plain else ""
        given = self.keeper.given.get(named.name, [])
        calls = f"; it is called with {', '.join(given)}" if given else ""
        yield Finding(
            "unsure",
            f"it names {_shown(named, today)}{truly}, which {words}{calls}",
            "data rarely needs such a thing, and whoever wrote this can run anything by it: do not load it "
            "unless you trust them",
        )


def _shown(named: Named, today: Today) -> str:
    if tuple(named.name) == today.name:
        return str(named.name)
    return f"{named.name} ({printable('.'.join(today.name))} today)"


def _was_cut(fault: ReadError) -> bool:
    words = str(fault)
    claimed = re.search(r"length of (\d+) bytes|frame ends at offset (\d+)", words)
    if claimed is not None and int(claimed[1] or claimed[2]) > _NO_FILE:
        return False
    return isinstance(fault, StreamEnds) or any(
        said in words for said in ("stream ends", " earlier", "and the stream at")
    )


def _place_strings(data: bytes, names: Any, decide: Callable[[bytes, Place], str | bytes]) -> None:
    """Have `decide` asked about every string of Python 2 in `data`, with its place."""
    keeper = Graph(names, late=True)
    walk = Walk(Scanner(BytesFeed(data), whole=True), keeper)
    rewriter = Rewriter(5, lambda _: None, None, decide)
    with locating(walk):
        while True:
            keeper.begin()
            rewriter.write(walk.run(), keeper.before)
            if walk.scanner.at_end():
                return
            walk.next_pickle()


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
