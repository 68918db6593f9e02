"""pandas: from 0.7 to the one that is installed. Names, and objects whose parts were others."""

from __future__ import annotations

from typing import Any

from brinery import NameTable, Shape

_BASE = "pandas.core.indexes.base:Index"
_PANEL = (
    "it was removed in pandas 0.25: read it with 0.24, and convert it with to_frame() or, for labelled axes, "
    "to_xarray()"
)
_SPARSE = (
    "it was removed in pandas 1.0, and its state is not one that today's classes can take: read it with pandas 0.25, "
    "and convert it, frame.astype(SparseDtype(...))"
)

NAMES = [
    NameTable(
        "pandas",
        # These are there, and do something else today.
        read={
            "pandas.core.internals.blocks:new_block": "pandas._libs.internals:_unpickle_block",
            "pandas._libs.tslib:Timestamp": "pandas._libs.tslibs.timestamps:Timestamp",
            "pandas.tslib:Timestamp": "pandas._libs.tslibs.timestamps:Timestamp",
            # And what an extension module held once, which nobody can ask without importing it.
            "pandas._libs.tslib:Timedelta": "pandas._libs.tslibs.timedeltas:Timedelta",
            "pandas.tslib:Timedelta": "pandas._libs.tslibs.timedeltas:Timedelta",
        },
        fallback={
            "pandas._period:Period": "pandas._libs.tslibs.period:Period",
            "pandas._libs.period:Period": "pandas._libs.tslibs.period:Period",
            "pandas.tslib": "pandas._libs.tslib",
            "pandas._libs.tslib:__nat_unpickle": "pandas._libs.tslibs.nattype:_nat_unpickle",
            "pandas._libs.tslib:_delta_to_nanoseconds": "pandas._libs.tslibs.timedeltas:delta_to_nanoseconds",
            "pandas._libs.tslibs.nattype:__nat_unpickle": "pandas._libs.tslibs.nattype:_nat_unpickle",
            "pandas._sparse": "pandas._libs.sparse",
            "pandas.sparse.array": "pandas.core.arrays.sparse.array",
            "pandas.core.sparse.array": "pandas.core.arrays.sparse.array",
            "pandas.core.arrays.sparse.dtype": "pandas.core.dtypes.dtypes",
            "pandas.core.arrays.sparse:SparseDtype": "pandas.core.dtypes.dtypes:SparseDtype",
            "pandas.core.base:FrozenNDArray": "numpy:ndarray",
            "pandas.core.indexes.frozen:FrozenNDArray": "numpy:ndarray",
            "pandas.core.base:FrozenList": "pandas.core.indexes.frozen:FrozenList",
            "pandas.core.categorical": "pandas.core.arrays.categorical",
            "pandas.core.common:CategoricalDtype": "pandas.core.dtypes.dtypes:CategoricalDtype",
            "pandas.types.dtypes": "pandas.core.dtypes.dtypes",
            "pandas.core.series:TimeSeries": "pandas.core.series:Series",
            "pandas.core.index": "pandas.core.indexes.base",
            "pandas.core.index:CategoricalIndex": "pandas.core.indexes.category:CategoricalIndex",
            "pandas.core.index:MultiIndex": "pandas.core.indexes.multi:MultiIndex",
            "pandas.core.index:RangeIndex": "pandas.core.indexes.range:RangeIndex",
            "pandas.indexes.*": "pandas.core.indexes.*",
            **{
                f"{module}:{name}": _BASE
                for module in ("pandas.core.index", "pandas.indexes.numeric", "pandas.core.indexes.numeric")
                for name in ("Int64Index", "Float64Index", "UInt64Index")
            },
            "pandas.tseries.index": "pandas.core.indexes.datetimes",
            "pandas.tseries.tdi": "pandas.core.indexes.timedeltas",
            "pandas.tseries.period": "pandas.core.indexes.period",
            "pandas.tseries.period:Period": "pandas._libs.tslibs.period:Period",
            **{
                f"{module}.{what}:Sparse{name}": f"pandas.core.{what}:{plain}"
                for module in ("pandas.sparse", "pandas.core.sparse")
                for what, name, plain in (
                    ("series", "Series", "Series"),
                    ("series", "TimeSeries", "Series"),
                    ("frame", "DataFrame", "DataFrame"),
                )
            },
        },
        gone={"pandas.core.panel": _PANEL, "pandas.core.panel:Panel": _PANEL},
    )
]


# New objects: what today's extension types are made with before their state comes


