"""What is written by value, and what by name. Without cloudpickle, which is imported when it has to write."""

from __future__ import annotations

import functools
import sys
import warnings
from typing import TYPE_CHECKING, Any

from brinery.errors import ChoiceError, PluginWarning, WriteError
from brinery.recipes import is_elsewhere
from brinery.wording import is_near, nearest

if TYPE_CHECKING:
    import types
    from collections.abc import Iterable

__all__ = ["ByValue"]

#: These have names under which nobody finds them, and a form of their own in every pickle.
_SINGLETONS = (type(None), type(...), type(NotImplemented))

#: What stands between this plugin and the program.
_BETWEEN = ("brinery", "brinery_functions", "pluggy")

_lru_cache_wrapper: Any = getattr(functools, "_lru_cache_wrapper")  # noqa: B009  # not in the stubs
_CacheInfo: Any = getattr(functools, "_CacheInfo")  # noqa: B009


def _is_there(module: str) -> bool:
    """Whether it may be imported, as far as that can be told without importing its packages."""
    from importlib.util import find_spec

    if any(known == module or known.startswith(f"{module}.") for known in list(sys.modules)):
        return True
    package, _, _ = module.rpartition(".")
    try:
        if package in sys.modules or not package:
            return find_spec(module) is not None
    except (ImportError, ValueError):  # the package is none, or a module that was made by hand
        return False
    return _is_there(package)


def _warn(module: str) -> None:
    """At the program's own line."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _BETWEEN:
        level, frame = level + 1, frame.f_back
    near = nearest(module, sys.modules, "modules") if is_near(module, sys.modules) else ""
    warnings.warn(
        f"the option modules of brinery-functions names {module!r}, and there is no such module here{near}",
        PluginWarning,
        stacklevel=level,
    )


class ByValue:
    """Decides for functions, classes and modules; NotImplemented leaves the object to the built-in way.

    modules  names of modules that are taken by value, with those beneath them.
    main     whether ``__main__`` is.
    """

    def __init__(self, modules: Iterable[str] = (), main: bool = True) -> None:
        self.modules = frozenset(modules)
        self.main = main
        for name in self.modules:
            if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
                raise ChoiceError(
                    f"the option modules of brinery-functions is a list of modules' names, such as "
                    f"['my_experiment', 'package.part']; {name!r} is none"
                )
            # Where a profile has travelled to they need not be; and a module may be made later.
            if not is_elsewhere() and not _is_there(name):
                _warn(name)

    def reduce_function(self, function: types.FunctionType) -> Any:
        """For functions written in Python."""
        if self.is_by_name(function):
            return NotImplemented
        from brinery_functions.writing import function_by_value

        return function_by_value(function)

    def reduce_class(self, cls: type) -> Any:
        """For classes of every metaclass."""
        # By identity: a metaclass may have an == of its own.
        if any(cls is one for one in _SINGLETONS) or self.is_by_name(cls):
            return NotImplemented
        from brinery_functions.writing import class_by_value

        return class_by_value(cls)

    def reduce_cached(self, cached: Any) -> Any:
        """For what ``functools.lru_cache`` and ``functools.cache`` make: the function, and an empty cache."""
        if self.is_by_name(cached):
            return NotImplemented
        parameters = cached.cache_parameters()
        arguments = cached.__wrapped__, parameters["maxsize"], parameters["typed"], _CacheInfo
        return _lru_cache_wrapper, arguments, dict(vars(cached))

    def reduce_cached_property(self, made: Any) -> Any:
        """For a ``functools.cached_property`` of a class: without its lock, as up to Python 3.11."""
        if type(made) is not functools.cached_property:
            return NotImplemented
        state = {name: value for name, value in vars(made).items() if name not in ("func", "lock")}
        return type(made), (made.func,), state

    def reduce_new_type(self, made: Any) -> Any:
        """For what ``typing.NewType`` makes: its name, and what it is a type of."""
        if self.is_by_name(made):
            return NotImplemented
        return type(made), (made.__name__, made.__supertype__), dict(vars(made))

    def refuse(self, obj: Any) -> Any:
        """For what has no value but its name, and so no reader finds."""
        module = getattr(obj, "__module__", None)
        if not isinstance(module, str) or not self.takes(module):
            return NotImplemented
        raise WriteError(
            f"{module}.{obj.__name__}, a {type(obj).__name__}, cannot be written by value, and by name no "
            f"other process finds it in {module}: move it to a module that the reader can import"
        )

    def reduce_module(self, module: types.ModuleType) -> Any:
        """A module is a name where it can be imported."""
        from brinery_functions.writing import module_by_name, module_by_value

        name = module.__name__
        if sys.modules.get(name) is module and not self.takes(name):
            return module_by_name(module)
        return module_by_value(module)

    def reduce_method(self, method: types.MethodType) -> Any:
        """A bound method is its object and a name, unless it is not found under that name."""
        try:
            if getattr(method.__self__, method.__name__) == method:
                return NotImplemented
        except Exception:  # whatever a __getattr__ raises
            pass
        from brinery_functions.writing import method_by_value

        return method_by_value(method)

    def reduce_type_variable(self, variable: Any) -> Any:
        """A type variable has no value but its name where it can be found."""
        if self.is_by_name(variable):
            return NotImplemented
        from brinery_functions.writing import reduce_part

        return reduce_part(variable)

    def is_by_name(self, obj: Any) -> bool:
        """Whether a reader finds `obj` under its name, and is meant to."""
        module = getattr(obj, "__module__", None)
        name = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None)
        if not isinstance(module, str) or not isinstance(name, str) or self.takes(module):
            return False
        # What is not loaded under its module's name was made by other means than importing it.
        found = sys.modules.get(module)
        for part in name.split("."):
            try:
                found = getattr(found, part)
            except AttributeError:
                return False
        return found is obj

    def takes(self, module: str) -> bool:
        """Whether what is in `module` is written by value."""
        if module == "__main__":
            return self.main
        if not self.modules:
            return False
        parts = module.split(".")
        return any(".".join(parts[: i + 1]) in self.modules for i in range(len(parts)))
