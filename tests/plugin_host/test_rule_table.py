"""A type's rule: found along its line of ancestors, by class, by name and by ABC, and worked out once."""

from __future__ import annotations

import abc
import gc
import io
import operator
import pickle
import re
import sys
import threading
import types
import weakref
from collections.abc import Iterator, Mapping, Sized

import pytest
from engines import Wire, where_classes_go
from throwaway import declaring

from brinery import Override, Profile, Reducer, engine
from brinery.errors import DeclarationError, PluginConflict
from brinery.plan import NATIVE_TYPES, AtProtocol, RuleTable, TypeRule, WritePlan


class Animal:
    pass


class Dog(Animal):
    pass


class Puppy(Dog):
    pass


def first(obj: object) -> str:
    return "first"


def second(obj: object) -> str:
    return "second"


def table(*records: object, prefer: dict[str, str] | None = None) -> RuleTable:
    """The rule table of one plugin for each record: "p0", "p1" and so on."""
    plugins = [declaring(f"p{number}", record) for number, record in enumerate(records)]
    rules = Profile(plugins, prefer=prefer).write_plan.rules
    assert rules is not None
    return rules


def reduced(rule: TypeRule | None, obj: object) -> object:
    """What the rule's reducer gives."""
    assert rule is not None
    assert rule.reduce is not None
    assert not isinstance(rule.reduce, AtProtocol)
    return rule.reduce(obj)


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    """A module that can be put into sys.modules, and is gone afterwards."""
    made = types.ModuleType("brinery_test_kennel")
    yield made
    sys.modules.pop(made.__name__, None)


def test_without_reducers_and_overrides_there_is_no_table() -> None:
    assert Profile([declaring("empty")]).write_plan.rules is None


def test_a_reducer_is_for_its_class_alone() -> None:
    rules = table(Reducer(Dog, first))
    assert rules.rule_for(Dog) == TypeRule(reduce=first)
    assert rules.rule_for(Puppy) is None
    assert rules.rule_for(Animal) is None


def test_a_reducer_with_subclasses_is_for_them_too() -> None:
    rules = table(Reducer(Dog, first, subclasses=True))
    assert rules.rule_for(Puppy) == TypeRule(reduce=first)
    assert rules.rule_for(Animal) is None


def test_the_nearest_class_wins() -> None:
    rules = table(Reducer(Animal, first, subclasses=True), Reducer(Dog, second, subclasses=True))
    assert rules.rule_for(Animal) == TypeRule(reduce=first)
    assert rules.rule_for(Puppy) == TypeRule(reduce=second)


def test_a_nearer_reducer_that_is_not_for_subclasses_is_passed_over() -> None:
    rules = table(Reducer(Animal, first, subclasses=True), Reducer(Dog, second))
    assert rules.rule_for(Puppy) == TypeRule(reduce=first)


def test_overrides_are_all_asked_nearest_class_first_then_in_the_plugins_order() -> None:
    def third(obj: object) -> str:
        return "third"

    plugin = declaring("p", Override(Animal, first), Override(Dog, second), Override(Dog, third))
    rules = Profile([plugin]).write_plan.rules
    assert rules is not None
    assert rules.rule_for(Puppy) == TypeRule(overrides=(second, third, first))


def test_functions_and_classes_are_reached_by_overrides_for_their_types() -> None:
    class Meta(type):
        pass

    rules = table(Override(types.FunctionType, first), Override(type, first), Override(Meta, second))
    assert rules.rule_for(types.FunctionType) == TypeRule(overrides=(first,))
    assert rules.rule_for(Meta) == TypeRule(overrides=(second, first))


def test_the_formats_own_data_types_have_no_rule_even_where_everything_has() -> None:
    rules = table(Reducer(object, first, subclasses=True), Override("builtins:object", second))
    assert rules.rule_for(Dog) == TypeRule(overrides=(second,), reduce=first)
    assert {rules.rule_for(own) for own in NATIVE_TYPES} == {None}


# Virtual subclasses


class Barking(abc.ABC):  # noqa: B024
    pass


class Loud(Barking):
    pass


def test_an_abc_takes_in_its_virtual_subclasses() -> None:
    class Seal(Animal):
        pass

    Barking.register(Seal)
    rules = table(Reducer(Barking, first, subclasses=True), Override(Barking, second))
    assert rules.rule_for(Seal) == TypeRule(overrides=(second,), reduce=first)
    assert rules.rule_for(Animal) is None


def test_a_reducer_for_an_abc_alone_is_not_for_its_virtual_subclasses() -> None:
    class Whale(Animal):
        pass

    Barking.register(Whale)
    assert table(Reducer(Barking, first)).rule_for(Whale) is None