def manager_state(instance: Any, state: Any) -> Any:
    """A BlockManager before 0.14: axes, the blocks' values and their items, which are places today."""
    import pandas as pd

    if not isinstance(state, tuple) or len(state) not in (3, 4) or (len(state) == 4 and "0.14.1" in state[3]):
        return (state,)
    axes, values, items = (
        [axis if isinstance(axis, pd.Index) else pd.Index(axis) for axis in state[0]],
        state[1],
        state[2],
    )
    places = [range(len(axes[0]))] if len(axes) == 1 else [axes[0].get_indexer(each) for each in items]
    import numpy as np

    blocks = [
        {"values": value, "mgr_locs": np.asarray(place, dtype=np.intp)}
        for value, place in zip(values, places, strict=False)
    ]
    return ((axes, list(values), list(items), {"0.14.1": {"axes": axes, "blocks": blocks}}),)


def block_manager(cls: Any, *args: Any) -> Any:
    """A BlockManager, empty until its state comes."""
    return cls.__new__(cls, *(args or ((), [], False)))


def offset(cls: Any, *args: Any, **named: Any) -> Any:
    """An offset: until 1.0 its state came later."""
    return cls(*args, **named) if args or named else cls.__new__(cls)


def backed(cls: Any, *args: Any) -> Any:
    """A Categorical, DatetimeArray, TimedeltaArray or PeriodArray before its state."""
    from pandas._libs.arrays import NDArrayBacked

    return NDArrayBacked.__new__(cls)


def bare(cls: Any, *args: Any) -> Any:
    """An Index or a SparseArray, which once was an array, before its state."""
    return object.__new__(cls)


def timestamp(cls: Any, *args: Any, **named: Any) -> Any:
    """A Timestamp; until 1.2 its arguments were nanoseconds, a frequency and a time zone."""
    from pandas._libs.tslibs.timestamps import _unpickle_timestamp

    if (
        len(args) == 3
        and isinstance(args[0], int)
        and not (isinstance(args[1], int) and isinstance(args[2], int))
    ):
        return _unpickle_timestamp(args[0], None, args[2])
    return cls(*args, **named)


# States


_TO_MIDNIGHT = {"MonthEnd", "BusinessMonthEnd", "LastWeekOfMonth", "WeekOfMonth"}


def offset_state(instance: Any, state: Any) -> Any:
    """An offset's state was a dict, and ``__new__`` had no arguments: it is initialized again with what was
    in it."""
    if not isinstance(state, dict):
        return (state,)
    held = {**state.get("kwds", {}), **{k: v for k, v in state.items() if k != "kwds"}}
    if "_offset" in held and "offset" not in held:
        held["offset"] = held["_offset"]
    if type(instance).__name__ == "DateOffset":
        if "kwds" not in state:
            return (state,)
        named = dict(state["kwds"])
    else:
        named = {
            name: held[name]
            for name in instance._attributes
            if name in held and name not in ("n", "normalize")
        }
        if "calendar" in named:
            del named["calendar"]  # made from weekmask and holidays
        if "holidays" in named:
            named["holidays"] = tuple(named["holidays"])
    # Until 0.13 there was no choice: some offsets went to midnight.
    normalize = held.get("normalize", type(instance).__name__ in _TO_MIDNIGHT)
    instance.__init__(held.get("n", 1), normalize, **named)
    return None


def frame_state(instance: Any, state: Any) -> Any:
    """A DataFrame or Series: until 0.12 a frame's state was its manager, and a series was an array."""
    import numpy as np
    import pandas as pd

    if hasattr(state, "axes") and not isinstance(state, (dict, tuple)):
        _become(instance, pd.DataFrame._from_mgr(state, axes=state.axes))
        return None
    if isinstance(state, dict) and "_typ" not in state and ("_data" in state or "_mgr" in state):
        manager: Any = state.get("_mgr", state.get("_data"))
        cls = pd.Series if isinstance(instance, pd.Series) else pd.DataFrame
        _become(instance, cls._from_mgr(manager, axes=manager.axes))
        if cls is pd.Series:
            instance._name = state.get("name", state.get("_name"))
        return None
    if isinstance(state, tuple) and state and isinstance(state[0], tuple) and isinstance(instance, pd.Series):
        values = np.ndarray.__new__(np.ndarray, (0,), dtype="i8")
        values.__setstate__(state[0])
        own: Any = state[1] if len(state) > 1 else ()
        _become(
            instance, pd.Series(values, index=own[0] if own else None, name=own[1] if len(own) > 1 else None)
        )
        return None
    return (state,)


def index_state(instance: Any, state: Any) -> Any:
    """An Index that once was an array: the array's state, and what the index had of its own."""
    import numpy as np

    if not (isinstance(state, tuple) and state and (isinstance(state[0], tuple) or len(state) in (4, 5))):
        return (state,)
    array_state, own = state if isinstance(state[0], tuple) and len(state) == 2 else (state, ())
    values = np.ndarray.__new__(np.ndarray, (0,), dtype="i8")
    values.__setstate__(array_state)
    _become(instance, _index(type(instance), values, own))
    return None


