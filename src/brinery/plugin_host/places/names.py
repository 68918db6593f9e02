"""Name tables of many plugins, made into the name maps of the plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.plan import NameMap
from brinery.plugin_host.kinds import kind_of
from brinery.plugin_host.places import Asked, Fields, Say
from brinery.plugin_host.plugins import Claim
from brinery.plugin_host.settling import Conflict, Settlement, refusal, settle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from brinery.plugin_host.kinds import Kind
    from brinery.plugin_host.preferences import Preferences

__all__ = ["Names"]


class _Map(NamedTuple):
    """One of the four maps: the aspect that tables have for it, and its words in an explanation."""

    aspect: str
    plan: str
    field: str
    way: str
    where: str


_MAPS = (
    _Map("reading for Python 2", "read", "era_names", "read as", "below protocol 3"),
    _Map("writing for Python 2", "write", "era_names", "written as", "below protocol 3"),
    _Map("reading", "read", "names", "read as", "at every protocol"),
    _Map("writing", "write", "names", "written as", "at every protocol"),
)


class Names:
    """A Place: ``names`` and ``era_names`` of both plans."""

    def __init__(self, claims: Sequence[Claim[Any]], preferences: Preferences) -> None:
        self._kind: Kind = kind_of(claims[0].declared)
        self._preferences = preferences
        self._claims: dict[str, dict[str, list[Claim[str]]]] = {each.aspect: {} for each in _MAPS}
        for plugin, table, place in claims:
            for statement in table.statements():
                claim = Claim(plugin, str(statement.meaning), place)
                self._claims[statement.aspect].setdefault(statement.subject, []).append(claim)

    def fields(self) -> Fields:
        """See Place."""
        fields = Fields({}, {})
        for each in _MAPS:
            made = self._map(each)
            if made is not None:
                getattr(fields, each.plan)[each.field] = made
        return fields

    def conflicts(self) -> Iterator[Conflict]:
        """See Place."""
        for each in _MAPS:
            for name, claims in self._claims[each.aspect].items():
                if len(claims) > 1 and (conflict := self._settle(each, name).conflict) is not None:
                    yield conflict

    def says(self, asked: Asked, conflicts: list[Conflict]) -> Iterator[Say]:
        """See Place: for a name, else for its module; for a module, what is beneath it too."""
        module, colon, _ = asked.name.partition(":")
        for each in _MAPS:
            known = self._claims[each.aspect]
            keys = [asked.name if asked.name in known or not colon else module]
            keys += [key for key in known if asked.is_beneath(key)]
            for key in keys:
                if key not in known:
                    continue
                settled = self._settle(each, key)
                if settled.conflict is not None:
                    conflicts.append(settled.conflict)
                for claim in known[key]:
                    wins = any(claim.declared == chosen.declared for chosen in settled.chosen)
                    rule = settled.rule
                    if settled.chosen and not wins:
                        rule = f"{settled.chosen[0].plugin} wins: {rule}"
                    what = f"{key} is {each.way} {claim.declared} {each.where}"
                    yield Say(f"{each.plan} name", claim.plugin, what, wins, rule)

    def _settle(self, each: _Map, name: str) -> Settlement[str]:
        claims = self._claims[each.aspect][name]
        return settle(self._kind, (name,), claims, self._preferences, aspect=each.aspect)

    def _map(self, each: _Map) -> NameMap | None:
        names: dict[tuple[str, str], tuple[str, str]] = {}
        modules: dict[str, str] = {}
        disputed = {}
        for name, claims in self._claims[each.aspect].items():
            other = claims[0].declared
            if len(claims) > 1:
                settled = self._settle(each, name)
                if settled.conflict is not None:
                    disputed[name] = refusal(settled.conflict)
                    continue
                other = settled.chosen[0].declared
            module, colon, qualname = name.partition(":")
            other_module, _, other_qualname = other.partition(":")
            if colon:
                names[module, qualname] = other_module, other_qualname
            else:
                modules[module] = other_module
        return NameMap(names, modules, disputed) if names or modules or disputed else None
