"""``import brinery as pickle``: the same names with the same meaning, in a plain module."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import types
from fractions import Fraction

import pytest
from engines import Wire
from throwaway import declaring

import brinery
from brinery import NameTable, Profile, Reducer


def test_every_name_that_pickle_exports_is_there() -> None:
    assert set(pickle.__all__) <= set(brinery.__all__)
    assert set(brinery.__all__) <= set(dir(brinery))
    for name in brinery.__all__:
        assert getattr(brinery, name) is not None


def test_constants_and_exceptions_are_the_standard_librarys_own() -> None:
    replaced = {"Pickler", "Unpickler", "dump", "dumps", "load", "loads"}
    for name in set(pickle.__all__) - replaced:
        assert getattr(brinery, name) == getattr(pickle, name)
    for name in ("PickleError", "PicklingError", "UnpicklingError", "PickleBuffer"):
        assert getattr(brinery, name) is getattr(pickle, name)
    for name in replaced:
        assert getattr(brinery, name) is not getattr(pickle, name)


@pytest.mark.parametrize(
    "name", ["bytes_types", "decode_long", "encode_long", "format_version", "compatible_formats"]
)
def test_what_programs_import_beside_the_exports_is_there(name: str) -> None:
    assert getattr(brinery, name) == getattr(pickle, name)


def test_finding_names_works_as_in_pickle() -> None:
    for module in (brinery, pickle):
        if sys.version_info >= (3, 14):
            names = ["SimpleNamespace", "__init__"]
            assert module._getattribute(types, names) is types.SimpleNamespace.__init__  # type: ignore[attr-defined]
        else:
            found = module._getattribute(types, "SimpleNamespace.__init__")  # type: ignore[attr-defined]
            assert found[1] is types.SimpleNamespace
        assert module.whichmodule(io.BytesIO, "BytesIO") == "_io"  # type: ignore[attr-defined]


def test_the_underscored_functions_are_there_too() -> None:
    file = io.BytesIO()
    brinery._dump([1, "a"], file, 2, fix_imports=False)
    assert file.getvalue() == brinery._dumps([1, "a"], 2) == pickle.dumps([1, "a"], 2)
    file.seek(0)
    assert brinery._load(file, encoding="bytes") == brinery._loads(file.getvalue()) == [1, "a"]


def test_positional_and_keyword_arguments_are_those_of_pickle() -> None:
    buffers: list[pickle.PickleBuffer] = []
    for module in (brinery, pickle):
        file = io.BytesIO()
        module.dump({"a": 1}, file, 3, fix_imports=False)
        module.Pickler(file, 3).dump("b")
        module.Pickler(file, protocol=5, fix_imports=True, buffer_callback=buffers.append).dump(
            pickle.PickleBuffer(b"data")
        )
        file.seek(0)
        assert module.load(file, encoding="utf-8") == {"a": 1}
        assert module.Unpickler(file, encoding="bytes", errors="strict").load() == "b"
        assert module.load(file, buffers=iter([b"other"])) == b"other"
        assert module.loads(module.dumps(1, protocol=0), fix_imports=True) == 1
    assert len(buffers) == 2


def test_star_imports_bring_what_pickle_brings() -> None:
    names: dict[str, object] = {}
    exec("from brinery import *", names)
    assert set(pickle.__all__) <= set(names)


def test_it_is_a_plain_module_whose_names_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(brinery) is types.ModuleType
    monkeypatch.setattr(brinery, "loads", lambda data: "replaced")
    assert brinery.loads(b"") == "replaced"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'brinery' has no attribute 'dupms'"):
        brinery.dupms  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(brinery, "Marshaller")


def test_its_functions_work_as_class_attributes() -> None:
    class Codec:
        encode = brinery.dumps
        decode = brinery.loads

    assert Codec().decode(Codec().encode([1])) == [1]


@pytest.mark.parametrize("name", ["dump", "dumps", "load", "loads", "Pickler", "Unpickler"])
def test_its_functions_and_classes_can_be_pickled_themselves(name: str) -> None:
    obj = getattr(brinery, name)
    for module in (brinery, pickle):
        assert module.loads(module.dumps(obj)) == obj


def test_it_is_importable_in_a_spawned_child() -> None:
    code = """if True:
        import multiprocessing, brinery
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.apply(brinery.loads, (brinery.dumps([1, 2]),)))
        """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[1, 2]"


# What takes the module, or its functions, as they are


def test_a_column_type_takes_the_module_as_its_pickler() -> None:
    """As sqlalchemy.PickleType(pickler=module) uses it."""

    def bind_processor(pickler: types.ModuleType, protocol: int) -> bytes:
        data: bytes = pickler.dumps({"a": 1}, protocol)
        return data

    assert brinery.loads(bind_processor(brinery, pickle.HIGHEST_PROTOCOL)) == {"a": 1}


def test_a_registry_takes_its_functions() -> None:
    """As kombu.serialization.register and dask's register_serialization_family do."""
    registry = {"pickle": (brinery.dumps, brinery.loads)}
    encode, decode = registry["pickle"]
    assert decode(encode((1, "a"))) == (1, "a")
    assert encode.__name__ == "dumps"
    assert decode.__name__ == "loads"


