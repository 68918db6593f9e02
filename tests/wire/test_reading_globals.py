"""Globals: find_class in all its forms, the names of Python 2, dotted names, extension codes."""

from __future__ import annotations

import copyreg
import importlib.machinery
import io
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator

import pytest
from engines import Wire
from readings import outcome

from brinery import engine
from brinery.plan import NameMap, ReadPlan

STREAMS = {
    "GLOBAL": b"ccollections\nOrderedDict\n.",
    "STACK_GLOBAL": b"\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict\x93.",
    "INST": b"(icollections\nOrderedDict\n.",
}


class TestFindClass:
    @pytest.mark.parametrize("opcode", STREAMS)
    def test_an_override_is_asked_for_every_global(self, wire: Wire, opcode: str):
        asked = []

        class Mine(wire.Unpickler):
            def find_class(self, module, name):
                asked.append((module, name))
                return super().find_class(module, name)

        expected = pickle.loads(STREAMS[opcode])
        assert Mine(io.BytesIO(STREAMS[opcode])).load() == expected
        assert asked == [("collections", "OrderedDict")]

    @pytest.mark.parametrize("opcode", STREAMS)
    def test_an_assigned_one_too(self, wire: Wire, opcode: str):
        unpickler = wire.Unpickler(io.BytesIO(STREAMS[opcode]))
        unpickler.find_class = lambda module, name: (module, name).__len__
        loaded = unpickler.load()
        assert loaded == 2 if opcode == "INST" else loaded() == 2

    def test_it_can_refuse(self, wire: Wire):
        class Refusing(wire.Unpickler):
            def find_class(self, module, name):
                raise pickle.UnpicklingError(f"{module}.{name} is forbidden")

        with pytest.raises(pickle.UnpicklingError, match="forbidden"):
            Refusing(io.BytesIO(STREAMS["GLOBAL"])).load()

    def test_it_can_be_called_by_itself(self, wire: Wire):
        unpickler = wire.Unpickler(io.BytesIO(b"\x80\x04N."))
        assert unpickler.find_class("collections", "OrderedDict") is OrderedDict
        assert unpickler.find_class("__builtin__", "unichr") is chr  # protocol 0 before anything is read
        unpickler.load()
        assert unpickler.find_class("builtins", "str.join") is str.join

    def test_every_look_up_is_an_audit_event(self, wire: Wire):
        events = []

        def listen(event: str, args: tuple[object, ...]) -> None:
            if event == "pickle.find_class" and listening:
                events.append(args)

        listening = True
        sys.addaudithook(listen)
        wire.loads(STREAMS["GLOBAL"])
        wire.loads(b"c__builtin__\nunichr\n.")
        listening = False
        assert events == [("collections", "OrderedDict"), ("__builtin__", "unichr")]


