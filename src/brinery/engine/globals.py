"""Classes and functions by name: where a global is found, and under which name it is written.

Both engines come here. A global is a pair: a module's name and a qualified name in it, whose dots
walk through classes (PEP 3154).
"""

from __future__ import annotations

import builtins
import sys
from copyreg import _extension_registry as extension_registry  # type: ignore[attr-defined]
from copyreg import _inverted_registry as inverted_registry  # type: ignore[attr-defined]
from operator import index

from brinery import cpython, refusals
from brinery.dotted import import_dotted
from brinery.engine.explaining import missing_global
from brinery.errors import ReadError
from brinery.lean_typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import ModuleType

    from brinery.engine.shaping import Shaping
    from brinery.plan import ReadPlan, WritePlan

__all__ = [
    "OWN_IMPORT",
    "OWN_MODULES",
    "GlobalName",
    "at_path",
    "extension_code",
    "extension_name",
    "find_global",
    "find_named",
    "locate_global",
    "look_up",
    "resolve",
    "stream_name",
    "whichmodule",
]


#: The interpreter's modules. An import finds them here, and so does C pickle, whatever `sys.modules` is
#: set to since.
OWN_MODULES = sys.modules

#: The interpreter's import, which looks up what is loaded, and runs nobody's code for it. None where somebody
#: had put a function of theirs in its place before.
OWN_IMPORT = builtins.__import__ if isinstance(builtins.__import__, type(len)) else None


class GlobalName(NamedTuple):
    """Where a global lives: ``getattr(parent, last)`` is the object, `parent` the module or an outer class.

    `qualname` has a dot exactly where `parent` is not the module.
    """

    module: str
    qualname: str
    parent: object
    last: str


def find_global(
    module: str,
    qualname: str,
    protocol: int,
    fix_imports: bool,
    plan: ReadPlan,
    shaping: Shaping | None = None,
) -> object:
    """The object that a stream of `protocol` names: what an Unpickler's ``find_class`` does.

    In this order: the audit event ``pickle.find_class``; the names of Python 2 (below protocol 3,
    where `fix_imports` is true); the names that moved at every protocol; what stands in for a global; the
    import; the walk along the dots, which only protocol 4 and later take. `shaping` learns what was found.

    Raises what importing raises, and AttributeError where the module has no such name.
    """
    sys.audit("pickle.find_class", module, qualname)
    named = module, qualname
    names = plan.names
    if protocol < 3 and fix_imports and plan.era_names is not None:
        module, qualname = plan.era_names.apply(module, qualname)
        if (module, qualname) in plan.era_names.stand_ins:
            names = plan.era_names
    if names is not None:
        if names is plan.names:
            module, qualname = names.apply(module, qualname)
        if (module, qualname) in names.stand_ins:
            function = names.stand_ins[module, qualname]
            if isinstance(function, str):
                function = import_dotted(function)  # type: ignore[assignment]
            if shaping is not None:
                shaping.stand_in(":".join(named), function)
            return function
    return find_named(named, module, qualname, protocol, plan, shaping)


def find_named(
    named: tuple[str, str], module: str, qualname: str, protocol: int, plan: ReadPlan, shaping: Shaping | None
) -> object:
    """What `named` in a stream is, which the name tables make `module` and `qualname`, or where that is not
    there, by a fallback.

    Raises as :func:`find_global` does.
    """
    try:
        found = _import(named, module, qualname, protocol, plan)
    except (ImportError, AttributeError) as missing:
        other = _by_fallback(missing, module, qualname, protocol, plan)
        if other is None:
            raise
        module, qualname, found = other
        if shaping is not None and callable(found) and not isinstance(found, type):
            shaping.stand_in(":".join(named), found)  # where a class was, perhaps
    if shaping is not None:
        shaping.meet(module, qualname, protocol < 3, found)
    return found


