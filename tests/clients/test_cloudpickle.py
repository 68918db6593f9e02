"""What cloudpickle (and Ray's and Spark's copies of it) and loky ask of the Pickler that they subclass."""

from __future__ import annotations

import copyreg
import io
import marshal
import pickle
import types
from collections import ChainMap
from collections.abc import Callable

import pytest
from engines import Wire
from graphs import Plain, function


def make_function(code: types.CodeType, closure: tuple[types.CellType, ...] | None) -> types.FunctionType:
    return types.FunctionType(code, {"__builtins__": __builtins__}, closure=closure)


def set_function_state(made: types.FunctionType, state: tuple[dict, list]) -> None:
    made.__dict__.update(state[0])
    for cell, contents in zip(made.__closure__ or (), state[1], strict=True):
        cell.cell_contents = contents


def make_cell() -> types.CellType:
    return types.CellType()


def make_class(name: str, bases: tuple[type, ...]) -> type:
    return type(name, bases, {})


def set_class_state(made: type, state: dict[str, object]) -> None:
    for name, value in state.items():
        setattr(made, name, value)


def cloud_pickler(wire: Wire) -> type[pickle.Pickler]:
    """cloudpickle's class, with just enough of its reducers: local functions and classes, by value."""

    class CloudPickler(wire.Pickler):
        _dispatch_table = {types.CodeType: lambda code: (marshal.loads, (marshal.dumps(code),))}
        dispatch_table = ChainMap(_dispatch_table, copyreg.dispatch_table)
        # By this name cloudpickle keeps its table for code that asks the class, not for the Pickler.
        dispatch = dispatch_table

        def __init__(self, file, protocol=None, buffer_callback=None):
            super().__init__(file, protocol=protocol, buffer_callback=buffer_callback)
            self.offered = []

        def reducer_override(self, obj):
            self.offered.append(type(obj))
            if isinstance(obj, types.FunctionType) and "<locals>" in obj.__qualname__:
                empty = tuple(types.CellType() for _ in obj.__closure__ or ()) or None
                contents = [cell.cell_contents for cell in obj.__closure__ or ()]
                state = obj.__dict__, contents
                return make_function, (obj.__code__, empty), state, None, None, set_function_state
            if isinstance(obj, type) and "<locals>" in obj.__qualname__:
                own = {k: v for k, v in vars(obj).items() if k not in ("__dict__", "__weakref__")}
                return make_class, (obj.__name__, obj.__bases__), own, None, None, set_class_state
            if type(obj) is types.CellType:
                return make_cell, ()
            return NotImplemented

    return CloudPickler


def through(pickler_class: type[pickle.Pickler], obj: object, **kwargs: object) -> object:
    file = io.BytesIO()
    pickler_class(file, **kwargs).dump(obj)
    return pickle.loads(file.getvalue())


def test_there_is_no_dispatch_attribute(wire: Wire):
    assert not hasattr(wire.Pickler, "dispatch")
    assert not hasattr(wire.Pickler(io.BytesIO()), "dispatch")


def test_a_dispatch_attribute_of_a_subclass_is_not_consulted(wire: Wire):
    class Misleading(wire.Pickler):
        dispatch = {int: pytest.fail, Plain: pytest.fail, types.FunctionType: pytest.fail}

    assert through(Misleading, [1, function]) == [1, function]
    assert isinstance(through(Misleading, Plain()), Plain)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_local_function_that_calls_itself_is_written_by_value(wire: Wire, protocol: int):
    def factorial(n: int) -> int:
        return n * factorial(n - 1) if n else 1

    factorial.note = "kept"
    made = through(cloud_pickler(wire), factorial, protocol=protocol)
    assert made is not factorial
    assert made(5) == 120
    assert made.note == "kept"


def test_a_local_class_is_written_by_value(wire: Wire):
    class Local:
        def double(self) -> object:
            return 2 * self.value

    obj = Local()
    obj.value = 21
    made, cls = through(cloud_pickler(wire), [obj, Local])
    assert type(made) is cls
    assert cls is not Local
    assert made.double() == 42


def test_importable_functions_and_classes_still_go_by_name(wire: Wire):
    assert through(cloud_pickler(wire), [function, Plain, len]) == [function, Plain, len]


def test_reducer_override_is_asked_before_the_dispatch_table(wire: Wire):
    class Both(wire.Pickler):
        dispatch_table = {Plain: pytest.fail}

        def reducer_override(self, obj):
            return (str, ("overridden",)) if isinstance(obj, Plain) else NotImplemented

    assert through(Both, Plain()) == "overridden"


def test_what_reducer_override_passes_on_goes_to_the_dispatch_table(wire: Wire):
    class Both(wire.Pickler):
        dispatch_table = {Plain: lambda obj: (str, ("from the table",))}

        def reducer_override(self, obj):
            return NotImplemented

    assert through(Both, Plain()) == "from the table"