def test_a_class_that_is_registered_later_gets_its_rule_then() -> None:
    class Fox(Animal):
        pass

    rules = table(Reducer(Barking, first, subclasses=True))
    before = rules.epoch()
    assert rules.rule_for(Fox) is None
    Barking.register(Fox)
    assert rules.epoch() != before
    assert rules.rule_for(Fox) == TypeRule(reduce=first)


def test_a_base_class_is_nearer_than_an_abc_that_the_base_belongs_to() -> None:
    class Wolf(Animal):
        pass

    class Cub(Wolf):
        pass

    Barking.register(Wolf)
    rules = table(
        Reducer(Barking, first, subclasses=True),
        Reducer(Wolf, second, subclasses=True),
    )
    assert rules.rule_for(Cub) == TypeRule(reduce=second)
    rules = table(
        Reducer(Barking, first, subclasses=True),
        Reducer(Animal, second, subclasses=True),
    )
    assert rules.rule_for(Cub) == TypeRule(reduce=first)


def test_of_two_abcs_the_narrower_wins() -> None:
    class Siren:
        pass

    Loud.register(Siren)
    rules = table(Reducer(Barking, first, subclasses=True), Reducer(Loud, second, subclasses=True))
    assert rules.rule_for(Siren) == TypeRule(reduce=second)


def test_two_abcs_without_an_order_are_a_conflict_when_such_a_class_turns_up() -> None:
    class Parrot:
        def __len__(self) -> int:
            return 0

    Barking.register(Parrot)
    records = Reducer(Barking, first, subclasses=True), Reducer(Sized, second, subclasses=True)
    rule = table(*records).rule_for(Parrot)
    with pytest.raises(PluginConflict, match=r"Parrot(.|\n)*'p0'(.|\n)*'p1'"):
        reduced(rule, Parrot())
    prefer = {"reducer:collections.abc:Sized": "p1"}
    assert table(*records, prefer=prefer).rule_for(Parrot) == TypeRule(reduce=second)


def test_an_abc_among_the_bases_is_a_base_class_like_another() -> None:
    class Registry(Mapping[str, int]):
        pass

    assert table(Reducer(Mapping, first, subclasses=True)).rule_for(Registry) == TypeRule(reduce=first)


# Classes declared by name


def test_a_name_matches_the_class_that_says_it_lives_there() -> None:
    rules = table(Reducer(f"{__name__}:Dog", first))
    assert rules.rule_for(Dog) == TypeRule(reduce=first)


def test_declaring_a_name_imports_nothing() -> None:
    sys.modules.pop("colorsys", None)
    rules = table(Reducer("colorsys:Any", first, subclasses=True), Override("colorsys:Any", "colorsys:f"))
    rules.rule_for(Dog)
    assert "colorsys" not in sys.modules


def test_a_class_known_under_another_name_is_found_once_its_module_is_there(module: types.ModuleType) -> None:
    rules = table(Reducer("brinery_test_kennel:Hound", first, subclasses=True))
    before = rules.epoch()
    assert rules.rule_for(Puppy) is None
    module.Hound = Dog  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    assert rules.epoch() != before
    assert rules.rule_for(Puppy) == TypeRule(reduce=first)


def test_a_module_that_is_still_being_imported_is_looked_at_again(module: types.ModuleType) -> None:
    module.__spec__ = types.SimpleNamespace(_initializing=True)  # type: ignore[assignment]
    sys.modules[module.__name__] = module
    rules = table(Reducer("brinery_test_kennel:Hound", first), Reducer(Animal, second))
    assert rules.epoch() is None
    assert rules.rule_for(Dog) is None
    assert rules.rule_for(Animal) == TypeRule(reduce=second)
    module.Hound = Dog  # type: ignore[attr-defined]
    assert rules.rule_for(Dog) == TypeRule(reduce=first)
    assert rules.epoch() is not None


def test_looking_for_a_name_does_not_wake_a_module_that_imports_lazily(module: types.ModuleType) -> None:
    asked: list[str] = []
    module.__getattr__ = asked.append  # type: ignore[method-assign]
    sys.modules[module.__name__] = module
    table(Reducer("brinery_test_kennel:Hound", first)).rule_for(Dog)
    assert asked == []


def test_two_names_that_turn_out_to_be_one_class_are_a_conflict_then(module: types.ModuleType) -> None:
    records = Reducer("brinery_test_kennel:Hound", first), Reducer(Dog, second)
    rules = table(*records)
    preferring = table(*records, prefer={"brinery_test_kennel:Hound": "p0"})
    module.Hound = Dog  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    with pytest.raises(PluginConflict, match="Dog"):
        reduced(rules.rule_for(Dog), Dog())
    assert preferring.rule_for(Dog) == TypeRule(reduce=first)


