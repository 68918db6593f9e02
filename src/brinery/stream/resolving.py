"""Whether a name would be found here, and what it would reach, without importing anything.

Modules that this process has anyway are looked at as they are, by what their dictionaries hold; of others the
source is parsed. What can only be told by running code is not told.
"""

from __future__ import annotations

import ast
import mmap
import sys
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Resolution", "missing_import", "resolve", "seems_to_have"]

#: ``unknown`` where only running code could tell: an extension module, a module's ``__getattr__``.
Status: TypeAlias = Literal["found", "no module", "no name", "unknown"]

_LARGEST = 4_000_000  # bytes of a source
_DEEPEST = 10  # imports of imports


class Resolution(NamedTuple):
    """What became of a name.

    status   ``found``, ``no module``, ``no name``, or ``unknown`` where only running code could tell
    reaches  the name of what it reaches, where that is another: ``posix.system`` for ``os``, ``system``
    """

    status: Status
    reaches: str = ""


def resolve(module: str, qualname: str, *, dotted: bool = True) -> Resolution:
    """Look for `qualname` in `module`; its dots are walked where `dotted`, as protocol 4 and later do."""
    parts = qualname.split(".") if dotted else [qualname]
    try:
        found = _in_module(module, parts, _DEEPEST)
    except (ValueError, SyntaxError, RecursionError, OSError):  # of a source that no Python reads
        return Resolution("unknown")
    return found._replace(reaches="") if found.reaches == f"{module}.{qualname}" else found


