"""Plugins reach objects anywhere in a graph, at their place in the order of decisions."""

from __future__ import annotations

import abc
import copyreg
import functools
import io
import pickle
import sys
import types
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from engines import engines_under_test
from throwaway import declaring

from brinery import NameTable, Override, Profile, Reducer

Composed = Callable[..., Profile]


@pytest.fixture(params=engines_under_test())
def composed(request: pytest.FixtureRequest) -> Composed:
    """Makes the profile of one plugin with these records, on each engine in turn."""
    return lambda *records: Profile([declaring("p", *records)], engine=request.param)


class Animal:
    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> Any:
        return str, ("its own",)


class Dog(Animal):
    pass


def says(text: str) -> Callable[[object], Any]:
    return lambda obj: (str, (text,))


def passes(obj: object) -> Any:
    return NotImplemented


def test_reducers_reach_objects_anywhere_in_the_graph(composed: Composed) -> None:
    profile = composed(Reducer(Animal, says("reduced"), subclasses=True))
    dog = Dog("rex")
    graph = {"list": [dog], "tuple": (1, (dog,)), "partial": functools.partial(str, dog), "slot": Fraction(1)}
    copy = profile.loads(profile.dumps(graph))
    assert copy["list"] == ["reduced"]
    assert copy["tuple"] == (1, ("reduced",))
    assert copy["partial"].args == ("reduced",)


def test_what_a_reducer_writes_is_shared_like_any_other_object(composed: Composed) -> None:
    profile = composed(Reducer(Animal, lambda obj: (list, ((1, 2),))))
    animal = Animal("a")
    first, second = profile.loads(profile.dumps([animal, animal]))
    assert first is second


def test_overrides_reach_functions_that_cannot_be_written_by_name(composed: Composed) -> None:
    profile = composed(
        Override(
            types.FunctionType, lambda f: (str, ("a lambda",)) if f.__name__ == "<lambda>" else NotImplemented
        )
    )
    assert profile.loads(profile.dumps([lambda: 0, says])) == ["a lambda", says]


def test_overrides_reach_classes_by_type_and_by_metaclass(composed: Composed) -> None:
    class Meta(type):
        pass

    class Local(metaclass=Meta):
        pass

    profile = composed(Override(type, lambda cls: (str, ("class",)) if cls is Dog else NotImplemented))
    assert profile.loads(profile.dumps([Dog, Animal])) == ["class", Animal]
    profile = composed(Override(Meta, says("by metaclass")))
    assert profile.loads(profile.dumps([Local, Dog])) == ["by metaclass", Dog]


def test_an_override_that_passes_leaves_it_to_the_next_and_then_to_the_built_in_way(
    composed: Composed,
) -> None:
    profile = composed(Override(Dog, passes), Override(Animal, says("second")))
    assert profile.loads(profile.dumps(Dog("d"))) == "second"
    assert composed(Override(Dog, passes)).dumps([Dog("d"), passes]) == pickle.dumps([Dog("d"), passes])


def test_an_override_goes_before_a_reducer_and_a_reducer_before_the_objects_own_way(
    composed: Composed,
) -> None:
    both = composed(Override(Animal, says("override")), Reducer(Dog, says("reducer")))
    assert both.loads(both.dumps(Dog("d"))) == "override"
    one = composed(Reducer(Dog, says("reducer")))
    assert one.loads(one.dumps([Dog("d"), Animal("a")])) == ["reducer", "its own"]


def test_a_subclasss_reducer_override_goes_before_plugins(composed: Composed) -> None:
    profile = composed(Override(Animal, says("override")), Reducer(Animal, says("reducer")))

    class Pickler(profile.Pickler):  # type: ignore[misc, name-defined]
        def reducer_override(self, obj: object) -> Any:
            return (str, ("mine",)) if isinstance(obj, Dog) else NotImplemented

    file = io.BytesIO()
    Pickler(file).dump([Dog("d"), Animal("a")])
    assert profile.loads(file.getvalue()) == ["mine", "override"]


def test_a_persistent_id_goes_before_everything(composed: Composed) -> None:
    profile = composed(Override(Animal, says("override")))

    class Pickler(profile.Pickler):  # type: ignore[misc, name-defined]
        def persistent_id(self, obj: object) -> Any:
            return obj.name if isinstance(obj, Animal) else None

    class Unpickler(profile.Unpickler):  # type: ignore[misc, name-defined]
        def persistent_load(self, pid: Any) -> Any:
            return f"<{pid}>"

    file = io.BytesIO()
    Pickler(file).dump([Animal("a")])
    file.seek(0)
    assert Unpickler(file).load() == ["<a>"]


