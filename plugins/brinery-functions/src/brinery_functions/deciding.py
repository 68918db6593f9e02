"""What is written by value, and what by name. Without cloudpickle, which is imported when it has to write."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from brinery.errors import ChoiceError, WriteError
from brinery.wording import is_near, nearest

if TYPE_CHECKING:
    import types
    from collections.abc import Iterable

__all__ = ["ByValue"]

#: These have names under which nobody finds them, and a form of their own in every pickle.
_SINGLETONS = (type(None), type(...), type(NotImplemented))


_lru_cache_wrapper: Any = getattr(functools, "_lru_cache_wrapper")  # noqa: B009  # not in the stubs
_CacheInfo: Any = getattr(functools, "_CacheInfo")  # noqa: B009


def _is_there(module: str) -> bool:
    """Whether it may be imported; its packages are not imported for that."""
    from importlib.util import find_spec

    return find_spec(module.partition(".")[0]) is not None


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
            # One that is nowhere here may be meant all the same: where a profile has travelled to.
            if name not in sys.modules and is_near(name, sys.modules) and not _is_there(name):
                raise ChoiceError(
                    f"the option modules of brinery-functions names {name!r}, and there is no such module"
                    + nearest(name, sys.modules, "modules")
                )

    def reduce_function(self, function: types.FunctionType) -> Any:
        """For functions written in Python."""
        if self.is_by_name(function):
            return NotImplemented
        from brinery_functions.writing import function_by_value

        return function_by_value(function)

    def reduce_class(self, cls: type) -> Any:
        """For classes of every metaclass."""
        if cls in _SINGLETONS or self.is_by_name(cls):
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
