"""Whether an object survives: written, read back at once, and compared.

The most frequent trouble with pickles is an object that can be written and cannot be read. It shows where it
is read: in another process, or a year later, with an error that names none of the objects. Here it shows
where the object is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from brinery.checking.comparing import Difference, first_difference
from brinery.checking.locating import Place, objects_at, path_to
from brinery.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from brinery.plan import ReadPlan, WritePlan

__all__ = ["Checker"]


class Checker:
    """Writes with one engine and one pair of plans, and makes sure of what it has written.

    engine       a module with the engine's classes.
    write_plan   called without arguments, when it is needed.
    read_plan    the same.
    """

    def __init__(
        self, engine: Any, write_plan: Callable[[], WritePlan], read_plan: Callable[[], ReadPlan]
    ) -> None:
        self._engine: ModuleType = engine
        self._write_plan = write_plan
        self._read_plan = read_plan

    def dumps(
        self, obj: object, protocol: int, fix_imports: bool, buffer_callback: Callable[[Any], object] | None
    ) -> bytes:
        """The pickle of `obj`, which has been read again and compared with it.

        Raises what dumping raises, and CheckError where the pickle cannot be read or gives something else.
        """
        outside: list[Any] = []

        def keep(buffer: Any) -> bool:
            assert buffer_callback is not None
            inside = bool(buffer_callback(buffer))
            if not inside:
                outside.append(buffer)
            return inside

        dumper = self._engine.Dumper(self._write_plan)
        data: bytes = dumper.dumps(
            obj, protocol, fix_imports=fix_imports, buffer_callback=keep if buffer_callback else None
        )
        try:
            copy = self._engine.Loader(self._read_plan).loads(data, fix_imports=fix_imports, buffers=outside)
        except Exception as failure:
            raise self._unreadable(obj, protocol, fix_imports, failure) from failure
        difference = first_difference(obj, copy)
        if difference is not None:
            raise _failed(
                f"{difference.path}: it is read as {difference.read}, and was {difference.written}",
                difference.path,
                difference.type_name,
                f"what {_owner(difference)} is written as leaves that out, or its __eq__ compares something"
                " else: look at its __reduce__, __getstate__ and __setstate__, or at the reducer for it",
            )
        return data

    def _unreadable(self, obj: object, protocol: int, fix_imports: bool, failure: Exception) -> CheckError:
        said = f"was written, but cannot be read: {type(failure).__name__}: {failure}"
        offset: int | None = getattr(failure, "pickle_offset", None)
        located: Place | None = None
        objects: list[object] = []
        if offset is not None:
            objects = objects_at(self._pickler(), obj, protocol, fix_imports, self._read_again)
            located = path_to(self._pickler(), obj, objects)
        if located is None:
            return _failed(f"something in root {said}", None, None, _advice(objects, failure))
        what = f"an object of type {located.type_name}" if located.exact else "something in it"
        advice = _advice(objects, failure)
        return _failed(f"{located.path}: {what} {said}", located.path, located.type_name, advice)

    def _read_again(self, data: bytes, fix_imports: bool) -> int | None:
        """Where reading `data` fails: an object may be written otherwise than the first time."""
        try:
            self._engine.Loader(self._read_plan).loads(data, fix_imports=fix_imports)
        except Exception as failure:
            offset: int | None = getattr(failure, "pickle_offset", None)
            return offset
        return None

    def _pickler(self) -> type[Any]:
        plan = self._write_plan()
        return type("Pickler", (self._engine.Pickler,), {"_plan_source": staticmethod(lambda: plan)})


def _failed(text: str, path: str | None, type_name: str | None, advice: str) -> CheckError:
    error = CheckError(text)
    error.pickle_path, error.pickle_type = path, type_name
    error.add_note(advice)
    return error


def _owner(difference: Difference) -> str:
    """Who decides how the part that differs is written: no builtin type, but the object around it."""
    path = difference.path
    if "." not in difference.type_name:
        while match := re.fullmatch(r"(.+)(\[[^\[\]]*\]|<[^<>]*>)", path, re.DOTALL):
            path = match[1]
        owner, _, attribute = path.rpartition(".")
        if owner and attribute.isidentifier():
            return owner
    return difference.type_name


def _advice(objects: list[object], failure: Exception) -> str:
    """What to do about an object that cannot be read: the first of `objects`, if they are known."""
    if objects and isinstance(objects[0], BaseException):
        return (
            "an exception is made anew of its args alone: give it a __reduce__ with what its __init__ takes, "
            "or install brinery-exceptions, with which every exception survives"
        )
    if getattr(failure, "pickle_opcode", None) in ("SETITEM", "SETITEMS", "ADDITEMS", "FROZENSET"):
        return (
            "a key or member is hashed before the attributes that its __hash__ uses are there, as it is in a "
            "cycle with the container: give its class a __reduce__ that has them as arguments; or the class "
            "of the container has a __setitem__ or add that uses attributes, which come later: give it one"
        )
    return (
        "give its class a __reduce__ that gives what its constructor takes, or a __setstate__ that takes "
        "what __getstate__ gives; of a class of others, declare a Reducer in a plugin"
    )