def _import(named: tuple[str, str], module: str, qualname: str, protocol: int, plan: ReadPlan) -> object:
    try:
        __import__(module, level=0)
    except ImportError as missing:
        _advise(missing, named, module, qualname, plan)
        raise
    return look_up(OWN_MODULES[module], module, qualname, protocol, named, plan)


def _by_fallback(
    missing: ImportError | AttributeError, module: str, qualname: str, protocol: int, plan: ReadPlan
) -> tuple[str, str, object] | None:
    """What a fallback has for a name that is not there, and under which name; None where there is none."""
    tried = {(module, qualname)}
    while plan.fallbacks is not None and _is_missing(missing, module):
        module, qualname = pair = plan.fallbacks.step(module, qualname)
        if pair in tried:
            break
        tried.add(pair)
        try:
            __import__(module, level=0)
            return module, qualname, look_up(OWN_MODULES[module], module, qualname, protocol)
        except (ImportError, AttributeError) as again:
            missing = again
    return None


def _is_missing(exc: ImportError | AttributeError, module: str) -> bool:
    """Whether it is the module or the name that is not there, and not something that it needs."""
    if isinstance(exc, ImportError):
        return exc.name is not None and (exc.name == module or module.startswith(f"{exc.name}."))
    return True


def look_up(
    found: object,
    module: str,
    qualname: str,
    protocol: int,
    named: tuple[str, str] | None = None,
    plan: ReadPlan | None = None,
) -> object:
    """What the module `found` has under `qualname`, whose dots are walked along from protocol 4 on.

    Raises AttributeError where it has no such name, and says so of the name that the stream has, `named`.
    """
    try:
        if protocol >= 4:
            return at_path(found, module, qualname)
        if cpython.PATHS_ARE_RESOLVED:
            return getattr(found, qualname)
        try:
            return getattr(found, qualname)
        except AttributeError:
            raise AttributeError(f"Can't get attribute {qualname!r} on {found!r}") from None
    except AttributeError as missing:
        _advise(missing, named or (module, qualname), module, qualname, plan)
        raise


def _advise(
    missing: BaseException, named: tuple[str, str], module: str, qualname: str, plan: ReadPlan | None
) -> None:
    missing_global(missing, named, module, qualname, plan)


def at_path(found: object, module: str, qualname: str) -> object:
    """What `qualname` leads to in the module `found`, along its dots.

    Raises AttributeError where there is no such name, in the words of the running Python's C pickle.
    """
    if not cpython.PATHS_ARE_RESOLVED:
        return resolve(found, qualname)[0]
    if "." not in qualname:
        return getattr(found, qualname)
    try:
        for part in qualname.split("."):
            found = getattr(found, part)
    except AttributeError as missing:
        raise AttributeError(f"Can't resolve path {qualname!r} on module {module!r}") from missing
    return found


def resolve(obj: object, qualname: str) -> tuple[object, object]:
    """Walk along the dots of `qualname`; the object found and the one it was found in.

    Raises AttributeError where there is no such name, or where one is local to a function.
    """
    module = parent = obj
    path = qualname.split(".")
    if "<locals>" in path:
        verb = "get" if cpython.GETATTR_IN_A_ROW else "pickle"
        raise AttributeError(f"Can't {verb} local attribute {qualname!r} on {module!r}")
    for part in path:
        try:
            parent, obj = obj, getattr(obj, part)
        except AttributeError:
            raise AttributeError(f"Can't get attribute {qualname!r} on {module!r}") from None
    return obj, parent


def whichmodule(obj: object, qualname: str) -> str:
    """The name of the module that `obj` lives in: its ``__module__``, else the first loaded that has it."""
    module = getattr(obj, "__module__", None)
    if module is not None:
        return module  # type: ignore[no-any-return]
    for name, candidate in sys.modules.copy().items():
        if name in ("__main__", "__mp_main__") or candidate is None:
            continue
        try:
            if resolve(candidate, qualname)[0] is obj:
                return name
        except AttributeError:
            pass
    return "__main__"


