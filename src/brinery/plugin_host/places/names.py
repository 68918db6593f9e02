"""Name tables of many plugins, made into the name maps of the plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.plan import NameMap
from brinery.plugin_host.kinds import kind_of
from brinery.plugin_host.places import Fields, Place
from brinery.plugin_host.plugins import Claim
from brinery.plugin_host.settling import Conflict, Settlement, refusal, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import NoReturn

    from brinery.plugin_host.kinds import Kind
    from brinery.plugin_host.preferences import Preferences
    from brinery.plugin_host.saying import Asked, Say

__all__ = ["Names"]


class _Map:
    """One of the four maps: the aspect that tables have for it, and its words in an explanation."""

    __slots__ = ("aspect", "field", "plan", "way", "where")

    def __init__(self, aspect: str, plan: str, field: str, way: str, where: str) -> None:
        self.aspect, self.plan, self.field, self.way, self.where = aspect, plan, field, way, where


_MAPS = (
    _Map("reading for Python 2", "read", "era_names", "read as", "below protocol 3"),
    _Map("writing for Python 2", "write", "era_names", "written as", "below protocol 3"),
    _Map("reading", "read", "names", "read as", "at every protocol"),
    _Map("writing", "write", "names", "written as", "at every protocol"),
)


class Names(Place):
    """A Place: ``names`` and ``era_names`` of both plans."""

    def __init__(self, claims: Sequence[Claim[Any]], preferences: Preferences) -> None:
        self._kind: Kind = kind_of(claims[0].declared)
        self._preferences = preferences
        #: For each aspect the tables that speak of it.
        self._tables: dict[str, list[Claim[Mapping[str, str]]]] = {each.aspect: [] for each in _MAPS}
        self._by_name: dict[str, dict[str, list[Claim[str]]]] = {}
        for plugin, table, place in claims:
            for aspect, names in table.names():
                self._tables[aspect].append(Claim(plugin, names, place))

    def _claims(self, aspect: str) -> dict[str, list[Claim[str]]]:
        """What each name is mapped to, and by whom."""
        found = self._by_name.get(aspect)
        if found is None:
            found = self._by_name[aspect] = {}
            for plugin, names, place in self._tables[aspect]:
                for name, other in names.items():
                    found.setdefault(name, []).append(Claim(plugin, other, place))
        return found

    def fields(self) -> Fields:
        """See Place."""
        fields = Fields()
        for each in _MAPS:
            made = self._map(each)
            if made is not None:
                getattr(fields, each.plan)[each.field] = made
        return fields

    def conflicts(self) -> Iterator[Conflict]:
        """See Place."""
        for each in _MAPS:
            if len(self._tables[each.aspect]) < 2:
                continue
            for name, claims in self._claims(each.aspect).items():
                if len(claims) > 1 and (conflict := self._settle(each, name).conflict) is not None:
                    yield conflict

    def says(self, asked: Asked, conflicts: list[Conflict]) -> Iterator[Say]:
        """See Place: for a name, else for its module; for a module, what is beneath it too."""
        from brinery.plugin_host.saying import Say

        module, colon, _ = asked.name.partition(":")
        for each in _MAPS:
            known = self._claims(each.aspect)
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

    def _settle(self, each: _Map, name: str) -> Settlement:
        claims = self._claims(each.aspect)[name]
        return settle(self._kind, (name,), claims, self._preferences, aspect=each.aspect)

    def _map(self, each: _Map) -> NameMap | None:
        names: dict[tuple[str, str], tuple[str, str]] = {}
        modules: dict[str, str] = {}
        disputed: dict[str, Callable[..., NoReturn]] = {}
        tables = self._tables[each.aspect]
        settled: Mapping[str, str] = tables[0].declared if len(tables) == 1 else {}
        if len(tables) > 1:
            settled, disputed = self._settled(each)
        for name, other in settled.items():
            module, colon, qualname = name.partition(":")
            if colon:
                other_module, _, other_qualname = other.partition(":")
                names[module, qualname] = other_module, other_qualname
            else:
                modules[module] = other
        return NameMap(names, modules, disputed) if names or modules or disputed else None

    def _settled(self, each: _Map) -> tuple[dict[str, str], dict[str, Callable[..., NoReturn]]]:
        settled, disputed = {}, {}
        for name, claims in self._claims(each.aspect).items():
            if len(claims) == 1:
                settled[name] = claims[0].declared
                continue
            settlement = self._settle(each, name)
            if settlement.conflict is None:
                settled[name] = settlement.chosen[0].declared
            else:
                disputed[name] = refusal(settlement.conflict)
        return settled, disputed