def seems_to_have(module: str, qualname: str) -> bool:
    """Whether the file of an extension module has the name in it, as a text of its own.

    That is no proof, neither where it is there nor where it is not; but it is all that can be had without
    running the module.
    """
    origin = _origin(module)
    if origin is None or not origin.endswith(tuple(EXTENSION_SUFFIXES)):
        return False
    name = qualname.partition(".")[0].encode()
    with open(origin, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return any(data.find(before + name + b"\0") >= 0 for before in (b"\0", b"."))


def missing_import(module: str, name: str) -> tuple[str, bool]:
    """A module that the function `name` of `module` imports when it is called and that is not found here, as
    its source tells, and whether every call comes to that import; ``("", False)`` where there is none.
    """
    loaded = sys.modules.get(module)
    try:
        # A module of an editable installation is not where the finder for paths looks.
        source = _parsed(vars(loaded).get("__file__")) if type(loaded) is ModuleType else _source(module)
    except (ValueError, SyntaxError, RecursionError, OSError):
        return "", False
    body = source.body if isinstance(source, ast.Module) else []
    found = next((node for bound, node in _bindings(body) if bound == name), None)
    if not isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return "", False
    guarded = {id(inner) for node in ast.walk(found) if isinstance(node, ast.Try) for inner in ast.walk(node)}
    for node in ast.walk(found):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            wanted = [node.module or ""]
        else:
            continue
        for each in wanted:
            if id(node) not in guarded and resolve(each, "", dotted=False).status == "no module":
                before = found.body[: found.body.index(node)] if node in found.body else [found]
                ends = (isinstance(inner, ast.Return) for other in before for inner in ast.walk(other))
                return each, node in found.body and not any(ends)
    return "", False


def _in_module(module: str, parts: list[str], depth: int) -> Resolution:
    if not parts:
        return Resolution("found", module)
    if not depth or not all(part.isidentifier() for part in module.split(".")):
        return Resolution("unknown" if not depth else "no module")
    loaded = sys.modules.get(module)
    if type(loaded) is ModuleType:
        return _in_object(loaded, module, parts, depth)
    source = _source(module)
    if source is None or isinstance(source, str):
        return Resolution("no module" if source is None else "unknown")
    return _in_source(module, source, parts, depth)


def _in_object(found: Any, module: str, parts: list[str], depth: int) -> Resolution:
    for part in parts:
        if type(found) is ModuleType:
            names = vars(found)
            if part not in names:
                # A submodule that nobody imported is no attribute; but a function may import it.
                return Resolution("unknown" if "__getattr__" in names else "no name")
            found = names[part]
            module = found.__name__ if type(found) is ModuleType else module
        elif isinstance(found, type):
            bases = type.__dict__["__mro__"].__get__(found)
            if type(found) is type:  # what classes have themselves
                bases += (type,)
            for base in bases:
                if part in type.__dict__["__dict__"].__get__(base):
                    found = type.__dict__["__dict__"].__get__(base)[part]
                    break
            else:
                return Resolution("unknown" if _asks_its_class(found) else "no name")
        else:
            return Resolution("unknown")
    return Resolution("found", _name_of(found))


def _asks_its_class(found: type) -> bool:
    """Whether a class's metaclass has a function for the attributes that are not there."""
    metaclasses = type.__dict__["__mro__"].__get__(type(found))
    own = (vars(meta) for meta in metaclasses if meta not in (type, object))
    return any("__getattr__" in names or "__getattribute__" in names for names in own)


def _name_of(found: Any) -> str:
    """Under which name an object says that it lives, if it can be asked without running code of its own."""
    if type(found) is ModuleType:
        return str(vars(found).get("__name__", ""))
    if isinstance(found, type):
        qualname = type.__dict__["__qualname__"].__get__(found)
        module = type.__dict__["__module__"].__get__(found)
        return f"{module}.{qualname}" if isinstance(module, str) else ""
    if type(found) is FunctionType or type(found) is type(len):
        module, qualname = found.__module__, found.__qualname__
        return f"{module}.{qualname}" if isinstance(module, str) else ""
    return ""


@cache
def _source(module: str) -> ast.Module | str | None:
    """The module's source, parsed; ``"unknown"`` where it has none; None where there is no such module."""
    return _parsed(_origin(module))


@cache
def _parsed(origin: str | None) -> ast.Module | str | None:
    if origin is None or not origin.endswith(".py"):
        return origin and "unknown"
    with open(origin, "rb") as file:
        data = file.read(_LARGEST + 1)
    return ast.parse(data) if len(data) <= _LARGEST else "unknown"


@cache
def _origin(module: str) -> str | None:
    """The module's file, or ``"built-in"`` where it has none; None where there is no such module."""
    path: Any = None
    spec = None
    for i in range(1, module.count(".") + 2):
        name = ".".join(module.split(".")[:i])
        if name in sys.builtin_module_names:
            return "built-in"
        # The finder for paths: it reads folders, and runs nothing of the packages that it finds.
        spec = PathFinder.find_spec(name, path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
        if path is None and i < module.count(".") + 1:
            return None
    assert spec is not None
    return spec.origin or "built-in"


def _in_source(module: str, source: ast.Module, parts: list[str], depth: int) -> Resolution:
    star: list[str] = []
    uncertain = False
    for name, node in _bindings(source.body):
        if name == "__getattr__":
            uncertain = True
        if name == "*" and isinstance(node, ast.ImportFrom):
            star.append(_from(module, node))
        if name == parts[0]:
            return _in_binding(module, node, parts, depth)
    for origin in star:
        inner = _in_module(origin, parts, depth - 1)
        if inner.status == "unknown" and seems_to_have(origin, parts[0]):
            # As with _decimal, before the _pydecimal that is for where there is none.
            return Resolution("found" if not parts[1:] else "unknown")
        if inner.status == "found":
            return inner
        uncertain = uncertain or inner.status == "unknown"
    return Resolution("unknown" if uncertain or _makes_names(source) else "no name")


def _makes_names(source: ast.Module) -> bool:
    """Whether running the module may bind names that no statement of it shows.

    It does by its dictionary, by exec, by what it puts into sys.modules, or by giving its own name to a call
    for nothing but what that does, as with ``IntEnum._convert_``.
    """
    for node in ast.walk(source):
        if isinstance(node, ast.Name) and node.id in ("globals", "exec"):
            return True
        if isinstance(node, ast.Attribute) and node.attr == "modules" and _is_called(node.value, "sys"):
            return True
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            given = [*node.value.args, *(keyword.value for keyword in node.value.keywords)]
            if any(_is_called(each, "__name__") for each in given):
                return True
    # Where the module's own scope is meant, and not that of a function.
    return any(
        isinstance(node, ast.Call) and (_is_called(node.func, "vars") or _is_called(node.func, "locals"))
        for statement in source.body
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        for node in ast.walk(statement)
    )


def _is_called(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _bindings(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """What the statements of a module or class bind, those within ``if``, ``try`` and ``with``, too."""
    for node in reversed(body):  # what is bound last counts
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], alias
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, node
        else:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for target in targets:
                for inner in ast.walk(target) if target is not None else ():
                    if isinstance(inner, ast.Name):
                        yield inner.id, node
            for part in ("body", "orelse", "finalbody"):
                yield from _bindings(getattr(node, part, []))
            for handler in getattr(node, "handlers", []):
                yield from _bindings(handler.body)


def _in_binding(module: str, node: ast.AST, parts: list[str], depth: int) -> Resolution:
    rest = parts[1:]
    if isinstance(node, ast.alias):  # import a.b as c
        target = node.name if node.asname else node.name.partition(".")[0]
        return _in_module(target, rest, depth - 1)
    if isinstance(node, ast.ImportFrom):
        origin = _from(module, node)
        real = next((a.name for a in node.names if (a.asname or a.name) == parts[0]), parts[0])
        inner = _in_module(origin, [real, *rest], depth - 1)
        if inner.status == "no name":  # perhaps a submodule
            return _in_module(f"{origin}.{real}", rest, depth - 1)
        if inner.status == "unknown" and not rest and _origin(origin) is not None:
            return Resolution("found", f"{origin}.{real}")  # or the import of `module` would fail
        return inner
    if isinstance(node, ast.ClassDef) and rest:
        for name, inner_node in _bindings(node.body):
            if name == rest[0]:
                if isinstance(inner_node, ast.ClassDef) and rest[1:]:
                    return _in_binding(f"{module}.{node.name}", inner_node, rest, depth)
                return Resolution("found" if not rest[1:] else "unknown")
        return Resolution("unknown" if node.bases or node.keywords else "no name")
    if rest:
        return Resolution("unknown")
    named = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    return Resolution("found", f"{module}.{parts[0]}" if named else "")


def _from(module: str, node: ast.ImportFrom) -> str:
    """The module that a ``from … import`` names, relative or not. A package's file counts as in it."""
    if not node.level:
        return node.module or ""
    base = module.split(".")
    source = PathFinder.find_spec(module.partition(".")[0])
    keep = len(base) - node.level
    if source is not None and _is_package(module):
        keep += 1
    return ".".join([*base[: max(keep, 0)], *([node.module] if node.module else [])])


def _is_package(module: str) -> bool:
    path: Any = None
    spec = None
    for i in range(1, module.count(".") + 2):
        spec = PathFinder.find_spec(".".join(module.split(".")[:i]), path)
        if spec is None:
            return False
        path = spec.submodule_search_locations
    return path is not None
