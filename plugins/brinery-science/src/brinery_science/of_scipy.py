"""SciPy: modules that got an underscore, results, sparse arrays, interpolators and trees."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from brinery import NameTable, Shape

_HERE = "brinery_science.of_scipy"

_SPARSE = "bsr coo csc csr dia dok lil"

NAMES = [
    NameTable(
        "SciPy",
        # The public modules are there, but a class is known by the module that it says it lives in.
        read={
            f"{public}:{name}": f"{private}:{name}"
            for public, private, names in (
                ("scipy.interpolate.interpolate", "scipy.interpolate._interpolate", "PPoly BPoly"),
                ("scipy.interpolate._cubic", "scipy.interpolate._cubic", "CubicSpline"),
                ("scipy.interpolate.interpolate", "scipy.interpolate._rgi", "RegularGridInterpolator"),
                ("scipy.stats.kde", "scipy.stats._kde", "gaussian_kde"),
                ("scipy.spatial.transform.rotation", "scipy.spatial.transform._rotation", "Rotation"),
                ("scipy.sparse.dok", "scipy.sparse._dok", "dok_matrix"),
                ("scipy.sparse.coo", "scipy.sparse._coo", "coo_matrix"),
                ("scipy.spatial.kdtree", "scipy.spatial._kdtree", "KDTree"),
            )
            for name in names.split()
        },
        fallback={
            "scipy.interpolate._interpolate:RegularGridInterpolator": "scipy.interpolate._rgi:RegularGridInterpolator",
            "scipy.interpolate.interpolate:RegularGridInterpolator": "scipy.interpolate._rgi:RegularGridInterpolator",
            "scipy.interpolate._monotone": "scipy.interpolate._cubic",
            "scipy.interpolate._monotone:PchipInterpolator": f"{_HERE}:new_pchip",
            "scipy.signal.ltisys:TransferFunctionContinuous": "scipy.signal._ltisys:TransferFunctionContinuous",
            "scipy.signal.ltisys:TransferFunctionDiscrete": "scipy.signal._ltisys:TransferFunctionDiscrete",
            "scipy.signal.ltisys:StateSpaceContinuous": "scipy.signal._ltisys:StateSpaceContinuous",
            "scipy.signal.ltisys:ZerosPolesGainContinuous": "scipy.signal._ltisys:ZerosPolesGainContinuous",
            **{
                f"scipy.sparse._arrays:{name}_array": f"scipy.sparse._{name}:{name}_array"
                for name in _SPARSE.split()
            },
            "scipy.spatial.ckdtree:new_object": f"{_HERE}:new_tree",
            "scipy.stats._stats_mstats_common:LinregressResult": "scipy.stats._stats_py:LinregressResult",
            "scipy.stats._stats_py:Ttest_1sampResult": f"{_HERE}:TtestResult",
            "scipy.stats._stats_py:Ttest_indResult": f"{_HERE}:TtestResult",
            "scipy.stats._stats_py:Ttest_relResult": f"{_HERE}:TtestResult",
            "scipy.stats.stats:Ttest_1sampResult": f"{_HERE}:TtestResult",
            "scipy.stats.stats:Ttest_indResult": f"{_HERE}:TtestResult",
            "scipy.stats.stats:Ttest_relResult": f"{_HERE}:TtestResult",
        },
    )
]

#: What a test gave until 1.9: two numbers by name. Today's has more, which these do not know.
TtestResult = namedtuple("TtestResult", "statistic pvalue")


def new_pchip(*args: Any) -> Any:
    """A PchipInterpolator until 0.18, whose coefficients were those of Bernstein's polynomials."""
    from scipy.interpolate import PchipInterpolator

    made = object.__new__(PchipInterpolator)
    made.__dict__["_bernstein"] = True
    return made


def new_tree(cls: Any) -> Any:
    """A cKDTree before its state."""
    return cls.__new__(cls)