def locate_global(obj: object, name: str | None = None) -> GlobalName:
    """Find `obj` by its qualified name, or by `name` where a reducer gave one, and make sure it is that one.

    Raises PicklingError where it is not found there or something else is, or where it is local to a
    function; that is an AttributeError, too, up to Python 3.13.
    """
    if name is None:
        name = getattr(obj, "__qualname__", None)
        if name is None:
            name = obj.__name__  # type: ignore[attr-defined]
    if cpython.PRIVATE_NAMES_ARE_MANGLED and ".__" in name:
        name = _mangled(name)
    path = name.split(".")
    if "<locals>" in path:
        raise refusals.local_object(obj, name)
    module_name = whichmodule(obj, name)
    try:
        __import__(module_name, level=0)
        module: ModuleType = OWN_MODULES[module_name]
    except Exception as missing:
        if cpython.LOOKUP_ERRORS_PASS and not isinstance(missing, (ImportError, ValueError)):
            raise
        raise refusals.missing_module(obj, module_name, missing) from missing
    found: object = module
    try:
        for part in path:
            parent, found = found, getattr(found, part)
    except Exception as missing:
        if cpython.LOOKUP_ERRORS_PASS and not isinstance(missing, AttributeError):
            raise
        raise refusals.missing_name(obj, module_name, name) from missing
    if found is not obj:
        raise refusals.other_object(obj, module_name, name)
    return GlobalName(module_name, path[-1] if parent is module else name, parent, path[-1])


def _mangled(name: str) -> str:
    """The dotted `name` as classes hold its private parts: ``A.__b`` is ``A._A__b``."""
    parts = name.split(".")
    before, *rest = parts
    for number, part in enumerate(rest, 1):
        owner = before.lstrip("_")
        if owner and part.startswith("__") and not part.endswith("__"):
            parts[number] = f"_{owner}{part}"
        before = part
    return ".".join(parts)


def extension_code(obj: object, module: str, qualname: str) -> int | None:
    """The code that ``copyreg.add_extension`` gave the global `obj` of that name; None where it has none.

    Raises, for a code that was written into the registry by hand and is none, what the running
    Python's C pickle raises: PicklingError, from 3.13 on TypeError or RuntimeError; OverflowError.
    """
    try:
        code: object = extension_registry[module, qualname]
    except KeyError:
        return None
    if not isinstance(code, int) and not cpython.EXTENSION_CODES_ARE_INDICES:
        raise refusals.extension_code_type(obj, code)
    number = index(code)  # type: ignore[arg-type]
    if not -(1 << 63) <= number < 1 << 63:
        raise OverflowError("Python int too large to convert to C long")
    if not 0 < number <= 0x7FFFFFFF:
        raise refusals.extension_code_range(obj, number)
    return number


def extension_name(code: int) -> tuple[str, str]:
    """The module and qualified name that ``copyreg.add_extension`` gave `code` to.

    copyreg's cache of objects by code is neither read nor filled: a ``find_class`` that refuses a
    name must be asked about it every time, and what the standard library keeps is not brinery's to change.

    Raises UnpicklingError for a code that is no positive number, and ValueError where the registry
    has nothing under it, or something that is no pair of names.
    """
    if code <= 0:
        raise ReadError("EXT specifies code <= 0")
    name: object = inverted_registry.get(code)
    if name is None:
        raise ValueError(f"unregistered extension code {code}")
    if not isinstance(name, tuple) or len(name) != 2 or not all(isinstance(part, str) for part in name):
        raise ValueError(f"_inverted_registry[{code}] isn't a 2-tuple of strings")
    return name


def stream_name(
    module: str, qualname: str, protocol: int, fix_imports: bool, plan: WritePlan
) -> tuple[str, str]:
    """The names under which a stream of `protocol` carries a global."""
    if plan.names is not None:
        module, qualname = plan.names.apply(module, qualname)
    if protocol < 3 and fix_imports and plan.era_names is not None:
        module, qualname = plan.era_names.apply(module, qualname)
    return module, qualname
