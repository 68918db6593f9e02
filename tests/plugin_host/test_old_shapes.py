"""Changed shapes and Python 2's text: declared by name, applied by both engines, and only where a stream says
so."""

from __future__ import annotations

import datetime
import io
import pickle
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from engines import ENGINES
from throwaway import declaring

from brinery import NameTable, Profile, Shape, TextRule
from brinery.errors import DeclarationError, PluginConflict


class Order:
    """As old streams know it: oldshop.Order."""


class Slotted:
    __slots__ = ("a", "b")


class Stateful(Order):
    def __setstate__(self, state: Any) -> None:
        self.given = state


class WithNew:
    def __new__(cls, number: int, name: str = "") -> WithNew:
        made = super().__new__(cls)
        made.number, made.name = number, name
        return made

    number: int
    name: str


@pytest.fixture(autouse=True)
def shop() -> Iterator[None]:
    module = types.ModuleType("oldshop")
    for cls in (Order, Slotted, Stateful, WithNew):
        setattr(module, cls.__name__, cls)
    module.make = lambda cls, *more: ("made", cls, more)  # type: ignore[attr-defined]
    sys.modules["oldshop"] = module
    yield
    del sys.modules["oldshop"]


@pytest.fixture(params=ENGINES)
def profile(request: pytest.FixtureRequest) -> Callable[..., Profile]:
    return lambda *records: Profile([declaring("old", *records)], engine=request.param)


def stream(name: str, state: bytes, protocol: int = 2) -> bytes:
    """NEWOBJ of oldshop's class, and BUILD with the opcodes of `state`."""
    return b"\x80%c(coldshop\n%s\n)\x81%sbt." % (protocol, name.encode(), state)


STATE = b"}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00vK\x07u"


def test_a_state_becomes_todays(profile: Callable[..., Profile]) -> None:
    rule = Shape("oldshop:Order", state=lambda state: {"b": state["a"]})
    (order,) = profile(rule).loads(stream("Order", STATE))
    assert vars(order) == {"b": 1}


def test_a_version_comes_with_the_state_where_the_author_stamps_one(profile: Callable[..., Profile]) -> None:
    seen = []
    for version in ("v", "w", lambda state: state["a"]):
        rule = Shape("oldshop:Order", state=lambda state, found: seen.append(found) or state, version=version)
        profile(rule).loads(stream("Order", STATE))
    assert seen == [7, None, 1]


def test_defaults_are_for_what_is_not_there(profile: Callable[..., Profile]) -> None:
    rule = Shape("oldshop:Order", defaults={"a": 5, "c": 6, "list": lambda state: [state["a"]]})
    (order,) = profile(rule).loads(stream("Order", STATE))
    assert vars(order) == {"a": 1, "v": 7, "c": 6, "list": [1]}


def test_defaults_are_for_slots_too(profile: Callable[..., Profile]) -> None:
    rule = Shape("oldshop:Slotted", defaults={"b": 2})
    (slotted,) = profile(rule).loads(stream("Slotted", b"N}X\x01\x00\x00\x00aK\x01s\x86"))
    assert (slotted.a, slotted.b) == (1, 2)


def test_a_class_with_setstate_is_given_the_state_of_today(profile: Callable[..., Profile]) -> None:
    (stateful,) = profile(Shape("oldshop:Stateful", state=len)).loads(stream("Stateful", STATE))
    assert stateful.given == 2


def test_build_may_do_it_all_or_leave_the_rest(profile: Callable[..., Profile]) -> None:
    def build(instance: Order, state: Any) -> Any:
        if "v" in state:
            instance.whole = state  # type: ignore[attr-defined]
            return None
        return ({"rest": state},)

    (order,) = profile(Shape("oldshop:Order", build=build)).loads(stream("Order", STATE))
    assert vars(order) == {"whole": {"a": 1, "v": 7}}
    (order,) = profile(Shape("oldshop:Order", build=build)).loads(
        stream("Order", b"}X\x01\x00\x00\x00aK\x01s")
    )
    assert vars(order) == {"rest": {"a": 1}}


