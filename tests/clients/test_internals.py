"""Programs that subclass the internals of pickle's Python classes find the standard library's own."""

from __future__ import annotations

import io
import pickle
from typing import Any

import pytest
from engines import Wire

import brinery


def test_the_underscored_classes_are_the_standard_librarys() -> None:
    assert brinery._Pickler is pickle._Pickler  # type: ignore[attr-defined]
    assert brinery._Unpickler is pickle._Unpickler  # type: ignore[attr-defined]


def test_a_dispatch_table_by_type_works_as_in_dill_and_joblib() -> None:
    base: Any = brinery._Pickler  # type: ignore[attr-defined]

    class Pickler(base):  # type: ignore[misc]
        dispatch = base.dispatch.copy()

        def save_complex(self, obj: complex) -> None:
            self.save_reduce(complex, (obj.real, obj.imag + 1), obj=obj)

        dispatch[complex] = save_complex

    file = io.BytesIO()
    Pickler(file).dump([1j])
    assert brinery.loads(file.getvalue()) == [2j]


def test_a_name_that_pickle_has_not_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'brinery' has no attribute 'pikle'"):
        brinery.pikle  # noqa: B018


class TestAttributesOfASubclass:
    """C pickle's classes have no attributes but the documented ones: a subclass may call its own anything."""

    NAMES = (
        "_protocol",
        "_memo",
        "_write",
        "_busy",
        "_machine",
        "_plan",
        "_fix_imports",
        "_buffer_callback",
        "_set_memo",
        "_initialised",
        "_lookahead",
        "_stored",
        "_walker",
        "_replace_memo",
        "_run",
        "_own",
        "_look_ahead",
        "_initialized",
    )

    def test_of_a_pickler(self, wire: Wire) -> None:
        class Mine(wire.Pickler):  # type: ignore[name-defined,misc]
            def __init__(self, file: object) -> None:
                super().__init__(file)
                self.__dict__.update(dict.fromkeys(TestAttributesOfASubclass.NAMES, "fast"))

        file = io.BytesIO()
        pickler = Mine(file)
        pickler.dump([1])
        assert pickler.memo.copy()
        pickler.clear_memo()
        pickler.memo = {}
        assert file.getvalue() == pickle.dumps([1])

    def test_of_an_unpickler(self, wire: Wire) -> None:
        class Mine(wire.Unpickler):  # type: ignore[name-defined,misc]
            def __init__(self, file: object) -> None:
                super().__init__(file)
                self.__dict__.update(dict.fromkeys(TestAttributesOfASubclass.NAMES, "fast"))
                for name in TestAttributesOfASubclass.NAMES:
                    setattr(self, name, "fast")

        unpickler = Mine(io.BytesIO(pickle.dumps([1])))
        assert unpickler.load() == [1]
        assert unpickler.memo.copy()
        unpickler.memo = {}

    def test_the_classes_have_none_themselves(self, wire: Wire) -> None:
        for cls in (wire.Pickler, wire.Unpickler):
            assert not set(dir(cls)) & set(self.NAMES)
