"""Programs that subclass the internals of pickle's Python classes find the standard library's own."""

from __future__ import annotations

import io
import pickle
from typing import Any

import pytest

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