CALLS = {
    "REDUCE": b"coldshop\nWithNew\nK\x03\x85R.",
    "NEWOBJ": b"\x80\x02coldshop\nWithNew\nK\x03\x85\x81.",
    "NEWOBJ_EX": b"\x80\x04coldshop\nWithNew\nK\x03\x85}\x92.",
    "OBJ": b"(coldshop\nWithNew\nK\x03o.",
    "INST": b"(K\x03ioldshop\nWithNew\n.",
    "__newobj__": b"ccopy_reg\n__newobj__\ncoldshop\nWithNew\nK\x03\x86R.",
    "memoized": b"\x80\x04coldshop\nWithNew\nK\x03\x85\x94R.",
}


@pytest.mark.parametrize("call", CALLS)
def test_arguments_become_todays_whatever_calls(call: str, profile: Callable[..., Profile]) -> None:
    made = profile(Shape("oldshop:WithNew", arguments=lambda args: (*args, "three"))).loads(CALLS[call])
    assert (made.number, made.name) == (3, "three")


@pytest.mark.parametrize("call", CALLS)
def test_create_makes_the_object_whatever_calls(call: str, profile: Callable[..., Profile]) -> None:
    rule = Shape("oldshop:WithNew", create=lambda cls, *args: (cls, args))
    assert profile(rule).loads(CALLS[call]) == (WithNew, (3,))


def test_arguments_that_are_no_tuple_are_refused(profile: Callable[..., Profile]) -> None:
    words = "plugin old for oldshop:WithNew: arguments=builtins:list gave a list"
    with pytest.raises(pickle.UnpicklingError, match=words):
        profile(Shape("oldshop:WithNew", arguments=list)).loads(CALLS["REDUCE"])


def test_create_stands_in_for_what_makes_the_object_given_its_class(profile: Callable[..., Profile]) -> None:
    data = b"coldshop\nmake\n(coldshop\nOrder\nK\x01K\x02tR."
    assert profile().loads(data) == ("made", Order, (1, 2))
    rule = Shape("oldshop:Order", create=lambda cls, *args: args, through=["oldshop:make"])
    assert profile(rule).loads(data) == (1, 2)
    assert profile(rule).loads(b"coldshop\nmake\n(coldshop\nSlotted\nK\x01tR.") == ("made", Slotted, (1,))


def test_a_class_is_not_imported_for_its_shape(profile: Callable[..., Profile]) -> None:
    rule = Shape("no.such.module:Class", state="no.such.functions:state")
    assert profile(rule).loads(pickle.dumps([1, Order])) == [1, Order]
    assert "no" not in sys.modules


def test_a_class_that_no_stream_names_is_not_touched(profile: Callable[..., Profile]) -> None:
    calls: list[object] = []
    rule = Shape("oldshop:Order", state=lambda state: calls.append(state) or state)
    profile(rule).loads(stream("Stateful", STATE))
    assert not calls


def test_a_find_class_of_the_programs_own_meets_shapes_too(profile: Callable[..., Profile]) -> None:
    made = profile(Shape("oldshop:Order", state=lambda state: {"new": True}))

    class Own(made.Unpickler):  # type: ignore[name-defined, misc]
        def find_class(self, module: str, name: str) -> Any:
            return super().find_class(module, name)

    (order,) = Own(io.BytesIO(stream("Order", STATE))).load()
    assert vars(order) == {"new": True}


def test_two_plugins_about_one_class_are_in_conflict() -> None:
    first = declaring("first", Shape("oldshop:Order", state=len))
    second = declaring("second", Shape("oldshop:Order", state=list))
    with pytest.raises(PluginConflict, match="the shape of oldshop:Order"):
        Profile([first, second])
    settled = Profile([first, second], prefer={"shape:oldshop:Order": "second"})
    assert "second" in str(settled.explain("oldshop:Order"))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Shape("Order", state=len),
        lambda: Shape("oldshop:Order"),
        lambda: Shape("oldshop:Order", state=5),  # type: ignore[arg-type]
        lambda: Shape("oldshop:Order", state=len, build=len),
        lambda: Shape("oldshop:Order", state=len, through=["oldshop:make"]),
        lambda: TextRule("oldshop:Order"),
        lambda: TextRule("oldshop:Order", {"a": "no-such-encoding"}),
        lambda: TextRule("oldshop:Order", items={"a": "bytes"}),  # type: ignore[dict-item]
        lambda: TextRule("*", {"a": "bytes"}),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_is_declared(wrong: Callable[[], object]) -> None:
    with pytest.raises(DeclarationError, match=r"test_old_shapes\.py:\d+"):
        wrong()


