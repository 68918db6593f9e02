"""Functions and classes by value: a plugin for brinery.

pickle writes a function or a class as its name, which says nothing to a process that cannot import it: a
lambda, what a function made, what stands in ``__main__`` or a notebook. With this plugin these are written by
value, by cloudpickle; what can be imported is still written by name. Who reads such a pickle needs
cloudpickle, and neither brinery nor this plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery import Option, Override, hookimpl
from brinery_functions.deciding import ByValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__: list[str] = []

_MADE_BY = "cloudpickle.cloudpickle:"
#: Classes of the interpreter that no module holds under their name, such as that of code objects.
_BUILTIN = f"{_MADE_BY}_builtin_type"
_FUNCTION = (f"{_MADE_BY}_make_function", f"{_MADE_BY}_function_setstate", f"{_MADE_BY}subimport", _BUILTIN)
_CLASS = (
    f"{_MADE_BY}_make_skeleton_class",
    f"{_MADE_BY}_make_skeleton_enum",
    f"{_MADE_BY}_class_setstate",
    _BUILTIN,
)
_MODULE = (f"{_MADE_BY}subimport", f"{_MADE_BY}dynamic_subimport")
_CACHED = ("functools:_lru_cache_wrapper", "functools:_CacheInfo")
_TYPE_VARIABLE = (f"{_MADE_BY}_make_typevar", "builtins:getattr")

#: What functions and classes are made of, and what pickle does not write at all; and what is named for it.
_PARTS = {
    "builtins:cell": (f"{_MADE_BY}_make_cell", f"{_MADE_BY}_make_empty_cell"),
    "builtins:code": (_BUILTIN,),
    "builtins:property": ("builtins:property",),
    "builtins:classmethod": ("builtins:classmethod",),
    "builtins:staticmethod": ("builtins:staticmethod",),
    "builtins:getset_descriptor": ("builtins:getattr",),
    "builtins:mappingproxy": (_BUILTIN,),
    "dataclasses:_FIELD_BASE": (f"{_MADE_BY}_get_dataclass_field_type_sentinel",),
}


@hookimpl
def brinery_options() -> Iterator[Option]:
    """What else goes by value."""
    yield Option("modules", list | tuple, (), "modules that go by value, with those beneath them")
    yield Option("main", bool, True, "whether those of __main__ go by value")


@hookimpl
def brinery_overrides(options: Mapping[str, Any]) -> Iterator[Override]:
    """Functions, classes, and what these are made of."""
    by_value = ByValue(options["modules"], options["main"])
    yield Override("builtins:function", by_value.reduce_function, emits=_FUNCTION)
    yield Override(type, by_value.reduce_class, emits=_CLASS)
    yield Override("builtins:module", by_value.reduce_module, emits=_MODULE)
    yield Override("builtins:method", by_value.reduce_method, emits=(_BUILTIN,))
    yield Override("typing:TypeVar", by_value.reduce_type_variable, emits=_TYPE_VARIABLE)
    yield Override("functools:_lru_cache_wrapper", by_value.reduce_cached, emits=_CACHED)
    yield Override(
        "functools:cached_property", by_value.reduce_cached_property, emits=("functools:cached_property",)
    )
    yield Override("typing:NewType", by_value.reduce_new_type, emits=("typing:NewType",))
    for name in ("ParamSpec", "TypeVarTuple", "TypeAliasType"):
        yield Override(f"typing:{name}", by_value.refuse, emits=())
    for part, emits in _PARTS.items():
        yield Override(part, "brinery_functions.writing:reduce_part", emits=emits)
