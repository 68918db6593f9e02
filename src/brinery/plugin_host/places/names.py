"""Name tables of many plugins, made into the name maps of the plans."""

from __future__ import annotations

from brinery.declarations import StandIn
from brinery.lean_typing import TYPE_CHECKING
from brinery.plan import NameMap
from brinery.plugin_host.kinds import kind_of
from brinery.plugin_host.places import Fields, Place
from brinery.plugin_host.plugins import Claim, Plugin
from brinery.plugin_host.settling import Conflict, Settlement, refusal, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, NoReturn

    from brinery.plugin_host.kinds import Kind
    from brinery.plugin_host.preferences import Preferences
    from brinery.plugin_host.saying import Asked, Say

    #: What a name is mapped to.
    Other = str | StandIn

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
    _Map("reading what is missing", "read", "fallbacks", "read as", "where it cannot be found"),
)


class Names(Place):
    """A Place: ``names`` and ``era_names`` of both plans, and ``fallbacks`` of the ReadPlan."""

    def __init__(self, claims: Sequence[Claim[Any]], preferences: Preferences) -> None:
        self._kind: Kind = kind_of(claims[0].declared)
        self._preferences = preferences
        #: For each aspect the tables that speak of it.
        self._tables: dict[str, list[Claim[Mapping[str, Other]]]] = {each.aspect: [] for each in _MAPS}
        self._by_name: dict[str, dict[str, list[Claim[Other]]]] = {}
        self._made: dict[str, NameMap | None] = {}
        #: Reasons are for people: two of them are no conflict.
        self._gone: dict[str, tuple[str, Plugin]] = {}
        #: By aspect and name: names that lead back to themselves.
        self._cycles: dict[tuple[str, str], Conflict] = {}
        for plugin, table, place in claims:
            for aspect, names in table.names():
                if names and aspect in self._tables:
                    self._tables[aspect].append(Claim(plugin, names, place))
            self._gone.update((name, (reason, plugin)) for name, reason in table.gone.items())

    def _claims(self, aspect: str) -> dict[str, list[Claim[Other]]]:
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
            made = self._made[each.aspect] = self._map(each)
            if made is not None:
                getattr(fields, each.plan)[each.field] = made
        if self._gone:
            fields.read["gone"] = {name: reason for name, (reason, _) in self._gone.items()}
        return fields

    def conflicts(self) -> Iterator[Conflict]:
        """See Place."""
        for each in _MAPS:
            if len(self._tables[each.aspect]) < 2:
                continue
            for name, claims in self._claims(each.aspect).items():
                if len(claims) > 1 and (conflict := self._settle(each, name).conflict) is not None:
                    yield conflict
        if not self._made:
            self.fields()
        seen: set[str] = set()
        for conflict in self._cycles.values():
            if conflict.text not in seen:
                seen.add(conflict.text)
                yield conflict

    def says(self, asked: Asked, conflicts: list[Conflict]) -> Iterator[Say]:
        """See Place: for a name, else for its module; for a module, what is beneath it too."""
        module, colon, qualname = asked.name.partition(":")
        told: set[tuple[str, str]] = set()
        for each in _MAPS:
            known = self._claims(each.aspect)
            keys = [asked.name if asked.name in known or not colon else module]
            keys += [key for key in known if asked.is_beneath(key)]
            package = module
            while package:
                keys.append(f"{package}.*")
                package = package.rpartition(".")[0]
            for key in dict.fromkeys(keys):
                yield from self._say(each, key, conflicts, told)
        for name, (reason, plugin) in self._gone.items():
            if name in (asked.name, module) or asked.is_beneath(name):
                from brinery.plugin_host.saying import Say

                yield Say("read name", plugin, f"{name} is gone: {reason}", True, "where it cannot be found")
        if colon:
            yield from self._chained(module, qualname, conflicts, told)

    def _say(
        self, each: _Map, key: str, conflicts: list[Conflict], told: set[tuple[str, str]]
    ) -> Iterator[Say]:
        from brinery.plugin_host.saying import Say

        if key not in self._claims(each.aspect) or (each.aspect, key) in told:
            return
        told.add((each.aspect, key))
        settled = self._settle(each, key)
        conflict = settled.conflict or self._cycles.get((each.aspect, key))
        if conflict is not None:
            conflicts.append(conflict)
        for claim in self._claims(each.aspect)[key]:
            wins = any(claim.declared == chosen.declared for chosen in settled.chosen)
            rule = settled.rule
            if settled.chosen and not wins:
                rule = f"{settled.chosen[0].plugin} wins: {rule}"
            if conflict is not None and settled.conflict is None:
                wins, rule = False, "in conflict: it leads back to itself"
            what = f"{key} is {each.way} {claim.declared} {each.where}"
            yield Say(f"{each.plan} name", claim.plugin, what, wins, rule)

    def _chained(
        self, module: str, qualname: str, conflicts: list[Conflict], told: set[tuple[str, str]]
    ) -> Iterator[Say]:
        """What is said of the names that the asked one leads to, step by step."""
        from brinery.errors import PluginConflict

        for way in (("reading for Python 2", "reading", "reading what is missing"), ("writing",)):
            pair = module, qualname
            for aspect in way:
                each = next(each for each in _MAPS if each.aspect == aspect)
                names = self._made.get(aspect)
                if names is None:
                    continue
                try:
                    steps = names.chain(*pair)
                except PluginConflict:
                    continue  # that is among what is said of the name
                for step in steps:
                    yield from self._say(each, step.rule, conflicts, told)
                    pair = step.pair

    def _settle(self, each: _Map, name: str) -> Settlement:
        claims = self._claims(each.aspect)[name]
        return settle(self._kind, (name,), claims, self._preferences, aspect=each.aspect)

    def _map(self, each: _Map) -> NameMap | None:
        tables = self._tables[each.aspect]
        if not tables:
            return None
        disputed: dict[str, Callable[..., NoReturn]] = {}
        owners: dict[str, object] = {}
        settled: Mapping[str, Other] = tables[0].declared
        if len(tables) > 1:
            settled, disputed, owners = self._settled(each)
        made = _name_map(settled, disputed, owners)
        if owners:
            for name, conflict in _cycles(made, settled, each, self._whose(each)):
                self._cycles[each.aspect, name] = conflict
                disputed[name] = refusal(conflict)
        return made

    def _whose(self, each: _Map) -> Callable[[str], str]:
        """Who says where a name leads, in words."""

        def whose(name: str) -> str:
            claims = self._claims(each.aspect)[name]
            return f"{claims[0].plugin}: {name} is {each.way} {claims[0].declared} ({claims[0].place})"

        return whose

    def _settled(
        self, each: _Map
    ) -> tuple[dict[str, Other], dict[str, Callable[..., NoReturn]], dict[str, object]]:
        settled: dict[str, Other] = {}
        disputed: dict[str, Callable[..., NoReturn]] = {}
        owners: dict[str, object] = {}
        numbers = {id(names): number for number, (_, names, _) in enumerate(self._tables[each.aspect])}
        for number, (_, names, _) in enumerate(self._tables[each.aspect]):
            for name in names:
                owners.setdefault(name, number)
        for name, claims in self._claims(each.aspect).items():
            if len(claims) == 1:
                settled[name] = claims[0].declared
                continue
            settlement = self._settle(each, name)
            if settlement.conflict is not None:
                disputed[name] = refusal(settlement.conflict)
                continue
            chosen = settled[name] = settlement.chosen[0].declared
            for table in self._tables[each.aspect]:
                if table.plugin == settlement.chosen[0].plugin and table.declared.get(name) == chosen:
                    owners[name] = numbers[id(table.declared)]
                    break
        return settled, disputed, owners