def _index(cls: Any, values: Any, own: Any) -> Any:
    import pandas as pd

    if issubclass(cls, pd.MultiIndex):
        levels, codes, order, names = own
        return pd.MultiIndex(levels, codes, sortorder=order, names=names, verify_integrity=False)
    name = own[0] if own else None
    if issubclass(cls, pd.DatetimeIndex):
        zone = own[2] if len(own) > 2 else None
        made = pd.DatetimeIndex(values.astype("M8[ns]"), name=name)
        return made.tz_localize("UTC").tz_convert(zone) if zone is not None else made
    if issubclass(cls, pd.TimedeltaIndex):
        return pd.TimedeltaIndex(values.astype("m8[ns]"), name=name)
    if issubclass(cls, pd.PeriodIndex):
        frequency = own[1]
        return pd.PeriodIndex(_periods(values, frequency), name=name)
    return pd.Index(values, name=name, dtype=values.dtype)


def _periods(ordinals: Any, frequency: Any) -> Any:
    import pandas as pd

    dtype = frequency if isinstance(frequency, pd.PeriodDtype) else pd.PeriodDtype(frequency)
    return pd.arrays.PeriodArray(ordinals.astype("i8"), dtype=dtype)


def _become(instance: Any, made: Any) -> None:
    instance.__dict__.update(made.__dict__)


def sparse_state(instance: Any, state: Any) -> Any:
    """A SparseArray that once was an array of its values: their state, the fill value and where they are."""
    import numpy as np
    import pandas as pd

    if not (isinstance(state, tuple) and len(state) == 2 and isinstance(state[0], tuple)):
        return (state,)
    values = np.ndarray.__new__(np.ndarray, (0,), dtype="f8")
    values.__setstate__(state[0])
    fill, places = state[1][:2]
    _become(instance, pd.arrays.SparseArray(np.asarray(values), sparse_index=places, fill_value=fill))
    return None


def period_dtype(cls: Any, *args: Any) -> Any:
    """A PeriodDtype; from 0.24 to 1.0 its frequency came with the state, when today's has long been made of
    it."""
    if not args:
        from pickle import UnpicklingError

        raise UnpicklingError(
            "a PeriodDtype of pandas 0.24 to 1.0 was written without its frequency, which today's is made of: read "
            "it with pandas 1.0 to 1.5, and write it again"
        )
    return cls(*args)


def period(cls: Any, *args: Any, **named: Any) -> Any:
    """A Period; in 0.13 what it is came with the state, which today's, made without it, does not take: it is
    NaT."""
    if not args and not named:
        from pickle import UnpicklingError

        raise UnpicklingError(
            "a Period of pandas 0.13 or before was written in a way that today's Period cannot take, and would be NaT: "
            "read it with the pandas that wrote it, and write its text and its frequency"
        )
    return cls(*args, **named)


def new_index(function: Any, cls: Any, held: dict[str, Any]) -> Any:
    """``_new_Index``: what an index was made of. A PeriodIndex was made of ordinals and a frequency."""
    import pandas as pd

    if issubclass(cls, pd.PeriodIndex) and "freq" in held:
        return pd.PeriodIndex(_periods(held["data"], held["freq"]), name=held.get("name"))
    if issubclass(cls, pd.CategoricalIndex):
        held = {name: value for name, value in held.items() if name not in ("categories", "ordered")}
    return function(cls, held)


def interval_state(instance: Any, state: Any) -> Any:
    """An IntervalArray until 1.2: its type follows from the bounds."""
    import pandas as pd

    if isinstance(state, dict) and "_left" in state and "_dtype" not in state:
        state = dict(state)
        state["_dtype"] = pd.IntervalDtype(state["_left"].dtype, state.pop("_closed", "right"))
        instance.__dict__.update(state)
        return None
    return (state,)


def string_dtype(cls: Any, *args: Any) -> Any:
    """A StringDtype of 1.0 to 1.2 was made without arguments: what is missing was NA."""
    import pandas as pd

    return cls(*args) if args else cls("python", pd.NA)


def categorical_state(instance: Any, state: Any) -> Any:
    """A Categorical: until 0.20 with categories and order of its own in place of a dtype, first called
    levels."""
    import pandas as pd

    if not isinstance(state, dict):
        return (state,)
    state = dict(state)
    for old, new in (("labels", "_codes"), ("_levels", "_categories"), ("levels", "_categories")):
        if old in state and new not in state:
            state[new] = state.pop(old)
    if "_dtype" not in state and "_categories" in state:
        ordered = state.get("_ordered", state.get("ordered", False))
        state["_dtype"] = pd.CategoricalDtype(state.pop("_categories"), bool(ordered))
    codes = state["_codes"]
    instance.__setstate__((codes, state["_dtype"]) if False else {"_codes": codes, "_dtype": state["_dtype"]})
    return None


