"""A Pickler's hooks: persistent_id, reducer_override and dispatch_table, as C pickle asks them."""

from __future__ import annotations

import collections
import copyreg
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from engines import Wire
from graphs import Colour, MadeByMeta, Outer, Plain

from brinery.engine.python import Pickler as PythonPickler

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def function() -> None:
    pass


def graph() -> object:
    plain = Plain()
    plain.value = [1, "text", b"bytes"]
    return [
        plain,
        plain,
        {"key": (plain, 2.5)},
        {1, 2},
        frozenset([3]),
        Outer.Inner,
        function,
        MadeByMeta,
        None,
    ]


def both(wire: Wire, obj: object, protocol: int, *args: Any, **attributes: Any) -> tuple[bytes, bytes]:
    """What a subclass with these attributes writes of `obj`: the engine's and C pickle's."""
    written = []
    for base in (wire.Pickler, pickle.Pickler):
        file = io.BytesIO()
        type("Derived", (base,), dict(attributes))(file, protocol, *args).dump(obj)
        written.append(file.getvalue())
    return written[0], written[1]


def assert_as_c_pickle(wire: Wire, obj: object, **attributes: Any) -> None:
    for protocol in PROTOCOLS:
        ours, theirs = both(wire, obj, protocol, **attributes)
        assert ours == theirs, f"protocol {protocol}"


PERSISTENT_IDS: dict[str, Callable[[Any, object], object]] = {
    "never": lambda self, obj: None,
    "text": lambda self, obj: "key" if isinstance(obj, Plain) else None,
    "a number": lambda self, obj: 7 if isinstance(obj, Plain) else None,
    "false": lambda self, obj: 0 if isinstance(obj, Plain) else None,
    "a tuple": lambda self, obj: ("table", 7) if isinstance(obj, Plain) else None,
    "for numbers": lambda self, obj: "number" if isinstance(obj, int) else None,
    "for text": lambda self, obj: 1 if isinstance(obj, str) else None,
    "for containers": lambda self, obj: "holds" if isinstance(obj, (list, dict)) and len(obj) < 4 else None,
    "for classes": lambda self, obj: "class" if isinstance(obj, type) else None,
    "for None": lambda self, obj: "nothing" if obj is None else None,
    "the object": lambda self, obj: obj if type(obj) is tuple else None,
}


@pytest.mark.parametrize("what", PERSISTENT_IDS)
def test_persistent_id_is_asked_about_every_object(wire: Wire, what: str):
    assert_as_c_pickle(wire, graph(), persistent_id=PERSISTENT_IDS[what])


def test_it_is_asked_about_the_same_objects_in_the_same_order(wire: Wire):
    asked: dict[str, list[str]] = {}
    root = graph()
    for name, base in (("ours", wire.Pickler), ("theirs", pickle.Pickler)):

        class Derived(base):  # type: ignore[misc, valid-type]
            def persistent_id(self, obj: object, seen: list[str] = asked.setdefault(name, [])) -> object:  # noqa: B008
                seen.append(f"{type(obj).__name__} {obj!r:.30}")
                return ("id", [1]) if isinstance(obj, Plain) else None

        for protocol in PROTOCOLS:
            Derived(io.BytesIO(), protocol).dump(root)
    assert asked["ours"] == asked["theirs"]


def test_an_id_is_written_each_time_and_never_memoized(wire: Wire):
    ours, theirs = both(wire, [Outer, Outer], 4, persistent_id=PERSISTENT_IDS["for classes"])
    assert ours == theirs
    assert ours.count(pickle.BINPERSID) == 2


def test_a_method_that_calls_the_base_class(wire: Wire):
    class Derived(wire.Pickler):  # type: ignore[name-defined, misc]
        def persistent_id(self, obj: object) -> object:
            return super().persistent_id(obj)

    file = io.BytesIO()
    Derived(file, 4).dump(graph())
    assert file.getvalue() == pickle.dumps(graph(), 4)


