"""Instances: how they are made, given their state, and filled, as C pickle does it."""

from __future__ import annotations

import pickle
import sys
import types
from collections import OrderedDict, deque

import pytest
from engines import Wire
from readings import outcome

HERE = __name__.encode()


class Plain:
    pass


class Slotted:
    __slots__ = ("a", "b")


class Stateful:
    def __setstate__(self, state):
        self.got = state


class Called:
    def __init__(self, *args):
        self.args = args


class WithInitArgs(Called):
    def __getinitargs__(self):
        return ()


class New:
    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        self.new = args, kwargs
        return self

    def __init__(self):
        pytest.fail("NEWOBJ does not call __init__")


class Extending:
    def __init__(self):
        self.calls = []

    def extend(self, items):
        self.calls.append(("extend", list(items)))

    def append(self, item):
        self.calls.append(("append", item))


class Appending:
    def __init__(self):
        self.calls = []

    def append(self, item):
        self.calls.append(("append", item))


class Adding:
    def __init__(self):
        self.calls = []

    def add(self, item):
        self.calls.append(item)


class Mapping:
    def __init__(self):
        self.calls = []

    def __setitem__(self, key, value):
        self.calls.append((key, value))


class SetOfMine(set):
    def update(self, *others):
        pytest.fail("ADDITEMS uses the set's own update")


class StateOfMine(dict):
    def items(self):
        pytest.fail("BUILD reads the dict itself")


def named(cls: type) -> bytes:
    """GLOBAL for one of this module's classes."""
    return b"c" + HERE + b"\n" + cls.__qualname__.encode() + b"\n"


@pytest.fixture(autouse=True)
def this_module_can_be_imported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, __name__, types.SimpleNamespace(**globals()))


class TestMaking:
    def test_newobj_calls_new_and_nothing_else(self, wire: Wire):
        assert wire.loads(named(New) + b"K\x01K\x02\x86\x81.").new == ((1, 2), {})
        assert wire.loads(named(New) + b"K\x01\x85}X\x01\x00\x00\x00aK\x02s\x92.").new == ((1,), {"a": 2})

    def test_newobj_refuses_what_is_no_class_and_no_tuple(self, wire: Wire):
        for stream in (
            b"K\x01)\x81.",
            b"cbuiltins\nlen\n)\x81.",
            named(New) + b"]\x81.",
            named(New) + b"N\x81.",
            named(New) + b"](}\x92.",
            named(New) + b")]\x92.",
            named(New) + b")N\x92.",
            b"K\x01)}\x92.",
        ):
            with pytest.raises(pickle.UnpicklingError):
                wire.loads(stream)

    def test_newobj_refuses_classes_that_only_the_interpreter_instantiates(self, wire: Wire):
        for name in (b"GeneratorType", b"FrameType", b"BuiltinFunctionType"):
            for rest in (b")\x81.", b")}\x92."):
                stream = b"ctypes\n" + name + b"\n" + rest
                assert outcome(pickle.loads, stream) == ("error", "UnpicklingError")
                with pytest.raises(pickle.UnpicklingError):
                    wire.loads(stream)

    def test_an_error_in_new_is_its_own(self, wire: Wire):
        for stream in (b"cbuiltins\nint\nX\x01\x00\x00\x00x\x85\x81.", b"cbuiltins\nobject\nK\x01\x85\x81."):
            assert outcome(wire.loads, stream) == outcome(pickle.loads, stream)

    def test_reduce_calls_anything_with_a_tuple(self, wire: Wire):
        assert wire.loads(b"cbuiltins\nsorted\n(K\x02K\x01l\x85R.") == [1, 2]
        for stream in (b"cbuiltins\nlist\n]R.", b"K\x01)R.", b"cbuiltins\nlist\nNR."):
            assert outcome(pickle.loads, stream) == ("error", "TypeError")
            with pytest.raises(TypeError):
                wire.loads(stream)

    @pytest.mark.parametrize("form", ["(i{module}\n{name}\n.", "(c{module}\n{name}\no."])
    def test_without_arguments_a_class_of_old_only_gets_its_new_called(self, wire: Wire, form: str):
        def stream(cls: type) -> bytes:
            return form.format(module=__name__, name=cls.__name__).encode()

        assert vars(wire.loads(stream(Called))) == {}
        assert vars(wire.loads(stream(WithInitArgs))) == {"args": ()}

    def test_with_arguments_it_is_called(self, wire: Wire):
        assert wire.loads(b"(K\x01K\x02i" + HERE + b"\nCalled\n.").args == (1, 2)
        assert wire.loads(b"(" + named(Called) + b"K\x01o.").args == (1,)

    def test_what_is_no_class_is_called_without_arguments_too(self, wire: Wire):
        assert wire.loads(b"(ibuiltins\ndict\n.") == {}
        assert wire.loads(b"(ibuiltins\nglobals\n.") is not None


