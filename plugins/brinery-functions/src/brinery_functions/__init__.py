"""Functions and classes by value: a plugin for brinery.

pickle writes a function or a class as its name, which says nothing to a process that cannot import it: a
lambda, what a function made, what stands in ``__main__`` or a notebook. With this plugin these are written by
value, by cloudpickle; what can be imported is still written by name. Who reads such a pickle needs
cloudpickle, and neither brinery nor this plugin.

Options: ``modules``, names of modules whose functions and classes are written by value too, with the modules
beneath them; ``main``, false to write those of ``__main__`` by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery import Override, hookimpl
from brinery_functions.deciding import ByValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__: list[str] = []


@hookimpl
def brinery_overrides(options: Mapping[str, object]) -> Iterator[Override]:
    """Functions, classes, and what these are made of."""
    by_value = ByValue.from_options(options)
    yield Override("builtins:function", by_value.reduce_function)
    yield Override(type, by_value.reduce_class)
    yield Override("builtins:module", by_value.reduce_module)
    yield Override("builtins:method", by_value.reduce_method)
    yield Override("typing:TypeVar", by_value.reduce_type_variable)
    for part in PARTS:
        yield Override(part, "brinery_functions.writing:reduce_part")


#: What functions and classes are made of, and what pickle does not write at all.
PARTS = (
    "builtins:cell",
    "builtins:code",
    "builtins:property",
    "builtins:classmethod",
    "builtins:staticmethod",
    "builtins:getset_descriptor",
    "builtins:mappingproxy",
    "dataclasses:_FIELD_BASE",
)