def ufunc(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A ufunc by module and name: scikit-learn had a copy of expit once."""
    return ("scipy.special", "expit") if args == ("sklearn.utils.fixes", "expit") else args


def _held(state: Any) -> Any:
    """The attributes in a state, with or without slots."""
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
        return {**(state[0] or {}), **state[1]}
    return state


def piecewise(instance: Any, state: Any) -> Any:
    """A piecewise polynomial: coefficients and breakpoints, which today's keeps elsewhere."""
    held = _held(state)
    if not isinstance(held, dict) or "_xp" in held or "c" not in held:
        return (state,)
    if instance.__dict__.pop("_bernstein", False) or (
        type(instance).__name__ == "PchipInterpolator" and _is_bernstein(held["c"], held["x"])
    ):
        from scipy.interpolate import BPoly, PPoly

        bernstein = BPoly.construct_fast(held["c"], held["x"], held["extrapolate"], held.get("axis", 0))
        held = {**held, "c": PPoly.from_bernstein_basis(bernstein).c}
    made = type(instance).construct_fast(held["c"], held["x"], held["extrapolate"], held.get("axis", 0))
    instance.__dict__.update(made.__dict__)
    return None


def _is_bernstein(c: Any, x: Any) -> bool:
    """Whether coefficients are those of Bernstein's polynomials, as a PchipInterpolator had them until 1.4.

    The pieces of one meet at the breakpoints, which only one of the two readings makes true.
    """
    import numpy as np

    h = np.diff(x).reshape(-1, *(1,) * (c.ndim - 2))
    ends = sum(c[k] * h ** (len(c) - 1 - k) for k in range(len(c)))
    power = np.allclose(ends[:-1], c[-1, 1:])
    bernstein = np.allclose(c[-1, :-1], c[0, 1:])
    if power is not bernstein and (power or bernstein):
        return bool(bernstein)
    if len(x) > 2 and np.allclose(c[0], c[-1]):
        return False  # a constant, in both
    from pickle import UnpicklingError

    raise UnpicklingError(
        "this PchipInterpolator may be of SciPy 1.4 or before, which kept other coefficients, and has too few "
        "pieces to tell: read it with the SciPy that wrote it, or interpolate anew"
    )


def spline(instance: Any, state: Any) -> Any:
    """A BSpline: knots, coefficients and degree."""
    held = _held(state)
    if not isinstance(held, dict) or "t" not in held:
        return (state,)
    made = type(instance).construct_fast(
        held["t"], held["c"], held["k"], held["extrapolate"], held.get("axis", 0)
    )
    instance.__dict__.update(made.__dict__)
    return None


def grid(instance: Any, state: Any) -> Any:
    """A RegularGridInterpolator: made again of its grid and values."""
    if not isinstance(state, dict) or "_grid" in state or "grid" not in state:
        return (state,)
    instance.__init__(
        state["grid"],
        state["values"],
        method=state.get("method", "linear"),
        bounds_error=state.get("bounds_error", True),
        fill_value=state.get("fill_value"),
    )
    return None


def density(instance: Any, state: Any) -> Any:
    """A gaussian_kde: made again of its points, with the factor that it had."""
    if not isinstance(state, dict) or "cho_cov" in state or "dataset" not in state:
        return (state,)
    factor = state.get("factor")
    instance.__init__(state["dataset"], bw_method=factor, weights=state.get("_weights"))
    return None


def rotation(instance: Any, state: Any) -> Any:
    """A Rotation of 1.2 to 1.5: a dict."""
    if isinstance(state, dict) and "_quat" in state:
        made = type(instance).from_quat(state["_quat"][0] if state.get("_single") else state["_quat"])
        instance.__setstate__(made.__getstate__())
        return None
    return (state,)


def new_dok(cls: Any, *args: Any) -> Any:
    """A dok_matrix or dok_array, which was a dict until 1.11: as large as can be, until its state says how
    large."""
    import numpy as np

    made = cls.__new__(cls)
    made.__init__((2**31 - 1, 2**31 - 1), dtype=np.complex128)
    for places in args:
        made._dict.update(places)
    return made


def dok_state(instance: Any, state: Any) -> Any:
    """Its shape and type; what is in it came before."""
    if not isinstance(state, dict) or "_dict" in state:
        return (state,)
    import numpy as np

    kind = np.dtype(state.get("dtype", np.float64))
    real = kind.kind != "c"
    values = {
        place: kind.type(complex(value).real if real else value) for place, value in instance._dict.items()
    }
    instance.__init__(state["_shape"], dtype=kind)
    instance._dict.update(values)
    return None


def coo_state(state: Any) -> Any:
    """A coo_array until 1.12: rows and columns apart."""
    if isinstance(state, dict) and "row" in state and "coords" not in state:
        state = dict(state)
        state["coords"] = (state.pop("row"), state.pop("col"))
    return state


def tree_state(instance: Any, state: Any) -> Any:
    """A KDTree until 1.5 was written in Python: made again of its points."""
    if isinstance(state, dict) and "data" in state and "tree" in state:
        instance.__init__(state["data"], state.get("leafsize", 10))
        return None
    return (state,)


def ckdtree_state(instance: Any, state: Any) -> Any:
    """A cKDTree until 1.2: made again of its points."""
    if isinstance(state, tuple) and len(state) > 4 and isinstance(state[0], bytes):
        instance.__init__(state[1], state[4])
        return None
    return (state,)


SHAPES = [
    Shape(
        f"{_HERE}:new_pchip",
        create=f"{_HERE}:new_pchip",
        build=f"{_HERE}:piecewise",
        instances=["scipy.interpolate._cubic:PchipInterpolator"],
    ),
    Shape("scipy.spatial._ckdtree:cKDTree", build=f"{_HERE}:ckdtree_state"),
    Shape("scipy.spatial.ckdtree:cKDTree", build=f"{_HERE}:ckdtree_state"),
    *(
        Shape(f"{module}:_ufunc_reconstruct", arguments=f"{_HERE}:ufunc")
        for module in ("numpy._core", "numpy.core")
    ),
    *(
        Shape(f"scipy.interpolate._{module}:{name}", build=f"{_HERE}:piecewise")
        for module, names in (
            ("interpolate", "PPoly BPoly"),
            ("cubic", "CubicSpline PchipInterpolator Akima1DInterpolator CubicHermiteSpline"),
        )
        for name in names.split()
    ),
    # It had one function for each target only, before it had a mode.
    *(
        Shape(f"scipy.interpolate.{module}:Rbf", defaults={"mode": "1-D", "_target_dim": 1})
        for module in ("rbf", "_rbf")
    ),
    Shape("scipy.interpolate._bsplines:BSpline", build=f"{_HERE}:spline"),
    Shape("scipy.interpolate._rgi:RegularGridInterpolator", build=f"{_HERE}:grid"),
    Shape("scipy.stats._kde:gaussian_kde", build=f"{_HERE}:density"),
    Shape("scipy.spatial.transform._rotation:Rotation", build=f"{_HERE}:rotation"),
    *(
        Shape(f"scipy.sparse._dok:{name}", create=f"{_HERE}:new_dok", build=f"{_HERE}:dok_state")
        for name in ("dok_matrix", "dok_array")
    ),
    *(
        Shape(f"scipy.sparse._coo:{name}", state=f"{_HERE}:coo_state", shallow=True)
        for name in ("coo_matrix", "coo_array")
    ),
    Shape("scipy.spatial._kdtree:KDTree", build=f"{_HERE}:tree_state"),
]
