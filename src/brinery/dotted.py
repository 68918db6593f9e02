"""Dotted names: ``"package.module:qualname"``, a class or function that need not be imported yet.

Wherever a declaration takes a class or a function it also takes its dotted name, so that a plugin
for numpy can be installed, composed and asked without numpy ever being imported.
"""

from __future__ import annotations

import sys

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Final

__all__ = [
    "MISSING",
    "called",
    "find_loaded",
    "import_dotted",
    "is_dotted",
    "module_of",
    "name_of_class",
    "qualname_of",
]


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


#: What :func:`find_loaded` gives where there is nothing (yet).
MISSING: Final = _Missing()

# The descriptors of `type` itself: a metaclass may answer these attributes with anything it likes.
module_of = type.__dict__["__module__"].__get__
qualname_of = type.__dict__["__qualname__"].__get__


def is_dotted(text: str) -> bool:
    """Whether `text` has the shape ``"package.module:qualname"``."""
    module, colon, qualname = text.partition(":")
    return bool(colon) and _identifiers(module) and _identifiers(qualname)


def _identifiers(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def name_of_class(cls: type) -> str:
    """Where `cls` says that it lives, as a dotted name."""
    return f"{module_of(cls)}:{qualname_of(cls)}"


def called(function: object) -> str:
    """A function, or what is called like one, by its name."""
    if isinstance(function, str):
        return function
    if isinstance(function, type):
        return name_of_class(function)
    import types  # nearly nobody needs it

    if isinstance(function, types.FunctionType | types.MethodType | types.BuiltinFunctionType):
        return f"{function.__module__}:{function.__qualname__}"
    wrapped = getattr(function, "__wrapped__", None)
    if wrapped is not None:
        return called(wrapped)
    return f"a {name_of_class(type(function))}"


def find_loaded(name: str) -> object:
    """The object called `name` if its module is loaded and has it, else MISSING; nothing is imported.

    Looks into the module's dictionary only: asking a module for an attribute may import a submodule.
    """
    module_name, _, qualname = name.partition(":")
    module = sys.modules.get(module_name)
    if module is None:
        return MISSING
    first, *rest = qualname.split(".")
    found: object = vars(module).get(first, MISSING)
    for part in rest:
        if not isinstance(found, type):
            return MISSING
        found = vars(found).get(part, MISSING)
    return found


def import_dotted(name: str) -> object:
    """The object called `name`; its module is imported.

    Raises what the import raises, and AttributeError where the module has no such name.
    """
    module_name, _, qualname = name.partition(":")
    __import__(module_name)
    found: object = sys.modules[module_name]
    for part in qualname.split("."):
        found = getattr(found, part)
    return found
