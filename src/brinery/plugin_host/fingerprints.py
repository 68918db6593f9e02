"""A digest of what a profile writes and reads by, the same in every process."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING

from brinery.dotted import called, name_of_class
from brinery.plugin_host.kinds import kind_of
from brinery.urls import redacted
from brinery.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brinery.plugin_host.composing import Gathered

__all__ = ["fingerprint"]

# What functions hold, partials hold and so on: a knot of them must end somewhere.
_DEPTH = 8


def fingerprint(gathered: Gathered, stores: Mapping[str | None, object] | None = None) -> str:
    """See :attr:`brinery.profile.Profile.fingerprint`. `stores` are the bound ones by name, None the bare."""
    return hashlib.sha256("\n".join(_lines(gathered, stores or {})).encode()).hexdigest()


def _lines(gathered: Gathered, stores: Mapping[str | None, object]) -> Iterator[str]:
    yield f"brinery {__version__}"
    for (kind, subject), preference in sorted(gathered.prefer.items()):
        yield f"prefer {kind}:{subject} {preference.plugins!r}"
    for state in gathered.plugins:
        if state.state == "active":
            plugin = state.plugin
            # Not where an object was given: its repr may hold its address.
            where = plugin.where if plugin.origin != "given" else ""
            options = _stable(gathered.options.get(plugin.name, {}), _DEPTH)
            yield f"plugin {plugin.name!r} {plugin.distribution} {plugin.version} {where} {options}"
    for claim in gathered.claims:
        record = claim.declared
        fields = ", ".join(_stable(getattr(record, name), _DEPTH) for name in record.__match_args__)
        yield f"{claim.plugin.name!r} {kind_of(record).noun} {fields}"
    for name, store in stores.items():
        yield f"store {name!r} {_stable(store, _DEPTH)}"


def _stable(value: object, depth: int) -> str:
    """What is told apart in words that are the same in every process: no addresses, and no passwords."""
    if not depth:
        return "…"
    if isinstance(value, str):
        return repr(redacted(value))
    if value is None or type(value) in (bool, int, float, complex, bytes):
        return repr(value)
    if isinstance(value, Mapping):
        pairs = (f"{_stable(key, depth - 1)}: {_stable(item, depth - 1)}" for key, item in value.items())
        return f"{{{', '.join(sorted(pairs))}}}"
    if type(value) in (tuple, list):
        return f"{type(value).__name__}({', '.join(_stable(item, depth - 1) for item in value)})"  # type: ignore[attr-defined]
    if type(value) in (set, frozenset):
        return f"{type(value).__name__}({', '.join(sorted(_stable(item, depth - 1) for item in value))})"  # type: ignore[attr-defined]
    if isinstance(value, functools.partial):
        parts = (value.func, value.args, value.keywords)
        return f"partial({', '.join(_stable(part, depth - 1) for part in parts)})"
    if isinstance(value, FunctionType):
        return _function(value, depth)
    if isinstance(value, MethodType):
        return f"{_stable(value.__func__, depth - 1)} of {name_of_class(type(value.__self__))}"
    return called(value)


def _function(function: FunctionType, depth: int) -> str:
    """What a module holds, by its name; any other by what it does and what it holds."""
    name = called(function)
    if "<" not in name:
        return name
    cells = [_cell(cell, depth) for cell in function.__closure__ or ()]
    held = [_stable(part, depth - 1) for part in (function.__defaults__, function.__kwdefaults__)]
    digest = hashlib.sha256(_code(function.__code__).encode()).hexdigest()[:16]
    return f"{name} {digest} {cells} {held}"


def _cell(cell: object, depth: int) -> str:
    try:
        return _stable(cell.cell_contents, depth - 1)  # type: ignore[attr-defined]
    except ValueError:  # it is empty yet
        return "empty"


def _code(code: CodeType) -> str:
    """Code and constants, names and no places: the same wherever the file lies."""
    constants = [
        _code(constant) if isinstance(constant, CodeType) else _stable(constant, _DEPTH)
        for constant in code.co_consts
    ]
    return f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {constants}"
