"""`prefer` and ``BRINERY_PREFER``: which plugin is meant where several speak of the same thing.

A key is the kind and the subject, ``"reducer:numpy:ndarray"``, ``"name:numpy.core"``; where plugins speak of
that subject in one kind only, the subject will do. A value is a plugin's name or, for what is asked in order,
a tuple of names. In the environment it reads
``reducer:numpy:ndarray=labkit; override:types:FunctionType=a,b``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from brinery.dotted import MISSING, find_loaded, is_dotted
from brinery.errors import ChoiceError
from brinery.plugin_host.kinds import KINDS, by_key, kind_of
from brinery.plugin_host.selection import VARIABLE
from brinery.wording import is_near, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from brinery.plugin_host.kinds import Kind
    from brinery.plugin_host.plugins import Claim, PluginState
    from brinery.records import Record

__all__ = ["Preference", "Preferences", "read_preferences"]


class Preference(NamedTuple):
    """The plugins that are meant, in the order in which to ask; and where that was said."""

    plugins: tuple[str, ...]
    rule: str


#: What was settled beforehand, by a kind's key and the subject.
Preferences: TypeAlias = "Mapping[tuple[str, str], Preference]"


def read_preferences(
    given: Mapping[str, str | tuple[str, ...]],
    environment: str | None,
    states: Sequence[PluginState],
    claims: Sequence[Claim[Record]],
    of_installed: bool,
) -> dict[tuple[str, str], Preference]:
    """What the program (`given`) and ``BRINERY_PREFER`` (`environment`) prefer; the program counts more.

    `of_installed`: the profile takes all that is installed, so that all that the environment says is for it.
    A profile of the program's own choice takes of it what is about its plugins.

    Raises ChoiceError for a key or a plugin that settles nothing.
    """
    said: dict[tuple[str, str], Preference] = {}
    declared = _Declared(states, claims)
    entries = [
        *(
            ("Profile(prefer=…)", key, _plugins(key, value), f"prefer[{key!r}]")
            for key, value in given.items()
        ),
        *((VARIABLE, key, plugins, f"{VARIABLE}, {key}") for key, plugins in _entries(environment or "")),
    ]
    for where, key, plugins, rule in entries:
        try:
            kind, subject = declared.resolve(where, key, plugins)
        except ChoiceError:
            if where == VARIABLE and not of_installed:
                continue
            raise
        said.setdefault((kind.key, subject), Preference(plugins, rule))
    return said


def _plugins(key: str, value: object) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, tuple | list) or not names or not all(isinstance(name, str) for name in names):
        raise ChoiceError(
            f"Profile(prefer={{{key!r}: {value!r}}}): it wants a plugin's name, or a tuple of names in order"
        )
    return tuple(names)


def _entries(text: str) -> Iterable[tuple[str, tuple[str, ...]]]:
    seen: set[str] = set()
    for entry in text.split(";"):
        if not entry.strip():
            continue
        key, equals, value = entry.partition("=")
        plugins = tuple(name.strip() for name in value.split(",") if name.strip())
        if not key.strip() or not equals or not plugins:
            raise ChoiceError(
                f"{VARIABLE} has {entry.strip()!r}, which is not of the form kind:subject=plugin, such as "
                "reducer:numpy:ndarray=labkit; entries are separated by ';', plugins in order by ','"
            )
        if any("=" in plugin for plugin in plugins):
            raise ChoiceError(
                f"{VARIABLE} has {entry.strip()!r}: entries are separated by ';', and ',' stands between "
                f"plugins in order; write {VARIABLE}={'; '.join(_told_apart(entry))!r}"
            )
        if key.strip() in seen:
            raise ChoiceError(
                f"{VARIABLE} has the key {key.strip()!r} twice; several plugins in order are written "
                f"{key.strip()}=one,other"
            )
        seen.add(key.strip())
        yield key.strip(), plugins


def _told_apart(entry: str) -> list[str]:
    """The entries that were meant, where a comma stands in the place of a semicolon."""
    entries: list[str] = []
    for part in entry.split(","):
        if "=" in part or not entries:
            entries.append(part.strip())
        else:
            entries[-1] += f",{part.strip()}"
    return entries


class _Declared:
    """What plugins speak of, to find what a preference is about."""

    def __init__(self, states: Sequence[PluginState], claims: Sequence[Claim[Record]]) -> None:
        self._states = {state.plugin.name: state.state for state in states}
        self._claims = claims
        self._by_key: dict[tuple[str, str], dict[str, None]] = {}
        for claim in claims:
            kind = kind_of(claim.declared)
            if kind.settles != "alone":
                for statement in claim.declared.statements():
                    self._by_key.setdefault((kind.key, statement.subject), {})[claim.plugin.name] = None

    def resolve(self, where: str, key: str, plugins: tuple[str, ...]) -> tuple[Kind, str]:
        """The kind and the subject of `key`.

        Raises ChoiceError where it, or one of `plugins`, settles nothing.
        """
        for plugin in plugins:
            self._check_plugin(where, key, plugin)
        kind, subject, declaring = self._find(where, key, plugins)
        for plugin in plugins:
            if declaring and plugin not in declaring and self._states[plugin] == "active":
                raise ChoiceError(
                    f"{where} names the plugin {plugin!r} for {key!r}, which it does not declare; "
                    f"these do: {', '.join(declaring)}"
                )
        if len(set(plugins)) < len(plugins):
            raise ChoiceError(f"{where} names a plugin twice for {key!r}")
        if len(plugins) > 1 and kind.settles == "one":
            raise ChoiceError(
                f"{where} names {len(plugins)} plugins for {key!r}, but one {kind.noun} counts: name that one"
            )
        return kind, subject

    def _check_plugin(self, where: str, key: str, plugin: str) -> None:
        state = self._states.get(plugin)
        if state is None:
            raise ChoiceError(
                f"{where} names the plugin {plugin!r} for {key!r}, which is not there"
                + nearest(plugin, (name for name, s in self._states.items() if s != "blocked"), "plugins")
            )
        if state == "blocked":
            raise ChoiceError(
                f"{where} names the plugin {plugin!r} for {key!r}, and Profile(without=…) leaves it out: "
                "take it out of one of the two"
            )

    def _find(self, where: str, key: str, plugins: tuple[str, ...]) -> tuple[Kind, str, list[str]]:
        prefix, _, rest = key.partition(":")
        kind = by_key(prefix)
        if kind is not None and (declaring := self._declaring(kind, rest)):
            return kind, rest, declaring
        found = [(other, names) for other in KINDS if (names := self._declaring(other, key))]
        if len(found) == 1:
            return found[0][0], key, found[0][1]
        if found:
            longer = " or ".join(repr(f"{other.key}:{key}") for other, _ in found)
            raise ChoiceError(
                f"{where} has the key {key!r}, which may mean {longer}: write the one that is meant"
            )
        # What it would settle may be what a broken plugin would have declared.
        if kind is not None and any(self._states[plugin] == "broken" for plugin in plugins):
            return kind, rest, []
        known = [f"{kind_key}:{subject}" for kind_key, subject in self._by_key]
        subjects = [subject for _, subject in self._by_key]
        misspelt = is_near(key, known) or is_near(rest, subjects)
        if kind is not None and not misspelt and (abstract := self._of_abcs(kind, rest)):
            return kind, rest, abstract
        raise ChoiceError(
            f"{where} has the key {key!r}, which settles nothing: no plugin declares that"
            + nearest(key, known, "declarations")
        )

    def _declaring(self, kind: Kind, subject: str) -> list[str]:
        """Who declares something of that kind for `subject`, or for a class above it that is loaded."""
        exact = self._by_key.get((kind.key, subject))
        if exact is not None:
            return list(exact)
        if not is_dotted(subject):
            return []
        cls = find_loaded(subject)
        if not isinstance(cls, type):
            return []
        return [
            claim.plugin.name
            for claim in self._claims
            if type(claim.declared) is kind.record and _is_above(getattr(claim.declared, "target", None), cls)
        ]

    def _of_abcs(self, kind: Kind, subject: str) -> list[str]:
        """Who may come to disagree about a class that is not there yet, and belongs to several ABCs."""
        if not is_dotted(subject) or find_loaded(subject) is not MISSING:
            return []
        return [
            claim.plugin.name
            for claim in self._claims
            if type(claim.declared) is kind.record
            and _may_be_abstract(getattr(claim.declared, "target", None))
        ]


def _may_be_abstract(target: object) -> bool:
    cls = find_loaded(target) if isinstance(target, str) else target
    return isinstance(cls, type) and type(cls).__subclasscheck__ is not type.__subclasscheck__


def _is_above(target: object, cls: type) -> bool:
    above = find_loaded(target) if isinstance(target, str) else target
    try:
        return isinstance(above, type) and issubclass(cls, above)
    except Exception:  # a metaclass may raise what it likes
        return False