def test_exact_builtins_are_never_offered_to_reducer_override(wire: Wire):
    file = io.BytesIO()
    pickler = cloud_pickler(wire)(file, protocol=5)
    exact = [None, True, 1, 1.5, "text", b"bytes", bytearray(b"b"), (1,), [1], {1: 1}, {1}, frozenset({1})]
    pickler.dump([*exact, pickle.PickleBuffer(b"in-band"), 1j])
    assert pickler.offered == [complex, type]  # and the class that complex's reduction names


class TestTheDispatchTable:
    """It is looked up when a dump begins, through ordinary attribute access."""

    def test_it_may_be_assigned_after_construction(self, wire: Wire):
        file = io.BytesIO()
        pickler = wire.Pickler(file)
        pickler.dispatch_table = {Plain: lambda obj: (str, ("assigned",))}
        pickler.dump(Plain())
        assert pickle.loads(file.getvalue()) == "assigned"

    def test_it_may_be_a_chain_map_of_the_class(self, wire: Wire):
        class Chained(wire.Pickler):
            dispatch_table = ChainMap({Plain: lambda obj: (str, ("chained",))}, copyreg.dispatch_table)

        assert through(Chained, [Plain(), 1j]) == ["chained", 1j]

    def test_it_may_be_a_property(self, wire: Wire):
        class Computed(wire.Pickler):
            @property
            def dispatch_table(self):
                return {Plain: lambda obj: (str, ("computed",))}

        assert through(Computed, Plain()) == "computed"

    def test_an_entry_added_between_two_dumps_counts(self, wire: Wire):
        file = io.BytesIO()
        pickler = wire.Pickler(file)
        pickler.dispatch_table = table = dict(copyreg.dispatch_table)
        pickler.dump(Plain())
        table[Plain] = lambda obj: (str, ("live",))
        pickler.dump(Plain())
        del table[Plain]
        pickler.dump(Plain())
        file.seek(0)
        reader = pickle.Unpickler(file)
        kinds = [type(reader.load()) for _ in range(3)]
        assert kinds == [Plain, str, Plain]

    def test_an_entry_added_while_a_dump_runs_counts(self, wire: Wire):
        class Adding(wire.Pickler):
            def __init__(self, file):
                super().__init__(file)
                self.dispatch_table = {}

            def reducer_override(self, obj):
                self.dispatch_table[Plain] = lambda obj: (str, ("live",))
                return NotImplemented

        assert through(Adding, Plain()) == "live"

    def test_there_is_none_until_it_is_set(self, wire: Wire):
        pickler = wire.Pickler(io.BytesIO())
        assert not hasattr(pickler, "dispatch_table")
        pickler.dispatch_table = {}
        del pickler.dispatch_table
        assert not hasattr(pickler, "dispatch_table")


class TestLoky:
    """loky's pickler sits on top of cloudpickle's and looks for a member descriptor through its MRO."""

    @staticmethod
    def customizable(base: type[pickle.Pickler]) -> type[pickle.Pickler]:
        class CustomizablePickler(base):
            def __init__(
                self, writer, reducers: dict[type, Callable] | None = None, protocol=pickle.HIGHEST_PROTOCOL
            ):
                base.__init__(self, writer, protocol=protocol)
                has_one = hasattr(self, "dispatch_table")
                table = dict(self.dispatch_table) if has_one else copyreg.dispatch_table.copy()
                self.set_table({**table, **(reducers or {})})

            def set_table(self, table):
                for ancestor in base.mro():
                    attribute = getattr(ancestor, "dispatch_table", None)
                    if isinstance(attribute, types.MemberDescriptorType):
                        attribute.__set__(self, table)
                        break
                else:
                    self.dispatch_table = table

        return CustomizablePickler

    @pytest.mark.parametrize("base", [lambda wire: wire.Pickler, cloud_pickler], ids=["plain", "cloudpickle"])
    def test_its_reducers_are_used(self, wire: Wire, base: Callable):
        file = io.BytesIO()
        self.customizable(base(wire))(file, {Plain: lambda obj: (str, ("loky's",))}).dump([Plain(), 1j])
        assert pickle.loads(file.getvalue()) == ["loky's", 1j]

    def test_the_tables_of_the_class_and_of_copyreg_stay_as_they_are(self, wire: Wire):
        cloud = cloud_pickler(wire)
        before = dict(copyreg.dispatch_table), dict(cloud.dispatch_table)
        self.customizable(cloud)(io.BytesIO(), {Plain: lambda obj: (str, ("loky's",))}).dump(Plain())
        assert (dict(copyreg.dispatch_table), dict(cloud.dispatch_table)) == before
