"""What the compiled writer leaves out of its memo is found again all the same, and written as C pickle does.

An object that nothing but its container refers to has no entry in the memo, and an instance's state no
dict, until Python code could see or share it. Each test here makes that happen in another way.
"""

from __future__ import annotations

import copyreg
import gc
import io
import pickle
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from engines import PLAIN_WRITE

from brinery.engine.compiled import writing

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
dumps = writing.Dumper(lambda: PLAIN_WRITE).dumps


class Pickler(writing.Pickler):
    _plan_source = staticmethod(lambda: PLAIN_WRITE)


class Plain:
    pass


class Named:
    """For one test: its instances share the names of nothing else."""


class Slotted:
    __slots__ = ("left", "right")


class Gives:
    """Its reducer says what it is made of when it is asked."""

    def __init__(self, give: Callable[[], object]) -> None:
        self.give = give

    def __reduce__(self) -> tuple[object, ...]:
        return list, ((self.give(),),)


def assert_same(make: Callable[[], object]) -> None:
    """Both write the same; each has a graph of its own, so that neither sees what the other left behind."""
    for protocol in PROTOCOLS:
        ours, theirs = make(), make()
        assert dumps(ours, protocol) == pickle.dumps(theirs, protocol), f"protocol {protocol}"


def fresh(text: str) -> str:
    """A str that nothing else refers to."""
    return "".join([text, "!"])


def test_a_tuple_inside_itself_ends():
    def make() -> object:
        recursive: Any = ([],)
        recursive[0].append(recursive)
        return recursive

    assert_same(make)


@pytest.mark.parametrize("kind", [tuple, frozenset])
def test_children_of_a_shared_tuple_are_found_when_it_is_walked_again(kind: type):
    def make() -> object:
        holder = Plain()
        inner = (fresh("text"), holder, (fresh("deeper"),))
        holder.back = shared = kind([(fresh("child"), inner)])  # type: ignore[attr-defined]
        return [shared, shared]

    assert_same(make)


def test_what_lies_below_a_tuple_in_a_shared_tuple_counts_as_shared():
    def make() -> object:
        hole: list[object] = []
        outer = ((hole, fresh("sibling")), fresh("last"))
        hole.append(outer)
        return outer

    assert_same(make)


def test_a_reducer_finds_what_was_written_before_it():
    def make() -> object:
        graph: list[Any] = [fresh("first"), [fresh("second")], {fresh("key"): (fresh("third"),)}]
        graph.append(
            Gives(lambda: [graph[0], graph[1], graph[1][0], graph[2], next(iter(graph[2].values()))])
        )
        return graph

    assert_same(make)


def test_a_reducer_finds_the_containers_that_are_being_written():
    def make() -> object:
        graph: dict[str, Any] = {}
        middle: list[Any] = [fresh("before")]
        inner: tuple[Any, ...] = ({fresh("k"): Gives(lambda: [graph, middle, middle[0]])},)
        middle.append(inner)
        graph["middle"] = middle
        return graph

    assert_same(make)


def test_the_state_of_a_written_instance_is_the_dict_that_a_reducer_asks_for():
    def make() -> object:
        made = Plain()
        made.text = fresh("text")  # type: ignore[attr-defined]
        made.more = [fresh("more")]  # type: ignore[attr-defined]
        return [made, Gives(lambda: made.__dict__), Gives(lambda: vars(made)["more"])]

    assert_same(make)


def test_the_state_of_an_instance_that_is_being_written_is_that_dict_too():
    def make() -> object:
        made = Plain()
        made.before = fresh("before")  # type: ignore[attr-defined]
        made.gives = Gives(lambda: made.__dict__)  # type: ignore[attr-defined]
        made.after = fresh("after")  # type: ignore[attr-defined]
        return made

    assert_same(make)


def test_slots_are_written_as_they_were_when_the_instance_began():
    def make() -> object:
        made = Slotted()

        def change() -> object:
            made.right = "changed"
            return made

        made.left, made.right = Gives(change), fresh("kept")
        return [made, made]

    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert dumps(make(), protocol) == pickle.dumps(make(), protocol)


