"""SymPy: singletons that were written with arguments, floats of many digits, and matrices before 1.9."""

from __future__ import annotations

from typing import Any

from brinery import Shape

_SINGLETONS = {
    "sympy.core.numbers": (
        "Zero One NegativeOne Half NaN Infinity NegativeInfinity ComplexInfinity Exp1 Pi GoldenRatio EulerGamma "
        "Catalan ImaginaryUnit TribonacciConstant"
    ),
    "sympy.logic.boolalg": "BooleanTrue BooleanFalse",
    "sympy.sets.sets": "EmptySet UniversalSet",
    "sympy.sets.fancysets": "Naturals Naturals0 Integers Rationals",
}


def singleton(cls: Any, *args: Any, **named: Any) -> Any:
    """The one instance of a class, whatever arguments an old version wrote."""
    return cls()


def no_state(instance: Any, state: Any) -> None:
    """A singleton has the state that it has."""


def number(cls: Any, *args: Any, **named: Any) -> Any:
    """A Float with all digits of its mantissa: until 1.5 its precision came with the state, when it was
    rounded."""
    if len(args) == 1 and isinstance(args[0], tuple) and len(args[0]) == 4 and not named:
        return cls.__new__(cls, *args, precision=max(53, args[0][3]))
    return cls.__new__(cls, *args, **named)


def number_state(instance: Any, state: Any) -> Any:
    """The precision, which was the one thing in the state."""
    if isinstance(state, dict) and set(state) == {"_prec"}:
        instance._prec = state["_prec"]
        return None
    return (state,)


def dense(instance: Any, state: Any) -> Any:
    """A dense matrix before 1.9: rows, columns and a flat list."""
    from sympy import Matrix

    if isinstance(state, dict) and "_rep" not in state and "_mat" in state:
        made = Matrix(
            state["rows"] if "rows" in state else state["_rows"],
            state.get("cols", state.get("_cols")),
            state["_mat"],
        )
        _copied(instance, made)
        return None
    return (state,)


def sparse(instance: Any, state: Any) -> Any:
    """A sparse matrix before 1.9: rows, columns and a dict by place."""
    from sympy import SparseMatrix

    if isinstance(state, dict) and "_rep" not in state:
        places: Any = state.get("_smat", state.get("_dok", {}))
        made = SparseMatrix(
            state.get("rows", state.get("_rows")), state.get("cols", state.get("_cols")), dict(places)
        )
        _copied(instance, made)
        return None
    return (state,)


def _copied(instance: Any, made: Any) -> None:
    rep = made._rep
    instance._rep = rep
    instance.rows, instance.cols = made.shape
    if hasattr(instance, "_flat"):
        instance._flat = made.flat()


SHAPES = [
    Shape(
        "sympy.core.numbers:Float",
        create="brinery_science.of_sympy:number",
        build="brinery_science.of_sympy:number_state",
    ),
    *(
        Shape(
            f"{module}:{name}",
            create="brinery_science.of_sympy:singleton",
            build="brinery_science.of_sympy:no_state",
        )
        for module, names in _SINGLETONS.items()
        for name in names.split()
    ),
    *(
        Shape(f"sympy.matrices.{module}:{name}", build=f"brinery_science.of_sympy:{function}")
        for module, name, function in (
            ("dense", "MutableDenseMatrix", "dense"),
            ("immutable", "ImmutableDenseMatrix", "dense"),
            ("sparse", "MutableSparseMatrix", "sparse"),
            ("immutable", "ImmutableSparseMatrix", "sparse"),
        )
    ),
]