def period_array(instance: Any, state: Any) -> Any:
    """A PeriodArray until 1.2: ordinals and a dtype."""
    if isinstance(state, dict) and "_data" in state:
        dtype = state.get("_dtype")
        instance.__setstate__((dtype, state["_data"], {}))
        return None
    return (state,)


_HERE = "brinery_science.of_pandas"
_EXTENSION = ("copyreg:_reconstructor",)
_ARRAYS = "numpy._core.multiarray:_reconstruct", "numpy.core.multiarray:_reconstruct"

SHAPES = [
    *(
        Shape(
            f"pandas.core.internals.managers:{name}",
            create=f"{_HERE}:block_manager",
            build=f"{_HERE}:manager_state",
            through=_EXTENSION,
        )
        for name in ("BlockManager", "SingleBlockManager")
    ),
    *(
        Shape(
            f"pandas.core.internals:{name}",
            create=f"{_HERE}:block_manager",
            build=f"{_HERE}:manager_state",
            through=_EXTENSION,
        )
        for name in ("BlockManager", "SingleBlockManager")
    ),
    Shape(
        "pandas.core.arrays.categorical:Categorical",
        create=f"{_HERE}:backed",
        build=f"{_HERE}:categorical_state",
        through=_EXTENSION,
    ),
    Shape("pandas.core.arrays.datetimes:DatetimeArray", create=f"{_HERE}:backed", through=_EXTENSION),
    Shape("pandas.core.arrays.timedeltas:TimedeltaArray", create=f"{_HERE}:backed", through=_EXTENSION),
    Shape(
        "pandas.core.arrays.period:PeriodArray",
        create=f"{_HERE}:backed",
        build=f"{_HERE}:period_array",
        through=["pandas._libs.tslibs.period:__pyx_unpickle_PeriodMixin", *_EXTENSION],
    ),
    *(
        Shape(name, create=f"{_HERE}:bare", build=f"{_HERE}:index_state", through=_ARRAYS)
        for name in (
            _BASE,
            "pandas.core.indexes.datetimes:DatetimeIndex",
            "pandas.core.indexes.timedeltas:TimedeltaIndex",
            "pandas.core.indexes.period:PeriodIndex",
            "pandas.core.indexes.multi:MultiIndex",
        )
    ),
    Shape("pandas.core.series:Series", create=f"{_HERE}:bare", build=f"{_HERE}:frame_state", through=_ARRAYS),
    Shape("pandas.core.frame:DataFrame", build=f"{_HERE}:frame_state"),
    Shape("pandas.core.arrays.interval:IntervalArray", build=f"{_HERE}:interval_state"),
    Shape(
        "pandas.core.arrays.sparse.array:SparseArray",
        create=f"{_HERE}:bare",
        build=f"{_HERE}:sparse_state",
        through=_ARRAYS,
    ),
    Shape("pandas._libs.tslibs.timestamps:Timestamp", create=f"{_HERE}:timestamp"),
    Shape("pandas:Timestamp", create=f"{_HERE}:timestamp"),
    Shape(f"{_BASE.partition(':')[0]}:_new_Index", create=f"{_HERE}:new_index"),
    Shape("pandas._libs.tslibs.period:Period", create=f"{_HERE}:period"),
    Shape("pandas.core.dtypes.dtypes:PeriodDtype", create=f"{_HERE}:period_dtype"),
    Shape("pandas.core.arrays.string_:StringDtype", create=f"{_HERE}:string_dtype"),
    *(
        Shape(
            f"{module}:{name}",
            create=f"{_HERE}:offset",
            build=f"{_HERE}:offset_state",
            through=_EXTENSION,
        )
        for module in ("pandas.tseries.offsets", "pandas._libs.tslibs.offsets", "pandas")
        for name in (
            "BDay BMonthBegin BMonthEnd BQuarterBegin BQuarterEnd BYearBegin BYearEnd BusinessDay BusinessHour "
            "BusinessMonthBegin BusinessMonthEnd CBMonthBegin CBMonthEnd CDay CustomBusinessDay CustomBusinessHour "
            "CustomBusinessMonthBegin CustomBusinessMonthEnd DateOffset Day Easter FY5253 FY5253Quarter Hour "
            "LastWeekOfMonth Micro Milli Minute MonthBegin MonthEnd Nano QuarterBegin QuarterEnd Second "
            "SemiMonthBegin SemiMonthEnd Week WeekOfMonth YearBegin YearEnd"
        ).split()
    ),
]