def test_an_explicit_dispatch_table_stands_in_the_place_of_plugins_reducers(composed: Composed) -> None:
    profile = composed(Reducer(Animal, says("plugin"), subclasses=True))

    class Pickler(profile.Pickler):  # type: ignore[misc, name-defined]
        dispatch_table = {Dog: says("table")}

    file = io.BytesIO()
    Pickler(file).dump([Dog("d"), Animal("a")])
    assert profile.loads(file.getvalue()) == ["table", "its own"]


class Barking(abc.ABC):  # noqa: B024
    pass


def test_a_class_that_joins_an_abc_between_two_dumps_is_reached_by_the_second(composed: Composed) -> None:
    class Seal(Animal):
        pass

    profile = composed(Reducer(Barking, says("barks"), subclasses=True))
    assert profile.loads(profile.dumps([Seal("s")])) == ["its own"]
    Barking.register(Seal)
    assert profile.loads(profile.dumps([Seal("s")])) == ["barks"]


def test_a_class_whose_public_name_is_imported_between_two_dumps_is_reached_by_the_second(
    composed: Composed, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = composed(Reducer("brinery_test_zoo:Beast", says("public")))
    assert profile.loads(profile.dumps([Dog("d")])) == ["its own"]
    zoo = types.ModuleType("brinery_test_zoo")
    zoo.Beast = Dog  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, zoo.__name__, zoo)
    assert profile.loads(profile.dumps([Dog("d")])) == ["public"]


def test_a_class_whose_module_is_half_imported_at_the_first_dump_is_reached_by_the_second(
    composed: Composed, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo = types.ModuleType("brinery_test_zoo")
    zoo.__spec__ = types.SimpleNamespace(_initializing=True)  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, zoo.__name__, zoo)
    profile = composed(Reducer("brinery_test_zoo:Beast", says("public")))
    assert profile.loads(profile.dumps([Dog("d")])) == ["its own"]
    zoo.Beast = Dog  # type: ignore[attr-defined]
    assert profile.loads(profile.dumps([Dog("d")])) == ["public"]


def test_a_plugins_reducer_goes_before_copyregs(composed: Composed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(copyreg.dispatch_table, Animal, says("copyreg"))
    monkeypatch.setitem(copyreg.dispatch_table, Dog, says("copyreg"))
    profile = composed(Reducer(Animal, says("plugin")))
    assert profile.loads(profile.dumps([Animal("a"), Dog("d")])) == ["plugin", "copyreg"]


def test_nothing_of_the_standard_library_is_written_to(composed: Composed) -> None:
    before = dict(copyreg.dispatch_table)
    profile = composed(Reducer(Animal, says("plugin")), NameTable("t", {"old": "new"}))
    profile.dumps(Animal("a"))
    assert copyreg.dispatch_table == before
    assert pickle.loads(pickle.dumps(Animal("a"))) == "its own"


def set_all(made: list[object], state: object) -> None:
    made.append(state)


DEFAULT = Animal("the default")


def test_what_a_reducer_may_give_is_what_reduce_may_give(composed: Composed) -> None:
    by_name = composed(Reducer(Animal, lambda obj: "DEFAULT"))
    assert by_name.loads(by_name.dumps([DEFAULT]))[0] is DEFAULT
    six_items = composed(Reducer(Animal, lambda obj: (list, (), "state", iter([1, 2]), None, set_all)))
    assert six_items.loads(six_items.dumps(Animal("a"))) == [1, 2, "state"]
    with pytest.raises(pickle.PicklingError):
        composed(Reducer(Animal, lambda obj: 3)).dumps(Animal("a"))


def test_errors_in_a_reducer_are_its_own_and_say_where(composed: Composed) -> None:
    def failing(obj: object) -> Any:
        raise LookupError("inside")

    with pytest.raises(LookupError, match="inside") as caught:
        composed(Reducer(Animal, failing)).dumps({"k": [Animal("a")]})
    assert caught.value.pickle_path == "root['k'][0]"  # type: ignore[attr-defined]


def test_a_dump_within_a_dump_with_another_profile_changes_nothing_for_the_rest(composed: Composed) -> None:
    other = composed(Reducer(Animal, says("another's"), subclasses=True))

    def reduce(animal: Animal) -> Any:
        assert other.loads(other.dumps([Fraction(1), animal])) == [Fraction(1), "another's"]
        return str, ("reduced",)

    profile = composed(Reducer(Animal, reduce, subclasses=True))
    assert profile.loads(profile.dumps([Dog("rex"), Dog("rex"), Animal("a")])) == ["reduced"] * 3
