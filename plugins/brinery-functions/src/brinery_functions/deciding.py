"""What is written by value, and what by name. Without cloudpickle, which is imported when it has to write."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types
    from collections.abc import Iterable

__all__ = ["ByValue"]

#: These have names under which nobody finds them, and a form of their own in every pickle.
_SINGLETONS = (type(None), type(...), type(NotImplemented))


class ByValue:
    """Decides for functions, classes and modules; NotImplemented leaves the object to the built-in way.

    modules  names of modules that are taken by value, with those beneath them.
    main     whether ``__main__`` is.
    """

    def __init__(self, modules: Iterable[str] = (), main: bool = True) -> None:
        self.modules = frozenset(modules)
        self.main = main
        wrong = [name for name in self.modules if not isinstance(name, str)]
        if wrong:
            raise TypeError(f"the option modules is a list of modules' names; {wrong[0]!r} is none")

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
