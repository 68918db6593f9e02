"""The engines: what turns objects into bytes and back, driven by plans.

There are two, with one behaviour: ``brinery.engine.python`` reads like the specification,
``brinery.engine.compiled`` is fast. Each is a module that exposes

``Pickler``, ``Unpickler``
    the classes people subclass; a class attribute ``_plan_source`` (a callable without arguments)
    gives them their WritePlan or ReadPlan when they are constructed.
``Dumper``, ``Loader``
    the functions ``dump``/``dumps`` and ``load``/``loads`` as bound methods around one plan.

An engine knows nothing of plugins, entry points or profiles.
"""

from __future__ import annotations

import os
import sys
from functools import cache

from brinery.interpreters import in_main_interpreter
from brinery.lean_typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

__all__ = ["BUILD_IT", "ENGINES", "TIMES_SLOWER", "EngineStatus", "choose", "get", "say_where_from", "status"]

#: The engines' names, fastest first: the order in which :func:`choose` tries them.
ENGINES = ("compiled", "python")


#: How much longer the Python engine takes than the standard module, as the program is told: to write, to read
#: (tests/benchmarks --engine python --beside C, geometric means on 3.11).
TIMES_SLOWER = (20, 12)

#: What to do where the compiled engine is not there.
BUILD_IT = (
    "install a C compiler and Python's header files (such as gcc and python3-dev), then"
    " pip install --force-reinstall --no-binary brinery brinery"
)


class EngineStatus(NamedTuple):
    """Which engine is in use (`name`), and why (`reason`, one sentence).

    `remedy` is what to do to have the compiled one; "" where nothing has to be done, or nothing can.
    """

    name: str
    reason: str
    remedy: str = ""


@cache
def get(name: str) -> ModuleType:
    """The engine of that name.

    Raises ValueError for a name that is no engine's, and ImportError where the engine is not built.
    """
    if name not in ENGINES:
        from brinery.urls import redacted

        raise ValueError(f"no engine is called {redacted(repr(name))}; there are: {', '.join(ENGINES)}")
    # importlib, a half millisecond to import, does no more for it.
    module: ModuleType = __import__(f"{__name__}.{name}", fromlist=["Pickler"])
    return module


def say_where_from(*functions: Any) -> None:
    """Set ``__module__`` of an engine's bound methods, where it is None: those of the compiled one."""
    for function in functions:
        if function.__module__ is None:
            function.__module__ = "brinery"


def choose() -> ModuleType:
    """The engine that brinery's own functions and classes use (see :func:`status`)."""
    return get(status().name)


@cache
def status() -> EngineStatus:
    """Choose the engine, once per process.

    ``BRINERY_ENGINE`` names it, and an engine that was named and is missing raises ImportError;
    where that is unset or empty, it is the compiled engine if it was built, else the Python one. A
    free-threaded Python that runs without the GIL gets the Python one too: importing the other turns the
    GIL on for the whole process, which a drop-in must not do unasked. So does any interpreter of the process
    but the main one, as the other can be in one only; there, nothing can insist on it.
    """
    wanted = os.environ.get("BRINERY_ENGINE", "")
    if wanted == "compiled" and not in_main_interpreter():
        wanted = ""  # it was said to the process, and holds where that can be
    if wanted:
        try:
            get(wanted)
        except (ImportError, ValueError) as failed:
            # The variable may have been set far away from where this is met.
            raise type(failed)(f"BRINERY_ENGINE={wanted} cannot be used: {failed}") from failed
        return EngineStatus(wanted, f"BRINERY_ENGINE={wanted} asks for it")
    if not getattr(sys, "_is_gil_enabled", lambda: True)():  # from Python 3.13 on
        return EngineStatus("python", "the GIL is off; the compiled one needs it (BRINERY_ENGINE=compiled)")
    if not in_main_interpreter():
        return EngineStatus("python", "the compiled one serves a process's main interpreter only")
    try:
        built = get("compiled")
    except ImportError as missing:
        remedy = BUILD_IT if sys.implementation.name == "cpython" else ""
        return EngineStatus("python", f"the compiled engine cannot be imported: {missing}", remedy)
    mode = "" if built.MODE == "private" else " in public mode (by documented interfaces alone)"
    return EngineStatus("compiled", f"it was built{mode}, and BRINERY_ENGINE asks for no other")