def test_a_name_that_turns_out_to_be_no_class_is_an_error(module: types.ModuleType) -> None:
    rules = table(Reducer("brinery_test_kennel:hound", first))
    module.hound = first  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    with pytest.raises(DeclarationError, match="'p0'"):
        rules.rule_for(Dog)


def test_a_reducers_function_is_imported_when_its_first_object_turns_up() -> None:
    sys.modules.pop("colorsys", None)
    rules = table(Reducer(Dog, "colorsys:rgb_to_hsv"))
    rules.rule_for(Animal)
    assert "colorsys" not in sys.modules
    rule = rules.rule_for(Dog)
    assert rule is not None
    assert rule.reduce is sys.modules["colorsys"].rgb_to_hsv


@pytest.mark.parametrize("name", ["no_such_module:f", "colorsys:no_such_function", "colorsys:ONE_THIRD"])
def test_a_reducers_function_that_cannot_be_had_is_an_error_that_names_the_plugin(name: str) -> None:
    with pytest.raises(DeclarationError, match=f"'p0'.*{name}"):
        table(Reducer(Dog, name)).rule_for(Dog)


# How often, and for how long


def test_a_type_is_worked_out_once() -> None:
    class Asked(abc.ABCMeta):
        count = 0

        def __subclasscheck__(cls, subclass: type) -> bool:
            Asked.count += 1
            return super().__subclasscheck__(subclass)

    class Counted(metaclass=Asked):
        pass

    rules = table(Reducer(Counted, first, subclasses=True))
    rules.rule_for(Dog)
    asked = Asked.count
    for _ in range(100):
        rules.rule_for(Dog)
    assert Asked.count == asked


def test_the_epoch_rests_while_nothing_happens() -> None:
    rules = table(Reducer(Barking, first, subclasses=True), Reducer("nowhere:Thing", first))
    assert rules.epoch() == rules.epoch()


@where_classes_go
def test_types_are_held_weakly() -> None:
    class Passing(Dog):
        pass

    rules = table(Reducer(Dog, first, subclasses=True))
    assert rules.rule_for(Passing) == TypeRule(reduce=first)
    gone = weakref.ref(Passing)
    del Passing
    gc.collect()
    assert gone() is None


def test_a_metaclass_may_say_what_it_likes_about_its_classes() -> None:
    class Odd(type):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(cls, other: object) -> bool:
            raise RuntimeError("asked")

        @property
        def __module__(cls) -> str:  # type: ignore[override]
            raise RuntimeError("asked")

    class Strange(metaclass=Odd):
        pass

    rules = table(Reducer(Strange, first), Reducer("nowhere:Thing", second))
    assert rules.rule_for(Strange) == TypeRule(reduce=first)


def test_one_module_out_and_one_in_is_seen(module: types.ModuleType) -> None:
    """As many modules are loaded as before, and yet another one."""
    rules = table(Reducer("brinery_test_kennel:Hound", first, subclasses=True))
    sys.modules["brinery_test_passing"] = types.ModuleType("brinery_test_passing")
    before = rules.epoch()
    assert rules.rule_for(Puppy) is None
    del sys.modules["brinery_test_passing"]
    module.Hound = Dog  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    assert rules.epoch() != before
    assert rules.rule_for(Puppy) == TypeRule(reduce=first)


def test_both_engines_use_the_reducer_then(wire: Wire, module: types.ModuleType) -> None:
    rules = table(Reducer("brinery_test_kennel:Hound", lambda obj: (str, ("reduced",)), subclasses=True))
    dumps = engine.get(wire.name).Dumper(lambda: WritePlan(rules=rules)).dumps
    sys.modules["brinery_test_passing"] = types.ModuleType("brinery_test_passing")
    plain = dumps(Dog(), 4)
    del sys.modules["brinery_test_passing"]
    module.Hound = Dog  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    assert b"reduced" not in plain
    assert b"reduced" in dumps(Dog(), 4)


def gives_nothing(obj: object) -> None:
    pass


def gives_not_implemented(obj: object) -> object:
    return NotImplemented


def gives_too_little(obj: object) -> tuple[object, ...]:
    return (str,)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (Override(Animal, gives_nothing), "override for {}:Animal: look at what gives_nothing ({}:"),
        (Reducer(Dog, gives_not_implemented), "reducer for {}:Dog: look at what gives_not_implemented ({}:"),
        (Reducer(Dog, gives_too_little), "reducer for {}:Dog: look at what gives_too_little ({}:"),
        (
            Reducer(Dog, f"{__name__}:gives_too_little"),
            "reducer for {}:Dog: look at what gives_too_little ({}:",
        ),
    ],
)
def test_a_bad_reduction_names_who_gave_it(
    wire: Wire, record: Reducer | Override, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or types.ModuleType(__name__))
    vars(sys.modules[__name__]).setdefault("gives_too_little", gives_too_little)
    profile = Profile(
        [declaring("shop", record), declaring("other", Reducer(complex, first))], engine=wire.name
    )
    with pytest.raises(pickle.PicklingError) as caught:
        profile.dumps({"pet": [Dog()]})
    (note,) = notes_of_plugins(caught.value)
    assert note.startswith("plugin 'shop' (given) has the " + said.format(__name__, __file__))


