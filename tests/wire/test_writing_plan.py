"""What a plan adds to writing: stores' claims, overrides, reducers, names, hints."""

from __future__ import annotations

import datetime
import io
import pickle
import types
from collections.abc import Callable
from typing import Any

import pytest
from engines import Wire
from graphs import Plain

from brinery import engine
from brinery.plan import NameMap, TypeRule, WritePlan

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Rules:
    """A rule table out of a dict, which counts how often it is asked."""

    def __init__(self, rules: dict[type, TypeRule]) -> None:
        self.rules = rules
        self.asked: list[type] = []

    def epoch(self) -> int:
        return 0

    def rule_for(self, cls: type, /) -> TypeRule | None:
        self.asked.append(cls)
        return self.rules.get(cls)


def dumps(wire: Wire, obj: object, protocol: int = 4, **plan: Any) -> bytes:
    return engine.get(wire.name).Dumper(lambda: WritePlan(**plan)).dumps(obj, protocol)


def pickler_writes(wire: Wire, obj: object, protocol: int, plan: WritePlan, **attributes: Any) -> bytes:
    attributes["_plan_source"] = staticmethod(lambda: plan)
    file = io.BytesIO()
    type("Derived", (engine.get(wire.name).Pickler,), attributes)(file, protocol).dump(obj)
    return file.getvalue()


def unmapped(obj: object, protocol: int) -> bytes:
    """What C pickle writes with today's names, as a plan without tables does."""
    return pickle.dumps(obj, protocol, fix_imports=False)


def function() -> None:
    pass


def key(obj: object, dump: Any) -> object:
    return "shop:7" if dump.protocol == 0 else ("shop", 7)


class Keys(pickle.Unpickler):
    """Reads the standard way, with a fresh object for every persistent ID that it meets."""

    def persistent_load(self, pid: object) -> object:
        return [pid]


def test_a_claimed_object_is_written_as_its_id_and_memoized(wire: Wire):
    plain = Plain()
    for protocol in PROTOCOLS:
        rules = Rules({Plain: TypeRule(claim=key)})
        data = dumps(wire, [plain, plain, Plain()], protocol, rules=rules, stores=Stores())
        first, again, other = Keys(io.BytesIO(data)).load()
        assert first == ["shop:7" if protocol == 0 else ("shop", 7)]
        assert first is again
        assert first is not other


def test_an_object_that_is_not_claimed_is_written_as_ever(wire: Wire):
    rules = Rules({Plain: TypeRule(claim=lambda obj, dump: None)})
    for protocol in PROTOCOLS:
        written = dumps(wire, [Plain()], protocol, rules=rules, stores=Stores())
        assert written == unmapped([Plain()], protocol)


def test_claims_come_after_persistent_id_and_before_reducer_override(wire: Wire):
    plan = WritePlan(rules=Rules({Plain: TypeRule(claim=key)}), stores=Stores())
    asked: list[str] = []

    def persistent_id(self: object, obj: object) -> None:
        asked.append(type(obj).__name__)

    data = pickler_writes(
        wire, Plain(), 4, plan, persistent_id=persistent_id, reducer_override=lambda self, obj: 1 / 0
    )
    assert Keys(io.BytesIO(data)).load() == [("shop", 7)]
    # The parts of an ID are asked about, the ID itself is not: as with an ID of persistent_id's own.
    assert asked == ["Plain", "str", "int"]


def test_overrides_are_asked_in_turn_until_one_speaks(wire: Wire):
    asked: list[int] = []

    def passes(obj: object) -> object:
        asked.append(1)
        return NotImplemented

    def never(obj: object) -> object:
        asked.append(3)
        return NotImplemented

    for target in (Plain(), function, Plain):

        def speaks(obj: object, about: object = target) -> object:
            asked.append(2)
            return (int, ("5",)) if obj is about else NotImplemented

        asked.clear()
        rules = Rules({type(target): TypeRule(overrides=(passes, speaks, never))})
        assert pickle.loads(dumps(wire, target, rules=rules)) == 5
        assert asked == ([1, 2, 1, 2, 3] if target is Plain else [1, 2])  # int is a class as well
        passing = Rules({type(target): TypeRule(overrides=(passes,))})
        for protocol in PROTOCOLS:
            assert dumps(wire, target, protocol, rules=passing) == unmapped(target, protocol)


def test_overrides_come_after_reducer_override(wire: Wire):
    plan = WritePlan(rules=Rules({Plain: TypeRule(overrides=(lambda obj: (int, ("5",)),))}))
    speaks = pickler_writes(
        wire,
        Plain(),
        4,
        plan,
        reducer_override=lambda self, obj: (int, ("6",)) if obj is not int else NotImplemented,
    )
    passes = pickler_writes(wire, Plain(), 4, plan, reducer_override=lambda self, obj: NotImplemented)
    assert (pickle.loads(speaks), pickle.loads(passes)) == (6, 5)


def reduces_to(text: str) -> Callable[[object], object]:
    return lambda obj: (int, (text,))