def _name_map(
    settled: Mapping[str, Other],
    disputed: Mapping[str, Callable[..., NoReturn]],
    owners: Mapping[str, object],
) -> NameMap:
    names: dict[tuple[str, str], tuple[str, str]] = {}
    modules: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    stand_ins: dict[tuple[str, str], Callable[..., object] | str] = {}
    for name, other in settled.items():
        module, colon, qualname = name.partition(":")
        if isinstance(other, StandIn):
            names[module, qualname] = module, qualname
            stand_ins[module, qualname] = other.function
        elif colon:
            other_module, _, other_qualname = other.partition(":")
            names[module, qualname] = other_module, other_qualname
        elif name.endswith(".*"):
            prefixes[name[:-2]] = other[:-2]
        else:
            modules[module] = other
    disputed_packages = [name[:-2] for name in disputed if name.endswith(".*")]
    roots = frozenset(package.partition(".")[0] for package in (*prefixes, *disputed_packages))
    return NameMap(names, modules, disputed, prefixes, roots, owners, stand_ins)


def _cycles(
    made: NameMap, settled: Mapping[str, Other], each: _Map, whose: Callable[[str], str]
) -> Iterator[tuple[str, Conflict]]:
    """The names that lead back to themselves, by way of more than one table."""
    if made.disputed:
        made = made._replace(disputed={})
    modules = {*made.modules, *(module for module, _ in made.names)}
    for name, other in settled.items():
        if isinstance(other, StandIn) or other == name:
            continue
        # Nearly all lead to what no table speaks of; that is told without following them.
        target = other.partition(":")[0]
        beneath = bool(made.roots) and target.partition(".")[0] in made.roots
        if other not in settled and target not in modules and not beneath:
            continue
        module, _, qualname = name.removesuffix(".*").partition(":")
        steps = made.chain(module, qualname)
        pairs = [step.pair for step in steps]
        if len(steps) > 1 and (module, qualname) in pairs:
            rules = [step.rule for step in steps[: pairs.index((module, qualname)) + 1]]
            lines = "\n".join(f"  {whose(rule)}" for rule in sorted(rules))
            yield (
                name,
                Conflict(
                    f"name:{name}",
                    f"names lead back to themselves in {each.aspect}:\n{lines}\n"
                    f"Leave one of the plugins out: Profile(without=…), or mend it.",
                ),
            )
