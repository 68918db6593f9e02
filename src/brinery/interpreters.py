"""The interpreters of one process: which one this is, and what the others cannot load."""

from __future__ import annotations

import _thread
import sys
import warnings
from contextlib import contextmanager

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["foreign_is_none", "in_main_interpreter", "load_sources"]


def in_main_interpreter() -> bool:
    """Whether this is the process's main interpreter; where there is no way to tell, it is."""
    is_main: Callable[[], bool] | None = getattr(_thread, "_is_main_interpreter", None)  # from Python 3.13 on
    if is_main is not None:
        return is_main()
    try:
        interpreters = __import__("_xxsubinterpreters")
    except ImportError:
        return True
    return bool(interpreters.get_current() == interpreters.get_main())


#: What Cython warns of: "compile time Python version 3.11 of module 'm' does not match runtime version 3.12",
#: and "builtins.type size changed, may indicate binary incompatibility".
_FOREIGN = "compile ?time Python version |.* size changed, may indicate binary incompatibility"


@contextmanager
def foreign_is_none() -> Iterator[None]:
    """Within it, an extension module that was built for another version of Python raises ImportError.

    Its file's name says which one it is for, but files are copied and renamed. Cython warns of it before the
    module does anything, and what it would do then may end the process. What else is warned of meanwhile
    stays a warning.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("error", _FOREIGN, RuntimeWarning)
        try:
            yield
        except RuntimeWarning as foreign:
            raise ImportError(f"it was built for another Python: {foreign}") from foreign


def load_sources(package: str, folder: str, names: Sequence[str]) -> None:
    """Load these modules of `package` from their Python sources in `folder`, in that order.

    For an interpreter other than the main one: Cython's extension modules can be loaded in one interpreter of
    a process only, and an import finds them before the source beside them.
    """
    from importlib.util import module_from_spec, spec_from_file_location

    for name in names:
        spec = spec_from_file_location(f"{package}.{name}", f"{folder}/{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
