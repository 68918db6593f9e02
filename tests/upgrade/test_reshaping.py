"""What an upgrade does of changed shapes, and what it leaves for a load, and says."""

import pickle

import pytest

import brinery
from brinery.errors import DeclarationError, ReadError
from brinery.upgrade import Rules, upgrade_bytes, upgrade_stream


class Order:
    pass


HERE = f"{__name__}:Order"


def profile(**shape):
    class Plugin:
        __name__ = "shopkit"

        @brinery.hookimpl
        def brinery_shapes(self):
            yield brinery.Shape(HERE, **shape)

    return brinery.Profile([Plugin()])


def renamed(state):
    if "price" not in state:
        return state
    return {"cents": state["price"], "kept": state.get("lines"), "new": 7, "currency": "EUR"}


def upgraded(data, **shape):
    pieces = []
    changes = upgrade_stream(data, pieces.append, Rules(encoding="latin1", profile=profile(**shape)))
    return b"".join(pieces), changes


OLD = f"\x80\x02c{__name__}\nOrder\n)\x81}}(U\x05priceK\x05U\x05lines]K\x01au}}b.".encode("latin-1").replace(
    b"u}b", b"ub"
)


def test_a_shallow_shape_is_applied():
    new, changes = upgraded(OLD, state=renamed, shallow=True)
    assert vars(pickle.loads(new)) == {"cents": 5, "kept": [1], "new": 7, "currency": "EUR"}
    assert changes.needs == {}
    assert upgraded(new, state=renamed, shallow=True)[0] == new
    assert vars(profile(state=renamed, shallow=True).loads(new)) == vars(pickle.loads(new))


def test_any_other_is_left_and_told():
    new, changes = upgraded(OLD, state=renamed)
    assert vars(pickle.loads(new)) == {"price": 5, "lines": [1]}
    assert changes.needs == {HERE: 1}


def into(state):
    return {**state, "count": len(state["lines"])}


def isinstance_of(state):
    return {**state, "lines": state["lines"] if isinstance(state["lines"], list) else []}


def compares(state):
    return {**state, "lines": [] if state["lines"] == [1] else None}


def another(state):
    return {**state, "lines": [2]}


def not_twice(state):
    return {"price": state["price"] + 1, "lines": state["lines"]}


def fails(state):
    raise KeyError("gone")


def forgets(state):
    {**state, "cents": state["price"]}


def to_tuple(state):
    return tuple(state)


LEFT = {
    into: "its shape looks into what its objects hold",
    isinstance_of: "its shape looks into what its objects hold",
    compares: "its shape looks into what its objects hold",
    another: "its shape puts a list into the state",
    not_twice: "state(state(old)) to be state(old)",
    fails: "its shape raised KeyError: 'gone'",
    forgets: "is there a return?",
    to_tuple: "its shape makes a tuple of a state that is a dict",
}


@pytest.mark.parametrize("state", LEFT)
def test_what_looks_deeper_or_cannot_be_done_twice_is_left_and_told(state):
    new, changes = upgraded(OLD, state=state, shallow=True)
    assert vars(pickle.loads(new)) == {"price": 5, "lines": [1]}
    assert changes.needs == {HERE: 1}
    assert LEFT[state] in changes.why[HERE]


def test_a_state_that_two_share_changes_in_its_own_object_alone():
    shared = {"price": 5}
    order = Order()
    order.__dict__ = shared
    new, _ = upgraded(pickle.dumps([order, shared], 4), state=renamed, shallow=True)
    again, kept = pickle.loads(new)
    assert again.cents == 5
    assert kept == {"price": 5}


def test_shallow_is_for_a_state():
    with pytest.raises(DeclarationError, match="shallow"):
        brinery.Shape(HERE, create=Order, shallow=True)


class Extension(Order):
    pass


def test_instances_of_classes_that_are_extension_types_now(monkeypatch):
    data = f"ccopy_reg\n_reconstructor\n(c{__name__}\nOrder\nc__builtin__\nobject\nNtR.".encode()
    assert b"_reconstructor" in upgrade_bytes(data, Rules(profile=brinery.Profile.plain()))
    new, _ = upgraded(data, create=lambda cls: cls.__new__(cls), through=["copyreg:_reconstructor"])
    assert new == pickle.dumps(Order(), 5)


def test_strings_in_a_state_that_is_a_list_have_their_places():
    class Plugin:
        __name__ = "shopkit"

        @brinery.hookimpl
        def brinery_text_rules(self):
            yield brinery.TextRule(HERE, items={1: "bytes"})

    data = b"\x80\x02c" + __name__.encode() + b"\nOrder\n)\x81](U\x02abU\x02cdeb."
    new = upgrade_bytes(data, Rules(profile=brinery.Profile([Plugin()])))
    assert b"\x8c\x02ab" in new
    assert b"C\x02cd" in new


def test_a_string_of_a_state_that_is_a_list_is_told_where_it_stands():
    class Plugin:
        __name__ = "shopkit"

        @brinery.hookimpl
        def brinery_text_rules(self):
            yield brinery.TextRule(HERE, items={1: "utf-8"})

    data = b"\x80\x02c" + __name__.encode() + b"\nOrder\n)\x81](U\x02abU\x02\xff\xfeeb."
    with pytest.raises(ReadError, match=r"state 1 of \S+:Order, b'\\xff\\xfe', is not utf-8") as caught:
        upgrade_bytes(data, Rules(profile=brinery.Profile([Plugin()])))
    assert caught.value.pickle_offset == data.index(b"U\x02\xff")