def test_attributes_that_are_added_meanwhile_are_refused_as_in_c_pickle():
    def make() -> object:
        made = Plain()
        made.gives = Gives(lambda: setattr(made, "added", 1))  # type: ignore[attr-defined]
        made.other = 1  # type: ignore[attr-defined]
        return made

    for protocol in range(1, pickle.HIGHEST_PROTOCOL + 1):
        for dump in (pickle.dumps, dumps):
            with pytest.raises(RuntimeError, match="changed size"):
                dump(make(), protocol)


@pytest.mark.parametrize("with_dicts", [False, True])
def test_names_that_instances_share_are_found_though_one_reference_is_counted(with_dicts: bool):
    def make() -> object:
        made = [Named(), Named(), Named()]
        for number, each in enumerate(made):
            if with_dicts:
                vars(each)[fresh("dict name")] = number
            else:
                setattr(each, fresh("name"), number)
                setattr(each, fresh("other"), number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sys._clear_type_cache()  # it refers to names, too
        return made

    assert_same(make)


def test_a_temporary_that_dies_is_not_mistaken_for_what_takes_its_place():
    class Fresh:
        def __init__(self, number: int) -> None:
            self.number = number

        def __reduce__(self) -> tuple[object, ...]:
            return tuple, ([[fresh(str(self.number)), self.number]],)

    for protocol in PROTOCOLS:
        graph = [Fresh(number) for number in range(300)]
        loaded = pickle.loads(dumps(graph, protocol))
        assert loaded == [([f"{number}!", number],) for number in range(300)]
        assert dumps(graph, protocol) == pickle.dumps(graph, protocol)


def test_items_that_iterators_make_are_not_mistaken_for_each_other():
    class Iterates:
        def __init__(self, kind: type) -> None:
            self.kind = kind

        def __reduce__(self) -> tuple[object, ...]:
            if self.kind is list:
                return list, (), None, ([fresh(str(n)), (n,)] for n in range(2100))
            return dict, (), None, None, ((fresh(str(n)), [n]) for n in range(2100))

    assert_same(lambda: [Iterates(list), Iterates(dict)])


def test_garbage_collection_in_the_middle_changes_nothing():
    class Collects:
        def __reduce__(self) -> tuple[object, ...]:
            gc.collect()
            return tuple, ([fresh("made"), [fresh("inner")]],)

    assert_same(lambda: [[fresh("a")], Collects(), (fresh("b"), Collects()), {fresh("k"): Collects()}])


def test_a_pickler_remembers_everything_that_it_did_not_enter_while_it_wrote():
    graph = [fresh("one"), [fresh("two")], (fresh("three"),), Plain()]
    graph[3].text = fresh("four")  # type: ignore[attr-defined]
    for protocol in PROTOCOLS:
        written = []
        for cls in (Pickler, pickle.Pickler):
            file = io.BytesIO()
            pickler = cls(file, protocol)
            pickler.dump(graph)
            pickler.dump([graph[0], graph[1][0], graph[2], graph[3].__dict__, graph])  # type: ignore[index,attr-defined]
            written.append(file.getvalue())
        assert written[0] == written[1]


def test_the_memo_of_a_failed_dump_is_forgotten():
    for protocol in PROTOCOLS:
        file = io.BytesIO()
        pickler = Pickler(file, protocol)
        kept, lost = [fresh("kept")], [fresh("lost")]
        pickler.dump(kept)
        with pytest.raises(TypeError):
            pickler.dump([lost, sys._getframe()])
        begin = file.tell()
        pickler.dump([kept, lost])
        file.seek(0)
        unpickler = pickle.Unpickler(file)
        unpickler.load()
        file.seek(begin)
        assert unpickler.load() == [["kept!"], ["lost!"]]


def test_copyreg_is_asked_again_when_code_has_run():
    class Late:
        pass

    Late.__qualname__ = "Late"
    globals()["Late"] = Late

    def register() -> object:
        copyreg.pickle(Late, lambda late: (str, ("reduced",)))
        return "registered"

    try:
        for protocol in PROTOCOLS:
            copyreg.dispatch_table.pop(Late, None)
            ours = dumps([Late(), Gives(register), Late()], protocol)
            copyreg.dispatch_table.pop(Late, None)
            assert ours == pickle.dumps([Late(), Gives(register), Late()], protocol)
    finally:
        copyreg.dispatch_table.pop(Late, None)
        del globals()["Late"]


class Holds:
    """Its arguments are a tuple that others may have, too."""

    __slots__ = ("args",)

    def __new__(cls, *args: object) -> Holds:
        made = object.__new__(cls)
        made.args = args
        return made

    def __getnewargs__(self) -> tuple[object, ...]:
        return self.args

    def __getstate__(self) -> None:
        return None


class HoldsElsewhere:
    kept: list[Any]

    def __getnewargs__(self) -> tuple[object, ...]:
        return self.kept[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_what_is_met_first_as_arguments_is_found_where_it_is_kept(size: int):
    def make() -> object:
        made = HoldsElsewhere()
        HoldsElsewhere.kept = [tuple([fresh("text"), [fresh("deeper")], (fresh("tuple"),), Plain()][:size])]
        # The list is all that holds the tuple, and the tuple all that holds its items.
        kept, HoldsElsewhere.kept = HoldsElsewhere.kept, []
        made.kept = kept
        made.__dict__.pop("kept")
        HoldsElsewhere.kept = kept
        return [made, kept, Holds(*kept[0])]

    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        ours = dumps(make(), protocol)
        assert ours == pickle.dumps(make(), protocol), f"protocol {protocol}"


def test_a_class_that_changes_is_looked_at_again():
    class Changes:
        pass

    Changes.__qualname__ = "Changes"
    globals()["Changes"] = Changes
    made = Changes()
    made.text = "text"  # type: ignore[attr-defined]
    try:
        assert dumps([made, made], 4) == pickle.dumps([made, made], 4)
        Changes.__getstate__ = lambda self: {"state": 1}  # type: ignore[method-assign]
        assert dumps([made, made], 4) == pickle.dumps([made, made], 4)
        Changes.__reduce__ = lambda self: (str, ("text",))  # type: ignore[method-assign,assignment]
        assert dumps([made, made], 4) == pickle.dumps([made, made], 4)
        del Changes.__reduce__, Changes.__getstate__
        Changes.__getattr__ = lambda self, name: (_ for _ in ()).throw(AttributeError(name))  # type: ignore[attr-defined]
        assert dumps([made, made], 4) == pickle.dumps([made, made], 4)
    finally:
        del globals()["Changes"]


@pytest.mark.parametrize("name", ["__reduce_ex__", "__getstate__", "__getnewargs__"])
def test_an_instance_may_hold_a_method_that_reduces_it(name: str):
    results = {
        "__reduce_ex__": lambda protocol: (str, ("its own",)),
        "__getstate__": lambda: {"of": "its own"},
        "__getnewargs__": lambda: ("its own",),
    }

    def make() -> object:
        plain, special = Plain(), Plain()
        plain.text = special.text = "text"  # type: ignore[attr-defined]
        setattr(special, name, results[name])
        return [plain, special]

    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        try:
            theirs: object = pickle.dumps(make(), protocol)
        except Exception as error:
            with pytest.raises(type(error)):
                dumps(make(), protocol)
        else:
            assert dumps(make(), protocol) == theirs


def test_a_million_closing_opcodes_in_a_row_have_room():
    for open_one in (
        lambda inner: [1, 2, inner],
        lambda inner: (1, 2, 3, inner),
        lambda inner: {1: 1, 2: inner},
    ):
        graph: Any = None
        for _ in range(1_000_000):
            graph = open_one(graph)  # type: ignore[no-untyped-call]
        written = dumps(graph, 4)
        assert len(written) > 6_000_000
        while graph is not None:
            graph = graph[2] if type(graph) is dict else graph[len(graph) - 1]
