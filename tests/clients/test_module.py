"""brinery where a program takes the module itself, or its functions: names, errors, other processes."""

from __future__ import annotations

import io
import multiprocessing
import pickle
import subprocess
import sys
import types

import pytest
from engines import Wire
from graphs import Plain

import brinery

NAMES = (
    *pickle.__all__,
    "_getattribute",
    "whichmodule",
    "_dumps",
    "_loads",
    "bytes_types",
    "decode_long",
    "encode_long",
)


class TestNames:
    def test_they_are_all_there(self):
        assert not [name for name in NAMES if not hasattr(brinery, name)]

    def test_constants_are_the_standard_librarys(self):
        constants = {name: getattr(pickle, name) for name in pickle.__all__ if name.isupper()}
        assert {name: getattr(brinery, name) for name in constants} == constants

    def test_everything_that_pickle_exports_is_exported(self):
        assert set(pickle.__all__) <= set(brinery.__all__)

    def test_the_helpers_do_what_the_standard_librarys_do(self):
        for number in (0, 1, -1, 127, 128, 255, 256, -32768, 2**70, -(2**70)):
            assert brinery.encode_long(number) == pickle.encode_long(number)
            assert brinery.decode_long(brinery.encode_long(number)) == number
        assert brinery.bytes_types == pickle.bytes_types
        assert brinery.whichmodule(Plain, "Plain") == "graphs"
        assert brinery._loads(brinery._dumps([1])) == [1]
        path = ["__init__"] if sys.version_info >= (3, 14) else "__init__"
        assert brinery._getattribute(Plain, path) == pickle._getattribute(Plain, path)

    def test_the_exceptions_are_the_standard_librarys(self):
        assert brinery.PickleError is pickle.PickleError
        assert brinery.PicklingError is pickle.PicklingError
        assert brinery.UnpicklingError is pickle.UnpicklingError


class TestTheModule:
    def test_it_is_a_plain_module(self):
        assert type(brinery) is types.ModuleType

    def test_its_functions_can_be_replaced(self, monkeypatch: pytest.MonkeyPatch):
        """pandas does that to the standard library's."""
        monkeypatch.setattr(brinery, "loads", lambda data: "replaced")
        from brinery import loads

        assert loads(b"N.") == brinery.loads(b"N.") == "replaced"

    def test_its_functions_are_usable_as_class_attributes(self):
        """ForkingPickler has ``loads = pickle.loads`` in its body."""

        class Serializer:
            loads = brinery.loads
            dumps = brinery.dumps
            load = brinery.load
            dump = brinery.dump

        serializer, file = Serializer(), io.BytesIO()
        assert serializer.loads(serializer.dumps([1])) == Serializer.loads(Serializer.dumps([1])) == [1]
        serializer.dump([1], file)
        file.seek(0)
        assert serializer.load(file) == [1]

    @pytest.mark.parametrize("name", ["dump", "dumps", "load", "loads", "Pickler", "Unpickler"])
    def test_its_functions_and_classes_can_be_pickled_themselves(self, name: str):
        """Dask and multiprocessing send functions such as ``loads`` to their workers."""
        for library in (pickle, brinery):
            made = library.loads(library.dumps(getattr(brinery, name)))
            assert made == getattr(brinery, name)

    @pytest.mark.parametrize("name", ["dump", "dumps", "load", "loads"])
    def test_its_functions_say_who_they_are(self, name: str):
        function = getattr(brinery, name)
        assert function.__name__ == name
        assert function.__doc__

    def test_a_spawned_child_imports_it_and_uses_it(self):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(brinery.loads, (brinery.dumps({"key": [1, 2]}),)) == {"key": [1, 2]}

    def test_importing_it_under_pickles_name_is_all_that_a_program_changes(self):
        program = (
            "import brinery as pickle, io\n"
            "class Mine(pickle.Pickler): pass\n"
            "file = io.BytesIO()\n"
            "Mine(file, pickle.HIGHEST_PROTOCOL).dump({1, 2})\n"
            "assert pickle.loads(file.getvalue()) == {1, 2}\n"
        )
        subprocess.run([sys.executable, "-c", program], check=True)