def notes_of_plugins(exc: BaseException) -> list[str]:
    """What is said of plugins; up to Python 3.13 beneath the path, in the same note."""
    return [line for note in exc.__notes__ for line in note.split("\n") if line.startswith("plugin ")]


def raises(obj: object) -> object:
    raise ValueError("no such colour")


def raises_later(obj: object) -> object:
    def items() -> Iterator[object]:
        yield 1
        raise ValueError("no such colour")

    return list, (), None, items()


def names_what_is_not_there(obj: object) -> str:
    return "nowhere"


def holds_a_lock(obj: object) -> object:
    return list, ([threading.Lock()],)


def passes(obj: object) -> object:
    return NotImplemented


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([Reducer(Dog, raises)], "reducer for {}:Dog: look at raises ({}), which raised this"),
        ([Override(Animal, raises)], "override for {}:Animal: look at raises ({}), which raised this"),
        (
            [Override(Dog, passes), Reducer(Animal, raises, subclasses=True)],
            "reducer for {}:Animal: look at raises ({}), which",
        ),
        (
            [Reducer(Dog, operator.attrgetter("x"))],
            "reducer for {}:Dog: look at operator.attrgetter('x'), which",
        ),
        ([Reducer(Dog, raises_later)], "reducer for {}:Dog: look at raises_later ({}), which raised this"),
        (
            [Override(Dog, passes), Reducer(Dog, raises_later)],
            "reducer for {}:Dog: look at raises_later ({}), which raised this",
        ),
        (
            [Reducer(Dog, names_what_is_not_there)],
            "reducer for {}:Dog: look at what names_what_is_not_there ({}) returns",
        ),
        (
            [Override(Dog, names_what_is_not_there)],
            "override for {}:Dog: look at what names_what_is_not_there ({}) returns",
        ),
        ([Reducer(Dog, holds_a_lock)], "reducer for {}:Dog: look at what holds_a_lock ({}) returns"),
    ],
)
def test_what_a_reducer_is_at_fault_for_names_its_plugin(
    wire: Wire, records: list[Reducer | Override], said: str
) -> None:
    profile = Profile([declaring("shop", *records)], engine=wire.name)
    with pytest.raises(Exception) as caught:  # noqa: PT011  # the texts are compared below
        profile.dumps({"pet": [Dog()]})
    (note,) = notes_of_plugins(caught.value)
    shown = re.sub(r"\([^()]*test_rule_table\.py:\d+\)", "({})", note)
    assert shown.startswith("plugin 'shop' (given) has the " + said.replace("{}", __name__, 1)), note
    assert (
        str(caught.value).partition(" object at ")[0] == said_by_pickle(records).partition(" object at ")[0]
    )


def said_by_pickle(records: list[Reducer | Override]) -> str:
    """What pickle says, with the same reducer in a dispatch table."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file)
    pickler.dispatch_table = {Dog: records[-1].reduce}
    with pytest.raises(Exception) as caught:  # noqa: PT011
        pickler.dump({"pet": [Dog()]})
    return str(caught.value)


class NamedNowhere:
    def __reduce__(self) -> str:
        return "nowhere"


@pytest.mark.parametrize(
    ("records", "obj"),
    [
        ([Override(NamedNowhere, passes)], NamedNowhere()),
        ([Override(type, passes)], type("Nowhere", (), {})),
        ([Reducer(Dog, lambda dog: (list, ([],), None, iter([Animal()])))], [Dog(), threading.Lock()]),
    ],
)
def test_what_is_none_of_its_doing_names_no_plugin(
    wire: Wire, records: list[Reducer | Override], obj: object
) -> None:
    with pytest.raises((pickle.PicklingError, TypeError)) as caught:
        Profile([declaring("shop", *records)], engine=wire.name).dumps([obj])
    assert not notes_of_plugins(caught.value)


def test_a_table_of_the_programs_own_is_no_plugins_fault(wire: Wire) -> None:
    profile = Profile([declaring("shop", Reducer(Dog, holds_a_lock))], engine=wire.name)
    pickler = profile.Pickler(io.BytesIO())
    pickler.dispatch_table = {Dog: holds_a_lock}
    with pytest.raises(TypeError) as caught:
        pickler.dump(Dog())
    assert not notes_of_plugins(caught.value)