class TestNames:
    def test_those_of_python_2_are_known_below_protocol_3(self, wire: Wire):
        for stream in (b"c__builtin__\nunichr\n.", b"\x80\x02c__builtin__\nunichr\n."):
            assert wire.loads(stream) is chr
            with pytest.raises(ImportError):
                wire.loads(stream, fix_imports=False)
        with pytest.raises(ImportError):
            wire.loads(b"\x80\x03c__builtin__\nunichr\n.")

    def test_a_renamed_module_keeps_the_names_in_it(self, wire: Wire):
        import queue

        assert wire.loads(b"cQueue\nEmpty\n.") is queue.Empty

    def test_dots_walk_through_classes_from_protocol_4_on(self, wire: Wire):
        assert wire.loads(b"\x80\x04cbuiltins\nstr.join\n.") is str.join
        with pytest.raises(AttributeError):
            wire.loads(b"\x80\x03cbuiltins\nstr.join\n.")

    def test_what_cannot_be_found_fails_as_in_c_pickle(self, wire: Wire):
        for name in (
            b"no.such.module\nx", b"builtins\nno_such_name", b"builtins\n", b"\nlen", b"builtins\nlen\xff",
            b"builtins\xff\nlen", b"builtins\nstr.nothing", b"builtins\nstr.<locals>.x",
            b"builtins\n<locals>", b" builtins\nlen", b"builtins\0\nlen",
        ):  # fmt: skip
            for stream in (b"c" + name + b"\n.", b"\x80\x04c" + name + b"\n.", b"(i" + name + b"\n."):
                assert outcome(wire.loads, stream) == outcome(pickle.loads, stream), stream

    @pytest.mark.parametrize("kind", ["plain", "with a __getattr__", "of a class of its own", "any object"])
    def test_a_module_may_say_itself_what_its_names_are(self, wire: Wire, monkeypatch, kind: str):
        class Module(types.ModuleType):
            name = property(lambda self: Module)

            def __getattribute__(self, name: str) -> object:
                return "asked" if name == "_private" else super().__getattribute__(name)

        module = types.SimpleNamespace() if kind == "any object" else types.ModuleType("spoken")
        if kind == "with a __getattr__":
            module.__getattr__ = lambda name: [name]
        # Some are hidden by what the class has under that name.
        vars(module).update(name=len, _private=max, __own__=max, __class__="hidden")
        module.__spec__ = importlib.machinery.ModuleSpec("spoken", None)
        module.__spec__._initializing = False  # as after an import
        monkeypatch.setitem(sys.modules, "spoken", module)
        names = [
            "name",
            "_private",
            "__own__",
            "__doc__",
            "__class__",
            "__name__",
            "other",
            "_other",
            "__other__",
        ]
        for turn in range(2):
            for name in names:
                for protocol in (b"\x03", b"\x04"):
                    stream = b"\x80" + protocol + b"cspoken\n" + name.encode() + b"\n."
                    assert outcome(wire.loads, stream) == outcome(pickle.loads, stream), (turn, stream)
            if kind == "of a class of its own":  # once it is known as a module that is loaded
                object.__setattr__(module, "__class__", Module)

    def test_stack_global_wants_two_texts(self, wire: Wire):
        for stream in (b"\x8c\x08builtinsN\x93.", b"N\x8c\x03len\x93.", b"C\x08builtinsC\x03len\x93."):
            with pytest.raises(pickle.UnpicklingError):
                wire.loads(stream)

    def test_tables_of_the_plan_hold_at_every_protocol_and_after_those_of_python_2(self, wire: Wire):
        plan = ReadPlan(
            era_names=NameMap({("old", "thing"): ("middle", "thing")}, {}),
            names=NameMap({("middle", "thing"): ("collections", "OrderedDict")}, {"moved": "collections"}),
        )
        loads = engine.get(wire.name).Loader(lambda: plan).loads
        assert loads(b"cold\nthing\n.") is OrderedDict
        for proto in (b"", b"\x80\x04"):
            assert loads(proto + b"cmiddle\nthing\n.") is OrderedDict
            assert loads(proto + b"cmoved\nOrderedDict\n.") is OrderedDict
        with pytest.raises(ImportError):
            loads(b"\x80\x04cold\nthing\n.")


@pytest.fixture
def code() -> Iterator[int]:
    copyreg.add_extension("collections", "OrderedDict", 0xF0)
    yield 0xF0
    copyreg.remove_extension("collections", "OrderedDict", 0xF0)


class TestExtensionCodes:
    FORMS = (b"\x82\xf0.", b"\x83\xf0\x00.", b"\x84\xf0\x00\x00\x00.")

    def test_a_registered_code_is_a_global(self, wire: Wire, code: int):
        for stream in self.FORMS:
            assert wire.loads(stream) is OrderedDict

    def test_find_class_is_asked_each_time_whatever_copyreg_has_cached(self, wire: Wire, code: int):
        assert pickle.loads(self.FORMS[0]) is OrderedDict  # fills the cache
        asked = []

        class Mine(wire.Unpickler):
            def find_class(self, module, name):
                asked.append((module, name))
                return len

        for stream in self.FORMS:
            assert Mine(io.BytesIO(stream)).load() is len
        assert asked == [("collections", "OrderedDict")] * 3

    def test_copyreg_is_left_as_it_was(self, wire: Wire, code: int):
        before = dict(copyreg._extension_cache)
        wire.loads(self.FORMS[0])
        assert copyreg._extension_cache == before

    def test_codes_that_are_none_are_unpickling_errors(self, wire: Wire):
        for stream in (b"\x82\x00.", b"\x83\x00\x00.", b"\x84\x00\x00\x00\x00.", b"\x84\xff\xff\xff\xff."):
            with pytest.raises(pickle.UnpicklingError):
                wire.loads(stream)

    def test_a_code_that_nobody_registered_is_a_value_error(self, wire: Wire):
        for stream in self.FORMS:
            with pytest.raises(ValueError, match="unregistered extension code 240"):
                wire.loads(stream)

    def test_so_is_a_registry_that_holds_no_names(self, wire: Wire, monkeypatch: pytest.MonkeyPatch):
        for wrong in ("name", ("one",), (1, 2), ["collections", "OrderedDict"]):
            monkeypatch.setitem(copyreg._inverted_registry, 0xF0, wrong)
            with pytest.raises(ValueError, match="isn't a 2-tuple of strings"):
                wire.loads(self.FORMS[0])


def test_find_class_before_the_first_load_knows_no_protocol_of_an_earlier_unpickler(wire: Wire):
    earlier = wire.Unpickler(io.BytesIO(b"\x80\x04N."))
    earlier.load()
    del earlier
    assert wire.Unpickler(io.BytesIO()).find_class("__builtin__", "str") is str