class TestErrors:
    def test_a_recursion_error_of_user_code_comes_as_itself(self, wire: Wire):
        class Endless:
            def __reduce__(self):
                return self.__reduce__()

        with pytest.raises(RecursionError) as writing:
            wire.dumps([Endless()])
        assert type(writing.value) is RecursionError

        class Reader(wire.Unpickler):
            def find_class(self, module, name):
                return self.find_class(module, name)

        with pytest.raises(RecursionError) as reading:
            Reader(io.BytesIO(b"cos\nname\n.")).load()
        assert type(reading.value) is RecursionError

    def test_cloudpickles_test_for_a_recursion_error_works(self, wire: Wire):
        """It looks for "recursion" in ``exc.args[0]``."""

        class Endless:
            def __reduce__(self):
                return self.__reduce__()

        with pytest.raises(RuntimeError) as caught:
            wire.dumps(Endless())
        assert "recursion" in caught.value.args[0]

    @pytest.mark.parametrize(
        "exc", [KeyError("key"), AttributeError("name"), KeyboardInterrupt(), SystemExit(3)]
    )
    def test_an_exception_of_user_code_comes_as_itself(self, wire: Wire, exc: BaseException):
        class Failing:
            def __reduce__(self):
                raise exc

        with pytest.raises(type(exc)) as caught:
            wire.dumps({"key": Failing()})
        assert caught.value is exc

    def test_refusals_are_caught_as_the_standard_librarys(self, wire: Wire):
        with pytest.raises(pickle.PicklingError):
            wire.dumps([type("NotThere", (), {"__module__": "graphs"})])
        with pytest.raises(pickle.UnpicklingError):
            wire.loads(b"\xff")
        with pytest.raises(EOFError):
            wire.load(io.BytesIO())


class TestLibrariesThatTakeThePickler:
    def test_sqlalchemys_pickle_type_takes_the_module(self):
        class PickleType:
            def __init__(self, protocol=pickle.HIGHEST_PROTOCOL, pickler=None):
                self.protocol, self.pickler = protocol, pickler or pickle

            def bind_processor(self):
                dumps, protocol = self.pickler.dumps, self.protocol
                return lambda value: None if value is None else dumps(value, protocol)

            def result_processor(self):
                loads = self.pickler.loads
                return lambda value: None if value is None else loads(value)

        column = PickleType(pickler=brinery)
        assert column.result_processor()(column.bind_processor()({"a": 1})) == {"a": 1}

    def test_kombu_registers_its_functions(self):
        def register_pickle(module: types.ModuleType) -> tuple:
            def pickle_dumps(obj, dumper=module.dumps):
                return dumper(obj, protocol=pickle.DEFAULT_PROTOCOL)

            def pickle_loads(data, load=module.load):
                return load(io.BytesIO(data))

            return pickle_dumps, pickle_loads

        encode, decode = register_pickle(brinery)
        assert decode(encode({"task": [1, 2]})) == {"task": [1, 2]}

    def test_dask_registers_its_functions_as_a_family(self):
        def pickle_dumps(obj: object) -> tuple[dict, list]:
            frames: list = [None]
            buffers: list[pickle.PickleBuffer] = []
            frames[0] = brinery.dumps(obj, protocol=5, buffer_callback=buffers.append)
            frames += [buffer.raw() for buffer in buffers]
            return {"writeable": tuple(not frame.readonly for frame in frames[1:])}, frames

        def pickle_loads(header: dict, frames: list) -> object:
            return brinery.loads(frames[0], buffers=frames[1:])

        obj = [pickle.PickleBuffer(bytearray(b"data")), "more"]
        header, frames = pickle_dumps(obj)
        made = pickle_loads(header, frames)
        assert header == {"writeable": (True,)}
        assert (bytes(made[0]), made[1]) == (b"data", "more")

    def test_multiprocessings_reducer_is_built_on_it(self, wire: Wire):
        import copyreg

        class ForkingPickler(wire.Pickler):
            _extra_reducers: dict = {}
            loads = wire.loads

            def __init__(self, *args):
                super().__init__(*args)
                self.dispatch_table = copyreg.dispatch_table.copy()
                self.dispatch_table.update(self._extra_reducers)

            @classmethod
            def register(cls, type, reduce):
                cls._extra_reducers[type] = reduce

            @classmethod
            def dumps(cls, obj, protocol=None):
                file = io.BytesIO()
                cls(file, protocol).dump(obj)
                return file.getbuffer()

        ForkingPickler.register(Plain, lambda obj: (str, ("registered",)))
        assert ForkingPickler.loads(ForkingPickler.dumps([Plain(), 1j])) == ["registered", 1j]
