"""By which rules a stream is upgraded, and what was changed."""

from __future__ import annotations

import codecs
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.errors import ReadError
from brinery.pickling import default_profile
from brinery.stream.opcodes import HIGHEST_PROTOCOL
from brinery.stream.ruling import ruled
from brinery.stream.text import decode_string
from brinery.upgrade.names import NewNames

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from brinery.plan import ReadPlan
    from brinery.profile import Profile
    from brinery.stream.places import Place

__all__ = ["Changes", "Rules", "Strings", "check_rules"]

# Where the standard library and NumPy kept binary data in Python 2's strings (their own __reduce__ methods).
_BINARY = {
    ("datetime:datetime", "argument", 0),
    ("datetime:date", "argument", 0),
    ("datetime:time", "argument", 0),
    ("numpy:ndarray", "state", 4),
    ("numpy:dtype", "state", 8),
    ("numpy.core.multiarray:scalar", "argument", 1),
    ("numpy._core.multiarray:scalar", "argument", 1),
}

# The last names that were asked for: looking for a name is work, and files have the same ones.
_kept: list[tuple[ReadPlan, int, NewNames]] = []


class Rules(NamedTuple):
    """How streams are upgraded. It can be pickled, for other processes, if `text` can.

    protocol          which protocol is written, 0 to 5
    encoding, errors  how strings of Python 2 are decoded, as for a load: ``encoding="bytes"`` makes bytes of
                      all, ``errors="bytes"`` of those that do not decode. Names of attributes are text
    attributes        for one attribute of a class, ``"module:Class.attribute"``: an encoding, or
                      ``"bytes"``; for one argument of what is called, ``"module:function(0)"``; a rule for
                      ``"module:Class"`` is for all of the class
    text              asked first: a function of the string and its :class:`~brinery.upgrade.Place` that gives
                      an encoding, ``"bytes"``, or None where it has nothing to say
    profile           whose name tables count; None for the default one
    """

    protocol: int = HIGHEST_PROTOCOL
    encoding: str = "ASCII"
    errors: str = "strict"
    attributes: Mapping[str, str] = {}
    text: Callable[[bytes, Place], str | None] | None = None
    profile: Profile | None = None

    @property
    def read_plan(self) -> ReadPlan:
        """What plugins have for reading."""
        return (self.profile or default_profile()).read_plan

    def names(self) -> NewNames:
        """What a name has become, of module, name and whether Python 2's tables count."""
        plan = self.read_plan
        if not (_kept and _kept[0][0] is plan and _kept[0][1] == self.protocol):
            _kept[:] = [(plan, self.protocol, NewNames(plan, self.protocol))]
        return _kept[0][2]

    def names_back(self) -> Callable[[str, str], tuple[str, str]] | None:
        """Under which name the readers of the protocol know what has a name of today; None: under that."""
        plan = (self.profile or default_profile()).write_plan
        tables = [table for table in (plan.names, plan.era_names if self.protocol < 3 else None) if table]
        if not tables:
            return None

        def back(module: str, name: str) -> tuple[str, str]:
            pair = module, name
            for table in tables:
                pair = table.apply(*pair)
            return pair

        return back


def check_rules(rules: Rules) -> None:
    """Raises ValueError for an encoding, or a way to handle errors, that nobody knows."""
    for encoding in (rules.encoding, *rules.attributes.values()):
        try:
            if encoding != "bytes":
                b"x".decode(encoding, "replace")  # which refuses codecs that make no text
        except LookupError:
            raise ValueError(f"there is no encoding {encoding!r}") from None
    try:
        if rules.errors != "bytes":
            codecs.lookup_error(rules.errors)
    except LookupError:
        raise ValueError(
            f"errors={rules.errors!r} is no way to handle what does not decode: 'strict' refuses it, 'bytes' "
            "leaves it bytes; and there are 'surrogateescape', 'replace', and the others of codecs"
        ) from None