# Python 2's text

OLD = b"}(U\x03rawU\x02\xff\xfeU\x04nameU\x02\xc3\xa9U\x04tags](U\x02\xc3\xa8U\x01xeU\x01nK\x01u"


def test_attributes_are_what_their_rules_say(profile: Callable[..., Profile]) -> None:
    rule = TextRule("oldshop:Order", {"raw": "bytes", "*": "utf-8"})
    (order,) = profile(rule).loads(stream("Order", OLD))
    assert vars(order) == {"raw": b"\xff\xfe", "name": "é", "tags": ["è", "x"], "n": 1}


def test_the_rules_count_for_every_encoding_of_the_load(profile: Callable[..., Profile]) -> None:
    rule = TextRule("oldshop:Order", {"raw": "bytes", "name": "utf-8"})
    for encoding in ("latin-1", "bytes"):
        (order,) = profile(rule).loads(stream("Order", OLD), encoding=encoding)
        held = {(k if isinstance(k, str) else k.decode()): v for k, v in vars(order).items()}
        assert (held["raw"], held["name"]) == (b"\xff\xfe", "é")


def test_what_no_rule_speaks_of_fails_as_in_pickle(profile: Callable[..., Profile]) -> None:
    data = stream("Order", OLD)
    with pytest.raises(UnicodeDecodeError) as expected:
        pickle.loads(data)
    with pytest.raises(UnicodeDecodeError) as refused:
        profile(TextRule("oldshop:Order", {"name": "utf-8"})).loads(data)
    assert str(refused.value) == str(expected.value)
    assert refused.value.pickle_offset == data.index(b"U\x02\xff\xfe")  # type: ignore[attr-defined]
    assert refused.value.pickle_opcode == "SHORT_BINSTRING"  # type: ignore[attr-defined]


def test_what_failed_first_is_what_is_told(profile: Callable[..., Profile]) -> None:
    data = b"(U\x02\xff\xfecno_such_module\nx\nt."
    with pytest.raises(UnicodeDecodeError):
        profile(TextRule("oldshop:Order", {"name": "utf-8"})).loads(data)


def test_one_str_may_be_bytes_here_and_text_there(profile: Callable[..., Profile]) -> None:
    data = b"\x80\x02coldshop\nOrder\n)\x81}(U\x03rawU\x02abq\x01U\x04nameh\x01ub."
    order = profile(TextRule("oldshop:Order", {"raw": "bytes"})).loads(data)
    assert vars(order) == {"raw": b"ab", "name": "ab"}


def test_a_function_decides_with_the_path_in_hand(profile: Callable[..., Profile]) -> None:
    paths = []

    def decide(path: tuple[object, ...], data: bytes) -> str | None:
        paths.append((path, data))
        return "bytes" if path[-1] == "raw" else "utf-8"

    (order,) = profile(TextRule("oldshop:Order", {"*": decide})).loads(stream("Order", OLD))
    assert (order.raw, order.name) == (b"\xff\xfe", "é")
    assert (("oldshop:Order", "tags", 0), b"\xc3\xa8") in paths


def test_a_function_may_decide_on_everything(profile: Callable[..., Profile]) -> None:
    rule = TextRule("*", {"*": lambda path, data: "bytes" if path == ("", 0, "k") else "utf-8"})
    data = b"(}U\x01kU\x02\xff\xfesU\x02\xc3\xa9t."
    assert profile(rule).loads(data) == ({"k": b"\xff\xfe"}, "é")
    (order,) = profile(TextRule("*", {"*": "latin-1"})).loads(stream("Order", OLD))
    assert order.raw == "ÿþ"


def test_arguments_and_items_are_what_their_rules_say(profile: Callable[..., Profile]) -> None:
    made = profile(TextRule("oldshop:WithNew", arguments={1: "bytes"}))
    assert made.loads(b"coldshop\nWithNew\nK\x03U\x01\xff\x86R.").name == b"\xff"
    made = profile(TextRule("oldshop:Stateful", items={0: "bytes"}))
    (stateful,) = made.loads(stream("Stateful", b"U\x01\xffU\x01a\x86"))
    assert stateful.given == (b"\xff", "a")


