"""Objects of libraries, where these are installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

from .workload import InMemoryFile, OutOfBand, Workload


def row(name: str, make: Callable[[], object], **rest: object) -> Workload:
    return Workload("libraries", name, make, **rest)  # type: ignore[arg-type]


def workloads() -> Iterator[Workload]:
    for name, rows in (("attr", attrs), ("pydantic", pydantic), ("numpy", numpy), ("pandas", pandas)):
        if not missing(name):
            yield from rows(importlib.import_module(name))


def absent() -> list[str]:
    return [name for name in ("attr", "pydantic", "numpy", "pandas") if missing(name)]


def missing(name: str) -> bool:
    return importlib.util.find_spec(name) is None


def attrs(attr: Any) -> Iterator[Workload]:
    from . import with_attrs as a

    yield row("attrs classes", lambda: [a.Defined(n, "text", 0.5) for n in range(300)])
    yield row("frozen attrs classes", lambda: [a.Frozen(n, "text", 0.5) for n in range(300)])
    yield row("attrs classes with a dict", lambda: [a.WithDict(n, "text", 0.5) for n in range(300)])


def pydantic(module: Any) -> Iterator[Workload]:
    from . import with_pydantic as p

    yield row(
        "pydantic models", lambda: [p.Customer(id=n, name=f"name {n}", city="Rome") for n in range(300)]
    )
    yield row("one pydantic model", lambda: p.Customer(id=1, name="name", city="Rome"))
    yield row(
        "pydantic models in models",
        lambda: [p.Basket(owner=p.Customer(id=n, name="name", city="Rome"), items=[n]) for n in range(100)],
    )
    yield row("pydantic dataclasses", lambda: [p.Line(n, "text") for n in range(300)])


def numpy(np: Any) -> Iterator[Workload]:
    yield row("300 arrays of 8", lambda: [np.arange(8) + n for n in range(300)])
    yield row("one array of 8", lambda: np.arange(8))
    yield row("an array of 8 MB", lambda: np.arange(1 << 20), copying=True)
    yield row("an array of 8 MB, BytesIO", lambda: np.arange(1 << 20), way=InMemoryFile(), copying=True)
    yield row("an array of 8 MB, out of band", lambda: np.arange(1 << 20), way=OutOfBand(), dumps=False)
    yield row("an array of 200 kB, protocol 4", lambda: np.arange(25_000), protocol=4, copying=True)
    yield row("NumPy's scalars", lambda: [np.float64(n) for n in range(300)])
    yield row("datetime64s", lambda: [np.datetime64(n, "s") for n in range(300)])
    yield row("an array of objects", lambda: np.array([str(n) for n in range(300)], dtype=object))
    yield row("a structured array", lambda: np.zeros(50, dtype=[("a", "i4"), ("b", "f8")]))
    yield row("dtypes", lambda: [np.dtype("f8"), np.dtype("i4"), np.dtype([("a", "i4")])] * 30)


def pandas(pd: Any) -> Iterator[Workload]:
    def frame() -> object:
        return pd.DataFrame(
            {"a": range(500), "b": [n / 3 for n in range(500)], "c": [str(n) for n in range(500)]}
        )

    yield row("a DataFrame", frame, copying=True)
    yield row("a Series", lambda: pd.Series(range(500)), copying=True)
    yield row("Timestamps", lambda: [pd.Timestamp(2024, 1, 1, n % 24) for n in range(300)], copying=True)
    yield row("Timedeltas", lambda: [pd.Timedelta(n, "s") for n in range(300)], copying=True)
    yield row("a Categorical", lambda: pd.Categorical([str(n % 7) for n in range(500)]), copying=True)
    yield row("a DatetimeIndex", lambda: pd.date_range("2024-01-01", periods=500), copying=True)
