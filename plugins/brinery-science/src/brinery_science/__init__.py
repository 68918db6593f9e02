"""Old pickles of NumPy, pandas, scikit-learn, SciPy and their neighbours, read with the versions that are
installed.

For each library there is a module with data, what its names were, what its states were, and with the
functions that mend them, which import the library when they are called. Nothing here imports a library
before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from brinery import NameTable, Option, Shape, TextRule, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

__all__ = ["LIBRARIES", "brinery_name_tables", "brinery_options", "brinery_shapes", "brinery_text_rules"]

#: The libraries, each with the module of this package that has its rules.
LIBRARIES = {
    "numpy": "of_numpy",
    "pandas": "of_pandas",
    "scikit-learn": "of_sklearn",
    "joblib": "of_joblib",
    "scipy": "of_scipy",
    "sympy": "of_sympy",
    "networkx": "of_networkx",
    "statsmodels": "of_statsmodels",
    "pytz": "of_pytz",
    "pillow": "of_pillow",
    "attrs": "of_attrs",
    "dateutil": "of_dateutil",
    "django": "of_django",
    "nltk": "of_nltk",
    "pendulum": "of_pendulum",
    "sqlalchemy": "of_sqlalchemy",
}


@hookimpl
def brinery_options() -> Iterator[Option]:
    yield Option(
        "without", str, "", f"libraries to leave alone, separated by commas: some of {', '.join(LIBRARIES)}"
    )


def _modules(options: Mapping[str, object]) -> Iterator[ModuleType]:
    left_out = {name.strip() for name in str(options["without"]).split(",") if name.strip()}
    if unknown := left_out - LIBRARIES.keys():
        raise ValueError(f"the option 'without' names {min(unknown)!r}; there are {', '.join(LIBRARIES)}")
    for name in dict.fromkeys(module for library, module in LIBRARIES.items() if library not in left_out):
        yield import_module(f"{__name__}.{name}")


@hookimpl
def brinery_name_tables(options: Mapping[str, object]) -> Iterator[NameTable]:
    # Of extension types, for Python 2's protocols 0 and 1; what stands in is brinery's own function.
    yield NameTable(
        "instances of Python 2", stand_ins={"copyreg:_reconstructor": "brinery.engine.shaping:reconstruct"}
    )
    for module in _modules(options):
        yield from getattr(module, "NAMES", ())


@hookimpl
def brinery_shapes(options: Mapping[str, object]) -> Iterator[Shape]:
    for module in _modules(options):
        yield from getattr(module, "SHAPES", ())


@hookimpl
def brinery_text_rules(options: Mapping[str, object]) -> Iterator[TextRule]:
    for name in ("date", "datetime", "time"):
        yield TextRule(f"datetime:{name}", arguments={0: "bytes"})
    for module in _modules(options):
        yield from getattr(module, "TEXTS", ())