def test_instances_take_assignments_as_picklers_of_pickle_do() -> None:
    class Pickler(brinery.Pickler):
        pass

    class Unpickler(brinery.Unpickler):
        pass

    file = io.BytesIO()
    pickler = Pickler(file)
    pickler.persistent_id = lambda obj: "id" if obj == "secret" else None  # type: ignore[method-assign]
    pickler.dump(["secret", "open"])
    file.seek(0)
    unpickler = Unpickler(file)
    unpickler.persistent_load = lambda pid: f"<{pid}>"  # type: ignore[method-assign]
    assert unpickler.load() == ["<id>", "open"]


def test_the_underscored_functions_use_the_default_profile() -> None:
    reducer = Reducer(Fraction, lambda obj: (str, ("reduced",)))
    profile = Profile([declaring("p", reducer, NameTable("moved", {"old:Ratio": "fractions:Fraction"}))])
    file = io.BytesIO()
    with brinery.set_default_profile(profile):
        brinery._dump(Fraction(1), file)
        assert pickle.loads(file.getvalue()) == pickle.loads(brinery._dumps(Fraction(1))) == "reduced"
        assert brinery._loads(b"cold\nRatio\n.") is Fraction
        assert brinery._load(io.BytesIO(b"cold\nRatio\n.")) is Fraction


def test_the_underscored_functions_take_the_options_of_pickles() -> None:
    for options in ({"protocol": 2}, {"protocol": 2, "fix_imports": False}):
        ours, theirs = io.BytesIO(), io.BytesIO()
        brinery._dump(range(3), ours, **options)
        pickle._dump(range(3), theirs, **options)  # type: ignore[attr-defined]
        assert ours.getvalue() == theirs.getvalue() == brinery._dumps(range(3), **options)
    buffers: list[pickle.PickleBuffer] = []
    file = io.BytesIO()
    brinery._dump(pickle.PickleBuffer(b"one"), file, 5, buffer_callback=buffers.append)
    data = brinery._dumps(pickle.PickleBuffer(b"two"), 5, buffer_callback=buffers.append)
    file.seek(0)
    assert bytes(brinery._load(file, buffers=buffers[:1])) == b"one"
    assert bytes(brinery._loads(data, buffers=buffers[1:])) == b"two"
    assert brinery._loads(b"U\x01\xff.", encoding="bytes") == b"\xff"


def test_each_name_is_exported_once() -> None:
    assert len(brinery.__all__) == len(set(brinery.__all__))


def test_what_goes_by_name_is_told_with_the_functions_name(wire: Wire) -> None:
    """In the words of a function, as C pickle's are, whatever object it is a method of."""
    for function, arguments in ((wire.loads, (b"N.", b"x")), (wire.load, (io.BytesIO(b"N."), 2))):
        with pytest.raises(TypeError) as refused:
            function(*arguments)
        assert str(refused.value) == f"{function.__name__}() takes exactly 1 positional argument (2 given)"
    for function in (wire.dumps, wire.dump, wire.loads, wire.load):
        with pytest.raises(TypeError) as refused:
            function()
        assert str(refused.value).startswith(f"{function.__name__}() ")
    with pytest.raises(TypeError) as refused:
        wire.loads("text")
    assert str(refused.value) == "a bytes-like object is required, not 'str'"