def test_a_reducer_comes_before_copyregs_and_after_an_explicit_dispatch_table(wire: Wire):
    rules = Rules({complex: TypeRule(reduce=reduces_to("7")), Plain: TypeRule(reduce=reduces_to("8"))})
    assert pickle.loads(dumps(wire, [1j, Plain()], rules=rules)) == [7, 8]
    written = pickler_writes(
        wire, [1j, Plain()], 4, WritePlan(rules=rules), dispatch_table={complex: reduces_to("9")}
    )
    nine, plain = pickle.loads(written)
    assert nine == 9
    assert type(plain) is Plain  # an explicit table stands in for all the others


def test_functions_and_classes_go_by_name_before_reducers_are_asked(wire: Wire):
    rules = Rules(
        {types.FunctionType: TypeRule(reduce=reduces_to("7")), type: TypeRule(reduce=reduces_to("8"))}
    )
    assert dumps(wire, [function, Plain], rules=rules) == pickle.dumps([function, Plain], 4)


def test_a_reducer_may_give_a_name(wire: Wire):
    rules = Rules({Single: TypeRule(reduce=lambda obj: "SINGLE")})
    assert SINGLE.__module__.encode() in dumps(wire, SINGLE, rules=rules)
    assert dumps(wire, SINGLE, rules=rules) == dumps(wire, Single, rules=rules).replace(
        b"\x06Single", b"\x06SINGLE"
    )


class Single:
    pass


SINGLE = Single()


def test_the_formats_own_types_are_never_asked_about(wire: Wire):
    rules = Rules({})
    graph = [1, 2.5, True, None, "text", b"bytes", bytearray(b"array"), (1,), {2: 3}, {4}, frozenset([5])]
    for protocol in PROTOCOLS:
        assert dumps(wire, graph, protocol, rules=rules) == unmapped(graph, protocol)
    allowed = {
        type,
        types.BuiltinFunctionType,
        types.FunctionType,
    }  # what old protocols call to make bytes and sets
    assert set(rules.asked) <= allowed


def test_names_change_at_every_protocol_and_those_of_an_era_below_3(wire: Wire):
    names = NameMap({(__name__, "function"): ("moved", "there")}, {__name__: "elsewhere"})
    era = NameMap({("moved", "there"): ("old", "name")}, {"elsewhere": "ancient"})
    for protocol in PROTOCOLS:
        data = dumps(wire, [function, Plain, key], protocol, names=names, era_names=era)
        expected = (
            (b"old", b"name", b"ancient", b"key") if protocol < 3 else (b"moved", b"there", b"elsewhere")
        )
        assert all(text in data for text in expected)
        assert __name__.encode() not in data
        unfixed = engine.get(wire.name).Dumper(lambda: WritePlan(names=names, era_names=era))
        assert b"moved" in unfixed.dumps(function, protocol, fix_imports=False)


def test_names_change_nothing_that_they_do_not_speak_of(wire: Wire):
    graph = [function, Plain(), key, datetime.date(2026, 1, 2)]
    names = NameMap(
        {(Plain.__module__, "other"): ("moved", "there"), ("other", "Plain"): ("x", "y")}, {"date": "z"}
    )
    for protocol in PROTOCOLS:
        assert dumps(wire, graph, protocol, names=names) == dumps(wire, graph, protocol)
    names = NameMap({(Plain.__module__, "Plain"): ("moved", "there")}, {"datetime": "moved2"})
    for protocol in PROTOCOLS:
        for data in (dumps(wire, graph, protocol, names=names), dumps(wire, graph[1], protocol, names=names)):
            assert b"moved" in data
            assert b"Plain" not in data


class Stores:
    def __init__(self) -> None:
        self.calls: list[object] = []

    def begin_dump(self, protocol: int, write: object, /) -> Stores:
        self.calls.append("begin")
        self.protocol, self.write = protocol, write
        return self

    def finish(self, rest: bytes, /) -> bytes | None:
        self.calls.append(rest[-1:])
        if self.write is None:
            return rest
        return self.write(rest)

    def abort(self, error: BaseException, /) -> None:
        self.calls.append(type(error))


class Claimed(Plain):
    pass


def stored(stores: Stores | None = None) -> dict[str, object]:
    return {"stores": stores or Stores(), "rules": Rules({Claimed: TypeRule(claim=key)})}


def test_stores_hear_of_every_dump_that_claims_something_and_of_how_it_ended(wire: Wire):
    stores = Stores()
    dumps(wire, [1, Plain()], **stored(stores))
    assert stores.calls == []
    dumps(wire, [1, Claimed()], **stored(stores))
    assert stores.calls == ["begin", b"."]
    stores.calls.clear()
    with pytest.raises(TypeError):
        dumps(wire, [Claimed(), (x for x in ())], **stored(stores))
    assert stores.calls == ["begin", TypeError]
    stores.calls.clear()
    with pytest.raises(KeyboardInterrupt):
        dumps(wire, [Claimed(), Raises(KeyboardInterrupt())], **stored(stores))
    assert stores.calls == ["begin", KeyboardInterrupt]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("tail", [None, "x" * 100_000, b"x" * 100_000], ids=lambda tail: type(tail).__name__)