def test_persistent_id_can_be_assigned_to_an_instance(wire: Wire):
    for base in (wire.Pickler, type("Derived", (wire.Pickler,), {})):
        file = io.BytesIO()
        pickler = base(file, 4)
        pickler.persistent_id = lambda obj: "key" if isinstance(obj, Plain) else None
        pickler.dump(graph())
        assert file.getvalue() == both(wire, graph(), 4, persistent_id=PERSISTENT_IDS["text"])[1]


@pytest.mark.parametrize("key", ["ä", "\ud800"])
def test_an_id_that_is_not_ascii_is_refused_at_protocol_0(wire: Wire, key: str):
    for base in (wire.Pickler, pickle.Pickler):
        pickler = type("Derived", (base,), {"persistent_id": lambda self, obj: key})(io.BytesIO(), 0)
        with pytest.raises(pickle.PicklingError):
            pickler.dump([])


REDUCER_OVERRIDES: dict[str, Callable[[Any, object], object]] = {
    "never": lambda self, obj: NotImplemented,
    "instances": lambda self, obj: (Plain, (), {"instead": 1}) if isinstance(obj, Plain) else NotImplemented,
    "functions": lambda self, obj: (len, ([1],)) if obj is function else NotImplemented,
    "classes": lambda self, obj: (int, ("1",)) if obj is MadeByMeta else NotImplemented,
    "a name": lambda self, obj: "function" if obj is function else NotImplemented,
    "all that it is offered": lambda self, obj: (
        (complex, (1, 2)) if not isinstance(obj, type) else NotImplemented
    ),
}


@pytest.mark.parametrize("what", REDUCER_OVERRIDES)
def test_reducer_override_comes_before_names_and_tables(wire: Wire, what: str):
    table = {Plain: lambda obj: (Plain, (), {"from": "the table"})}
    assert_as_c_pickle(wire, graph(), reducer_override=REDUCER_OVERRIDES[what])
    assert_as_c_pickle(wire, graph(), reducer_override=REDUCER_OVERRIDES[what], dispatch_table=table)


def test_reducer_override_is_never_offered_a_builtin_container_or_leaf(wire: Wire):
    offered: list[object] = []

    def override(self: object, obj: object) -> object:
        offered.append(obj)
        return NotImplemented

    for protocol in PROTOCOLS:
        both(wire, [1, 2.5, True, None, "text", b"bytes", bytearray(b"array"), (1,), {}], protocol)
        both(wire, [1, 2.5, True, None, "text", (1, [2]), {3: 4}], protocol, reducer_override=override)
    assert offered == []


def test_reducer_override_that_is_none_is_called_as_c_pickle_calls_it(wire: Wire):
    for base in (wire.Pickler, pickle.Pickler):
        with pytest.raises(TypeError):
            type("Derived", (base,), {"reducer_override": None})(io.BytesIO()).dump(Plain())


TABLE = {
    Plain: lambda obj: (Plain, (), {"from": "the table"}),
    type(MadeByMeta): lambda cls: (int, ("1",)),
    type: lambda cls: (int, ("never",)),
    type(function): lambda cls: (int, ("never",)),
}


@pytest.mark.parametrize("kind", [dict, collections.UserDict, lambda table: collections.ChainMap({}, table)])
def test_dispatch_table_of_a_class_or_instance(wire: Wire, kind: Callable[[Any], Any]):
    table = kind(TABLE)
    for protocol in PROTOCOLS:
        ours, theirs = both(wire, graph(), protocol, dispatch_table=table)
        assert ours == theirs
        file = io.BytesIO()
        pickler = wire.Pickler(file, protocol)
        pickler.dispatch_table = table
        pickler.dump(graph())
        assert file.getvalue() == theirs


def test_dispatch_table_is_looked_up_when_a_dump_begins_and_read_live(wire: Wire):
    file = io.BytesIO()
    pickler = wire.Pickler(file, 4)
    plain = pickle.dumps(graph(), 4)
    pickler.dump(graph())
    pickler.dispatch_table = {}
    pickler.clear_memo()
    pickler.dump(graph())
    pickler.dispatch_table.update(TABLE)
    pickler.clear_memo()
    pickler.dump(graph())
    assert file.getvalue() == plain * 2 + both(wire, graph(), 4, dispatch_table=TABLE)[1]


