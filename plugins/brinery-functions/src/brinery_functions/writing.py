"""How functions and classes are written by value: as cloudpickle writes them.

cloudpickle decides and writes within its own Pickler. What is used of it here is how it writes: the
methods and functions that its Pickler is made of. pyproject.toml says which versions have them.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import cloudpickle
from cloudpickle import cloudpickle as parts

if TYPE_CHECKING:
    import types

__all__ = [
    "class_by_value",
    "function_by_value",
    "method_by_value",
    "module_by_name",
    "module_by_value",
    "reduce_part",
]

_NAMESPACE = ("__package__", "__name__", "__path__", "__file__")
_KEPT = 10_000


class _Writing(cloudpickle.Pickler):  # type: ignore[misc, unused-ignore]  # it has no types
    """Reduces functions, and pickles nothing.

    Functions that share their globals share them when they are read, if one stream holds them: cloudpickle
    keeps a dict for each namespace, which is one object for the memo. A reducer does not know which dump
    it is asked in, so the dicts are kept here for good. They hold four names of a module, and never change.
    """

    globals_ref: dict[int, dict[str, object]]

    def _function_getnewargs(self, function: types.FunctionType) -> Any:
        namespace = function.__globals__
        kept = self.globals_ref.get(id(namespace))
        # Another namespace may have had that id once.
        if kept is not None and kept != {name: namespace[name] for name in _NAMESPACE if name in namespace}:
            del self.globals_ref[id(namespace)]
        if len(self.globals_ref) > _KEPT:
            self.globals_ref = {}
        return super()._function_getnewargs(function)


_writing = _Writing(io.BytesIO())


def function_by_value(function: types.FunctionType) -> Any:
    """Code, closure, defaults, attributes, and of the globals what the code names."""
    return _writing._dynamic_function_reduce(function)


def class_by_value(cls: type) -> Any:
    """Bases and dict; but a name for the interpreter's own that no module holds, as FunctionType."""
    if cls in parts._BUILTIN_TYPE_NAMES:
        return parts._class_reduce(cls)
    return parts._dynamic_class_reduce(cls)


def module_by_name(module: types.ModuleType) -> Any:
    """Imported where it is read."""
    return parts.subimport, (module.__name__,)


def module_by_value(module: types.ModuleType) -> Any:
    """All that is in it."""
    state = {name: value for name, value in vars(module).items() if name != "__builtins__"}
    return parts.dynamic_subimport, (module.__name__, state)


def method_by_value(method: types.MethodType) -> Any:
    """Function and object."""
    return parts._method_reduce(method)


def reduce_part(obj: Any) -> Any:
    """What cloudpickle's own table says for objects of this class, or of the nearest base class."""
    table = cloudpickle.Pickler.dispatch_table
    return next(table[cls] for cls in type(obj).__mro__ if cls in table)(obj)