class TestState:
    BUILT = named(Plain) + b")\x81"

    def test_a_dict_becomes_attributes_with_interned_names(self, wire: Wire):
        built = wire.loads(self.BUILT + b"}X\x0c\x00\x00\x00an_attributeK\x01sb.")
        assert vars(built) == {"an_attribute": 1}
        assert next(iter(vars(built))) is sys.intern("an_attribute")

    def test_names_need_not_be_text(self, wire: Wire):
        assert vars(wire.loads(self.BUILT + b"}K\x01K\x02sb.")) == {1: 2}

    def test_a_pair_holds_the_state_of_slots_too(self, wire: Wire):
        slots = b"}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00bK\x02u"
        built = wire.loads(named(Slotted) + b")\x81N" + slots + b"\x86b.")
        assert (built.a, built.b) == (1, 2)
        both = wire.loads(self.BUILT + b"}X\x01\x00\x00\x00xK\x00s" + slots + b"\x86b.")
        assert vars(both) == {"x": 0, "a": 1, "b": 2}

    def test_setstate_gets_whatever_the_state_is(self, wire: Wire):
        for state, value in ((b"N", None), (b"K\x05", 5), (b"NN\x86", (None, None)), (b"}", {})):
            assert wire.loads(named(Stateful) + b")\x81" + state + b"b.").got == value

    def test_what_is_no_state_is_refused_as_c_pickle_does(self, wire: Wire):
        for state in (
            b"K\x01",
            b"]",
            b"NN\x86",
            b"NK\x01\x86",
            b"K\x01}\x86",
            b"N}\x86",
            b"N",
            b"NNN\x87",
            b")",
        ):
            for target in (self.BUILT, named(Slotted) + b")\x81", b"K\x01", b"]"):
                stream = target + state + b"b0N."
                assert outcome(wire.loads, stream) == outcome(pickle.loads, stream)

    def test_an_instance_without_dict_refuses_even_an_empty_state(self, wire: Wire):
        stream = named(Slotted) + b")\x81}b."
        assert outcome(wire.loads, stream) == outcome(pickle.loads, stream) == ("error", "AttributeError")

    def test_a_state_of_a_dict_subclass_is_read_as_a_dict(self, wire: Wire):
        stream = self.BUILT + named(StateOfMine) + b")\x81X\x01\x00\x00\x00aK\x01sb."
        assert vars(wire.loads(stream)) == {"a": 1}


class TestFilling:
    @pytest.mark.parametrize("fill", [b"K\x01a", b"(K\x01e", b"(K\x01K\x02e", b"(e"])
    def test_extend_is_used_where_there_is_one_else_append(self, wire: Wire, fill: bytes):
        for cls in (Extending, Appending):
            stream = named(cls) + b")R" + fill + b"."
            assert wire.loads(stream).calls == pickle.loads(stream).calls

    @pytest.mark.parametrize("cls", [deque, OrderedDict])
    def test_the_standard_containers_are_filled(self, wire: Wire, cls: type):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            for count in (0, 1, 5, 2500):
                obj = cls((i, str(i)) for i in range(count))
                assert wire.loads(pickle.dumps(obj, protocol)) == obj

    def test_add_is_used_on_what_is_no_set(self, wire: Wire):
        assert wire.loads(named(Adding) + b")R(K\x01K\x02\x90.").calls == [1, 2]

    def test_a_set_is_filled_as_a_set(self, wire: Wire):
        assert wire.loads(named(SetOfMine) + b")R(K\x01K\x02\x90.") == {1, 2}

    def test_item_assignment_is_used_on_what_is_no_dict(self, wire: Wire):
        assert wire.loads(named(Mapping) + b")R(K\x01K\x02K\x03K\x04uK\x05K\x06s.").calls == [
            (1, 2),
            (3, 4),
            (5, 6),
        ]

    def test_nothing_is_asked_of_a_target_that_nothing_goes_into(self, wire: Wire):
        for fill in (b"(e", b"(u", b"(\x90"):
            stream = b"K\x01" + fill + b"."
            # From Python 3.15 on, a target is asked for its methods all the same.
            assert outcome(wire.loads, stream) == outcome(pickle.loads, stream)
            if sys.version_info < (3, 15):
                assert wire.loads(stream) == 1

    def test_a_target_that_takes_nothing_fails_as_in_c_pickle(self, wire: Wire):
        for fill in (b"K\x01a", b"(K\x01e", b"K\x01K\x02s", b"(K\x01K\x02u", b"(K\x01\x90"):
            stream = b"K\x01" + fill + b"."
            assert outcome(wire.loads, stream) == outcome(pickle.loads, stream)

    def test_an_odd_number_of_items_is_an_unpickling_error(self, wire: Wire):
        for stream in (b"}(K\x01u.", b"(K\x01d.", b"}(K\x01K\x02K\x03u."):
            with pytest.raises(pickle.UnpicklingError):
                wire.loads(stream)

    def test_keys_that_cannot_be_hashed_are_type_errors(self, wire: Wire):
        for stream in (b"}]K\x01s.", b"}(]K\x01u.", b"(]K\x01d.", b"\x8f(]\x90.", b"(]\x91."):
            with pytest.raises(TypeError):
                wire.loads(stream)

    def test_lists_and_dicts_that_hold_themselves(self, wire: Wire):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            looped: list[object] = []
            looped.append(({"me": looped},))
            loaded = wire.loads(pickle.dumps(looped, protocol))
            assert loaded[0][0]["me"] is loaded