def test_without_one_the_attribute_is_missing(wire: Wire):
    with pytest.raises(AttributeError):
        wire.Pickler(io.BytesIO()).dispatch_table  # noqa: B018


def test_a_dispatch_table_stands_in_for_copyregs(wire: Wire):
    members = [Colour, complex(1, 2), next(iter(Colour))]
    assert complex in copyreg.dispatch_table
    assert_as_c_pickle(wire, members, dispatch_table={complex: lambda obj: (int, ("1",))})


@pytest.mark.parametrize("table", [None, {Plain: None}, 5])
def test_a_dispatch_table_of_no_use_is_refused_as_c_pickle_refuses_it(wire: Wire, table: object):
    for base in (wire.Pickler, pickle.Pickler):
        with pytest.raises(TypeError):
            type("Derived", (base,), {"dispatch_table": table})(io.BytesIO()).dump(Plain())


def test_errors_in_hooks_pass_as_they_are(wire: Wire):
    class Odd(Exception):
        pass

    def fail(*args: object) -> object:
        raise Odd

    for hook in ("persistent_id", "reducer_override"):
        with pytest.raises(Odd):
            both(wire, [Plain()], 4, **{hook: fail})
    with pytest.raises(Odd):
        both(wire, [Plain()], 4, dispatch_table={Plain: fail})


IDS_OF_PARTS = [
    ("entity", 4),
    ("entity", 4, None),
    ("entity",),
    ("\N{LATIN SMALL LETTER E WITH ACUTE}" * 3, 4),
    ("x" * 300, 4),
    ("entity", 2**80),
    ("entity", 1.5),
    ("entity", ("part", 4)),
    ("entity", 4, "part", 5),
]


@pytest.mark.parametrize("protocol", PROTOCOLS[1:])
@pytest.mark.parametrize("key", IDS_OF_PARTS)
def test_the_parts_of_an_id_are_offered_one_by_one(wire: Wire, key: tuple[object, ...], protocol: int):
    """A part may have an ID itself, in which another has one, or be refused: then the path leads to it."""

    def outcome(base: Any, nested: object, refused: object) -> tuple[object, ...]:
        asked: list[str] = []

        class Derived(base):
            def persistent_id(self, obj: object) -> object:
                if isinstance(obj, Plain):
                    return key
                asked.append(f"{obj!r:.30}")
                if obj == refused:
                    raise ValueError("refused")
                return ("inner", 7) if obj == nested else None

        file = io.BytesIO()
        try:
            Derived(file, protocol).dump([Plain(), 1, Plain()])
        except ValueError as error:
            return asked, getattr(error, "pickle_path", None)
        return asked, file.getvalue()

    for nested, refused in ((None, None), (4, None), ("entity", None), (4, 7), (None, 4), (None, "entity")):
        ours, theirs = (outcome(base, nested, refused) for base in (wire.Pickler, pickle.Pickler))
        assert ours[0] == theirs[0]
        assert ours[1] == theirs[1] or theirs[1] is None
        assert ours == outcome(PythonPickler, nested, refused)


def test_hooks_that_a_class_or_an_instance_gets_later_are_seen(wire: Wire):
    """What a class has is kept by its version, which changes with it."""

    class Derived(wire.Pickler):  # type: ignore[name-defined, misc]
        pass

    def written() -> bytes:
        file = io.BytesIO()
        pickler: Any = Derived(file, 4)
        pickler.__dict__.update(on_instance)
        pickler.dump([Plain()])
        return file.getvalue()

    on_instance: dict[str, object] = {}
    without = written()
    hooks: dict[str, object] = {
        "persistent_id": lambda self, obj: "key" if isinstance(obj, Plain) else None,
        "reducer_override": lambda self, obj: (list, ()) if isinstance(obj, Plain) else NotImplemented,
        "dispatch_table": {Plain: lambda obj: (set, ())},
    }
    for name, hook in hooks.items():
        assert written() == without
        setattr(Derived, name, hook)
        assert written() != without
        delattr(Derived, name)
        assert written() == without
        on_instance[name] = (lambda obj, hook=hook: hook(None, obj)) if callable(hook) else hook  # type: ignore[operator, misc]
        assert written() != without
        on_instance.clear()