def test_what_is_in_the_file_before_the_stores_commit_cannot_be_loaded(wire: Wire, protocol: int, tail: Any):
    seen: list[bytes] = []
    file = io.BytesIO()

    class Watching(Stores):
        def finish(self, rest: bytes, /) -> bytes | None:
            seen.append(file.getvalue())
            return super().finish(rest)

    plan = WritePlan(**stored(Watching()))
    many = [Claimed(), [str(number) for number in range(30_000)], tail]
    dumper = engine.get(wire.name).Dumper(lambda: plan)
    dumper.dump(many, file, protocol)
    with pytest.raises(EOFError):
        Keys(io.BytesIO(seen[0])).load()
    assert Keys(io.BytesIO(file.getvalue())).load()[1:] == many[1:]
    assert seen[0] or protocol < 4


def test_the_stores_may_take_what_is_written_from_then_on(wire: Wire):
    held: list[bytes] = []

    class Holding(Stores):
        def begin_dump(self, protocol: int, write: Any, /) -> Stores:
            return super().begin_dump(protocol, held.append)

        def finish(self, rest: bytes, /) -> bytes | None:
            file.write(b"".join(held) + rest)
            return None

    file = io.BytesIO()
    plan = WritePlan(**stored(Holding()))
    many = [[str(number) for number in range(30_000)], Claimed(), [str(number) for number in range(30_000)]]
    engine.get(wire.name).Dumper(lambda: plan).dump(many, file)
    assert len(held) > 1
    assert Keys(io.BytesIO(file.getvalue())).load() == [many[0], [("shop", 7)], many[2]]


class Raises:
    def __init__(self, exc: BaseException) -> None:
        self.exc = exc

    def __reduce__(self) -> object:
        raise self.exc


def test_a_store_that_cannot_commit_fails_the_dump(wire: Wire):
    class Refusing(Stores):
        def finish(self, rest: bytes, /) -> bytes | None:
            raise LookupError

    plan = WritePlan(**stored(Refusing()))
    pickler = type("Derived", (engine.get(wire.name).Pickler,), {"_plan_source": staticmethod(lambda: plan)})(
        io.BytesIO()
    )
    with pytest.raises(LookupError):
        pickler.dump(["text", Claimed()])
    assert pickler.memo.copy() == {}


def test_hints_of_the_plan_are_beneath_a_refusal(wire: Wire):
    hints = ("plugin 'a' could not be loaded", "plugin 'b' could not be loaded")
    for refused in ((x for x in ()), function_without_a_home()):
        with pytest.raises((TypeError, pickle.PicklingError)) as caught:
            dumps(wire, [refused], hints=hints)
        assert set(hints) <= set("\n".join(caught.value.__notes__).split("\n"))
    with pytest.raises(LookupError) as passed:
        dumps(wire, [Raises(LookupError("mine"))], hints=hints)
    assert str(passed.value) == "mine"
    assert not any(hint in note for note in passed.value.__notes__ for hint in hints)


def function_without_a_home() -> Callable[[], None]:
    def homeless() -> None: ...

    homeless.__qualname__ = "homeless"
    return homeless


def test_a_dumper_asks_for_its_plan_at_the_first_use_and_when_it_is_set_to_none(wire: Wire):
    asked: list[int] = []

    def source() -> WritePlan:
        asked.append(1)
        return WritePlan()

    dumper = engine.get(wire.name).Dumper(source)
    assert asked == []
    dumper.dumps(1)
    dumper.dump(1, io.BytesIO())
    assert asked == [1]
    dumper.plan = None
    dumper.dumps(1)
    assert asked == [1, 1]
    dumper.plan = WritePlan(rules=Rules({Plain: TypeRule(reduce=reduces_to("7"))}))
    assert pickle.loads(dumper.dumps(Plain())) == 7
    assert asked == [1, 1]


@pytest.mark.parametrize(
    "assigned", [None, WritePlan(rules=Rules({Plain: TypeRule(reduce=reduces_to("2"))}))]
)
def test_a_plan_that_is_set_while_the_source_is_asked_holds(wire: Wire, assigned: WritePlan | None):
    """As where one thread sets another default profile while a first dumps() in a second composes one."""
    answers = [WritePlan(rules=Rules({Plain: TypeRule(reduce=reduces_to(text))})) for text in "123"]

    def source() -> WritePlan:
        if len(answers) == 3:
            dumper.plan = assigned
        return answers.pop(0)

    dumper = engine.get(wire.name).Dumper(source)
    file = io.BytesIO()
    dumper.dump(Plain(), file)
    assert pickle.loads(file.getvalue()) == 1
    assert dumper.plan is assigned
    assert pickle.loads(dumper.dumps(Plain())) == 2
    assert pickle.loads(dumper.dumps(Plain())) == 2