class Strings:
    """Decides what strings of Python 2 are, and counts."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._shapes = rules.read_plan.shapes
        self._asked = bool(
            rules.attributes or rules.text is not None or (self._shapes and self._shapes.has_text)
        )
        self._by = ""  # who has decided on the last one
        self.text = 0
        self.binary = 0
        self.ruled: Counter[str] = Counter()

    def __call__(self, data: bytes, place: Place) -> str | bytes:
        """Text or bytes. Raises UnpicklingError where the string cannot be what the rules say."""
        rules = self._rules
        self._by = ""
        encoding = self._ruled(data, place) if self._asked else None
        errors = rules.errors
        if encoding is None:
            binary = (place.owner, place.part, place.name) in _BINARY and place.direct
            encoding = "bytes" if binary else rules.encoding
        elif errors == "bytes":
            errors = "strict"  # a rule means what it says
        try:
            value = decode_string(data, encoding, errors)
        except UnicodeDecodeError as refused:
            advice = "give the encoding that it is in, or a rule for it; as bytes it stays as it is"
            if self._by:
                advice = (
                    f"{self._by} says that it is, and is wrong: give the encoding that it is in, or bytes"
                )
            raise ReadError(f"{_words(place)}, {data[:30]!r}, is not {encoding}: {advice}") from refused
        except (LookupError, TypeError) as unknown:
            raise ReadError(
                f"{_words(place)}, {data[:30]!r}: {self._by or 'the rule'} gives {encoding!r}, which is no "
                "encoding: it is one, 'bytes', or None"
            ) from unknown
        if type(value) is str:
            self.text += 1
        else:
            self.binary += 1
        return value

    def _ruled(self, data: bytes, place: Place) -> str | None:
        if self._rules.text is not None:
            said = self._rules.text(data, place)
            if said is not None:
                self._by = "the function for text"
                return said
        attributes = self._rules.attributes
        exact = f"{place.owner}({place.name})" if place.part == "argument" else f"{place.owner}.{place.name}"
        for rule in (exact, place.owner):
            if rule in attributes:
                self.ruled[rule] += 1
                self._by = f"the rule for {rule}"
                return attributes[rule]
        said = None if self._shapes is None else ruled(self._shapes, data, place)
        self._by = "" if said is None else f"a TextRule for {place.owner or 'all'}"
        return said


def _words(place: Place) -> str:
    if not place.part:
        return "a string of Python 2"
    where = f"{place.part} {place.name}" if place.name is not None else place.part
    return f"a string of Python 2 in {where}{f' of {place.owner}' if place.owner else ''}"


class Changes(NamedTuple):
    """What an upgrade changed.

    pickles        how many there were
    before, after  bytes, without compression
    renamed        old names and new ones, ``"module:name"``, with how many pickles have each
    names          all names that were met, as they are afterwards, likewise
    text, binary   strings of Python 2 that became text, and bytes
    needs          names for which a load wants a plugin still, with how many pickles have each
    why            by such a name, why that is
    ruled          rules of ``attributes``, with how many strings they decided on
    """

    pickles: int = 0
    before: int = 0
    after: int = 0
    renamed: Counter[tuple[str, str]] = Counter()  # noqa: RUF012 - never changed
    names: Counter[str] = Counter()  # noqa: RUF012 - never changed
    text: int = 0
    binary: int = 0
    needs: Counter[str] = Counter()  # noqa: RUF012 - never changed
    why: Mapping[str, str] = {}
    ruled: Counter[str] = Counter()  # noqa: RUF012 - never changed

    def plus(self, other: Changes) -> Changes:
        """Both together."""
        *mine, why, ruled = self
        *theirs, whys, more = other
        pairs: Any = zip(mine, theirs, strict=True)
        return Changes(*(one + another for one, another in pairs), {**why, **whys}, ruled + more)  # type: ignore[call-arg]