def test_dates_of_python_2_load_without_latin1(profile: Callable[..., Profile]) -> None:
    data = b"cdatetime\ndatetime\nU\x0a\x07\xe0\x02\x03\x04\x05\x06\x00\x03\x15\x85R."
    with pytest.raises(UnicodeDecodeError):
        profile().loads(data)
    made = profile(TextRule("datetime:datetime", arguments={0: "bytes"})).loads(data)
    assert made == datetime.datetime(2016, 2, 3, 4, 5, 6, 789)


@pytest.mark.parametrize("protocol", [0, 1])
def test_an_instance_of_what_has_become_an_extension_type(
    protocol: int, profile: Callable[..., Profile]
) -> None:
    data = b"ccopy_reg\n_reconstructor\n(ccollections\nOrderedDict\nc__builtin__\nobject\nNtR."
    with pytest.raises(TypeError, match="is not safe"):
        profile().loads(data)
    table = NameTable("instances", stand_ins={"copyreg:_reconstructor": "brinery.engine.shaping:reconstruct"})
    assert profile(table).loads(data) == {}
    order = Order()
    order.a = 1  # type: ignore[attr-defined]
    copy = profile(table).loads(pickle.dumps(order, protocol))
    assert vars(copy) == {"a": 1}


@pytest.mark.parametrize(
    ("field", "function", "data", "words"),
    [
        ("state", lambda state: None, stream("Order", STATE), "the new state; is there a return"),
        ("state", lambda state: None, stream("Stateful", STATE), "the new state; is there a return"),
        ("build", lambda instance, state: None, stream("Order", STATE), "to give the instance its state"),
        (
            "build",
            lambda instance, state: state,
            stream("Order", STATE),
            "gave a dict, and has to return None",
        ),
        ("build", lambda instance, state: (), stream("Order", STATE), "a tuple of one state"),
        ("arguments", lambda args: None, CALLS["NEWOBJ"], "a tuple of the new arguments; is there a return"),
        ("create", lambda cls, *args: None, CALLS["NEWOBJ"], "the new object; is there a return"),
    ],
)
def test_a_forgotten_return_names_the_rule_and_the_plugin(
    profile: Callable[..., Profile], field: str, function: Any, data: bytes, words: str
) -> None:
    name = "WithNew" if field in ("arguments", "create") else "Stateful" if b"Stateful" in data else "Order"
    made = profile(Shape(f"oldshop:{name}", **{field: function}))
    with pytest.raises(pickle.UnpicklingError, match=words) as refused:
        made.loads(data)
    assert f"a Shape of plugin old for oldshop:{name}: {field}={__name__}:<lambda> gave" in str(refused.value)


def test_shallow_without_a_state_says_why_not() -> None:
    with pytest.raises(DeclarationError, match="there is no state=…, and all else is for loads"):
        Shape("oldshop:Order", build=lambda instance, state: (state,), shallow=True)
    with pytest.raises(DeclarationError, match="it is True or False"):
        Shape("oldshop:Order", state=dict, shallow=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [5, "no-such", "hex"])
def test_what_a_text_rules_function_gives_wrong_is_told(profile: Callable[..., Profile], given: Any) -> None:
    rule = TextRule("oldshop:Order", {"*": lambda path, data: given})
    with pytest.raises(pickle.UnpicklingError, match=f"function of a TextRule gave {given!r} for b'text'"):
        profile(rule).loads(b"\x80\x02coldshop\nOrder\n)\x81}U\x01aU\x04textsb.")


def test_a_text_rule_that_is_wrong_is_named_and_not_the_loads_encoding(
    profile: Callable[..., Profile],
) -> None:
    with pytest.raises(UnicodeDecodeError) as refused:
        profile(TextRule("oldshop:Order", {"a": "utf-8"})).loads(
            b"\x80\x02coldshop\nOrder\n)\x81}U\x01aU\x01\xffsb.", encoding="latin-1"
        )
    assert any("A TextRule says that b'\\xff' is utf-8" in note for note in refused.value.__notes__)
