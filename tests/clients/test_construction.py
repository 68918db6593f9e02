"""How programs construct picklers and unpicklers, and what they assign to them."""

from __future__ import annotations

import datetime
import io
import pickle

import pytest
from engines import Wire
from graphs import Plain


def write(cls: type[pickle.Pickler], *args: object, obj: object = "text", **kwargs: object) -> bytes:
    file = io.BytesIO()
    cls(file, *args, **kwargs).dump(obj)
    return file.getvalue()


def test_a_pickler_takes_its_arguments_by_position_and_by_keyword(wire: Wire):
    assert write(wire.Pickler, 3) == write(wire.Pickler, protocol=3) == pickle.dumps("text", 3)
    assert write(wire.Pickler, 2, False, obj=int) == pickle.dumps(int, 2, fix_imports=False)
    assert write(wire.Pickler, protocol=2, fix_imports=False, obj=int) == pickle.dumps(
        int, 2, fix_imports=False
    )
    buffers: list[pickle.PickleBuffer] = []
    write(wire.Pickler, protocol=5, buffer_callback=buffers.append, obj=pickle.PickleBuffer(b"data"))
    write(wire.Pickler, 5, True, buffers.append, obj=pickle.PickleBuffer(b"data"))
    assert len(buffers) == 2


def test_a_negative_protocol_is_the_highest(wire: Wire):
    assert write(wire.Pickler, -1) == pickle.dumps("text", pickle.HIGHEST_PROTOCOL)


def test_an_unpickler_takes_its_options_by_keyword(wire: Wire):
    old = b"U\x01\xe4."
    assert wire.Unpickler(io.BytesIO(old), encoding="latin-1").load() == "ä"
    assert wire.Unpickler(io.BytesIO(old), encoding="bytes").load() == b"\xe4"
    assert wire.Unpickler(io.BytesIO(old), errors="replace").load() == "\ufffd"
    module = "copy_reg"
    data = f"c{module}\n_reconstructor\n.".encode()
    with pytest.raises(ModuleNotFoundError):
        wire.Unpickler(io.BytesIO(data), fix_imports=False).load()
    assert wire.Unpickler(io.BytesIO(data), fix_imports=True).load().__name__ == "_reconstructor"


def test_the_functions_take_theirs_likewise(wire: Wire):
    file = io.BytesIO()
    wire.dump("text", file, protocol=2)
    wire.dump("text", file, 2)
    wire.dump(obj="text", file=file, protocol=2)
    assert file.getvalue() == 3 * pickle.dumps("text", 2)
    assert wire.dumps("text", 2) == wire.dumps("text", protocol=2) == wire.dumps(obj="text", protocol=2)
    assert wire.load(io.BytesIO(b"U\x01\xe4."), encoding="latin-1") == "ä"
    assert wire.load(file=io.BytesIO(b"U\x01\xe4."), encoding="bytes") == b"\xe4"
    assert wire.loads(b"U\x01\xe4.", encoding="latin-1", errors="strict", fix_imports=True, buffers=()) == "ä"


@pytest.mark.parametrize("derive", [False, True], ids=["plain", "subclass"])
class TestAssignedToAnInstance:
    """A hook may be assigned to any instance, one of a subclass too."""

    @staticmethod
    def class_of(wire: Wire, name: str, derive: bool) -> type:
        base = getattr(wire, name)
        return type("Derived", (base,), {}) if derive else base

    def test_persistent_id(self, wire: Wire, derive: bool):
        file = io.BytesIO()
        pickler = self.class_of(wire, "Pickler", derive)(file)
        pickler.persistent_id = lambda obj: "the ID" if isinstance(obj, Plain) else None
        pickler.dump([1, Plain()])
        reader = self.class_of(wire, "Unpickler", derive)(io.BytesIO(file.getvalue()))
        reader.persistent_load = lambda pid: f"loaded {pid}"
        assert reader.load() == [1, "loaded the ID"]

    def test_persistent_load_as_a_list_collects_the_ids(self, wire: Wire, derive: bool):
        reader = self.class_of(wire, "Unpickler", derive)(io.BytesIO(b"]((K\x01U\x03oidtQPname\ne."))
        reader.persistent_load = found = []
        reader.noload()
        assert found == [(1, "oid"), "name"]

    def test_find_class(self, wire: Wire, derive: bool):
        reader = self.class_of(wire, "Unpickler", derive)(io.BytesIO(pickle.dumps([datetime.date])))
        reader.find_class = lambda module, name: (module, name)
        assert reader.load() == [("datetime", "date")]

    def test_reducer_override(self, wire: Wire, derive: bool):
        file = io.BytesIO()
        pickler = self.class_of(wire, "Pickler", derive)(file)
        pickler.reducer_override = lambda obj: (str, ("mine",)) if isinstance(obj, Plain) else NotImplemented
        pickler.dump([Plain(), len])
        assert pickle.loads(file.getvalue()) == ["mine", len]


def test_a_subclass_may_override_find_class_and_call_the_original(wire: Wire):
    class Renaming(wire.Unpickler):
        def find_class(self, module, name):
            return super().find_class({"old_name": "datetime"}.get(module, module), name)

    assert Renaming(io.BytesIO(b"cold_name\ndate\n.")).load() is datetime.date


def test_a_subclass_may_call_the_originals_of_all_its_hooks(wire: Wire):
    class Both(wire.Pickler):
        def persistent_id(self, obj):
            return super().persistent_id(obj)

    assert write(Both, obj=[Plain]) == pickle.dumps([Plain])

    class Loading(wire.Unpickler):
        def persistent_load(self, pid):
            return super().persistent_load(pid)

    with pytest.raises(pickle.UnpicklingError):
        Loading(io.BytesIO(b"Pname\n.")).load()
