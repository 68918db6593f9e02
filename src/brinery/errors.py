"""Every exception and warning of brinery, one tree.

The three exceptions of the standard module *are* the standard library's, so that code which
catches ``pickle.PicklingError`` goes on working; brinery's own derive from them.

An error that happens while an object is written or read says where, as data and in notes (PEP 678), which a
traceback shows: :func:`locate_writing` and :func:`locate_reading` add them to any exception, also to one
that user code raised. Its type and its text stay as they are: those of C pickle's refusals are C pickle's.
What is said takes the place of what was said before, where an exception is raised again; an attribute of that
name that its own class has, or that was there, is left alone (:mod:`brinery.said`).

========================  ==========================================================================
``exc.pickle_path``       writing: the way from the root, such as ``root['jobs'][3].handler``
``exc.pickle_type``       writing: the type of the object at that path, as a dotted name
``exc.pickle_advice``     writing: what to do about it, where there is something to say
``exc.pickle_offset``     reading: the offset of the failing opcode, in bytes from where the load began
``exc.pickle_opcode``     reading: the name of that opcode, such as ``"STACK_GLOBAL"``
``exc.pickle_building``   reading: the types being built, outermost first, as a tuple of names
========================  ==========================================================================

A type checker knows the attributes of ``brinery.PicklingError``, ``brinery.UnpicklingError`` and of brinery's
own errors. Of any other exception, such as a TypeError, :func:`located` gives them.
"""

from __future__ import annotations

from contextlib import suppress
from pickle import PickleError

from brinery import said
from brinery.cpython import NOTES_FOR_LEVELS
from brinery.lean_typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pickle
    from collections.abc import Sequence

    # They are the standard library's. But whichever of them comes out of brinery says where it happened, and
    # a type checker may know.
    class PicklingError(pickle.PicklingError):
        """An object cannot be written."""

        pickle_path: str | None
        pickle_type: str | None
        pickle_advice: str | None

    class UnpicklingError(pickle.UnpicklingError):
        """A stream cannot be read."""

        pickle_offset: int | None
        pickle_opcode: str | None
        pickle_building: tuple[str, ...]

else:
    from pickle import PicklingError, UnpicklingError

__all__ = [
    "BadReduction",
    "BrineryError",
    "CheckError",
    "ChoiceError",
    "CommitUncertain",
    "DeclarationError",
    "EngineWarning",
    "LocalObjectError",
    "Located",
    "MissingReference",
    "NoSuchKey",
    "NotCommitted",
    "NotInitialized",
    "NotStored",
    "PickleError",
    "PicklingError",
    "PluginConflict",
    "PluginError",
    "PluginLoadError",
    "PluginWarning",
    "ReadError",
    "StoreError",
    "StoreFault",
    "UnboundStore",
    "UnpicklingError",
    "WriteError",
    "locate_reading",
    "locate_writing",
    "located",
]


class BrineryError(Exception):
    """The root of everything that brinery itself raises."""

    # What is not known: these happened outside of a dump or load, or have no place.
    pickle_path: str | None = None
    pickle_type: str | None = None
    pickle_advice: str | None = None
    pickle_offset: int | None = None
    pickle_opcode: str | None = None
    pickle_building: tuple[str, ...] = ()


class WriteError(BrineryError, PicklingError):
    """An object cannot be written."""


class CheckError(WriteError):
    """An object was written, but what was written cannot be read, or is read as something else.

    `pickle_path` and `pickle_type` say which object; None where that could not be told.
    """

    pickle_path: str | None = None
    pickle_type: str | None = None


class BadReduction(WriteError):
    """What a reducer gave back has not the shape that the specification asks for.

    given  what stands there instead, in words: the name of its type, or None.
    """

    given: str = ""


class LocalObjectError(WriteError, AttributeError):
    """A class or function that is local to a function, up to Python 3.13.

    There C pickle raises an AttributeError for it; from 3.14 on it is a PicklingError as any other.
    """


class ReadError(BrineryError, UnpicklingError):
    """A stream cannot be read."""


class NotInitialized(WriteError, ReadError, RuntimeError):
    """A Pickler or Unpickler is used whose ``__init__`` was never called."""


class NotStored(WriteError):
    """A store claims an object that its database does not hold yet."""


class UnboundStore(ReadError):
    """A stream names a store that is not bound."""


class MissingReference(ReadError):
    """A stream, or what a store keeps, names objects that their stores do not hold.

    references  all of them: for each the store's name (None for the bare store), the key, and the offsets
                in the stream at which it is named (none for a reference inside what a store keeps).
    """

    def __init__(
        self, text: str, references: Sequence[tuple[str | None, object, Sequence[int]]] = ()
    ) -> None:
        super().__init__(text)
        self.references = tuple(references)


class StoreError(BrineryError):
    """A store cannot be opened or used as asked."""


class NoSuchKey(StoreError, KeyError):
    """A store holds nothing under that key: the one error that means so."""

    __str__ = Exception.__str__  # KeyError's shows the text's repr


class StoreFault(StoreError):
    """A store failed. What its code raised is the ``__cause__``.

    store   the name that it is bound under; None for the bare store.
    method  the method of the contract that failed, such as ``"fetch"``.
    keys    what it was asked for, as far as keys are known.
    """

    def __init__(self, text: str, store: str | None, method: str, keys: Sequence[object] = ()) -> None:
        super().__init__(text)
        self.store = store
        self.method = method
        self.keys = tuple(keys)


class NotCommitted(StoreError):
    """A store's ``commit`` failed, and the store knows that nothing of it is there."""


class CommitUncertain(StoreError):
    """A dump failed while its stores committed, and not all of them are as they were before.

    Each is a tuple of names (None for the bare store):

    committed  these hold what the dump stored, and nothing refers to it.
    failed     these are as before.
    unknown    these failed while they committed, and may hold it or not.
    """

    def __init__(
        self,
        text: str,
        committed: Sequence[str | None],
        failed: Sequence[str | None],
        unknown: Sequence[str | None],
    ) -> None:
        super().__init__(text)
        self.committed = tuple(committed)
        self.failed = tuple(failed)
        self.unknown = tuple(unknown)


class PluginError(BrineryError):
    """A plugin, or what it declares, cannot be used.

    A text has no password: somebody may have given a URL in the place of a name.
    """

    def __init__(self, *arguments: object) -> None:
        from brinery.urls import redacted

        super().__init__(*(redacted(value) if isinstance(value, str) else value for value in arguments))


class PluginConflict(PluginError):
    """Plugins declare the same thing in different ways, and nothing says which is meant.

    Among plugins that are merely installed it is raised where it matters: when such an object is written,
    such a name read or written, such a store opened. Its text has the line that settles it.

    keys  what is in conflict, as ``prefer`` names it, such as ``("reducer:numpy:ndarray",)``.
    """

    def __init__(self, text: str, keys: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.keys = keys


class PluginLoadError(PluginError):
    """A plugin that was asked for cannot be found or loaded."""


class DeclarationError(PluginError):
    """A hook, or a record that a hook yielded, is not what the contract asks for."""


class ChoiceError(PluginError):
    """What a profile is asked for settles nothing: a plugin, a key of `prefer`, or an option is not there."""


class EngineWarning(UserWarning):
    """The engine in Python is used, which nobody asked for, and why."""


class PluginWarning(UserWarning):
    """A plugin is installed but was skipped, and why."""


class Located(NamedTuple):
    """Where an error happened: the attributes of this module's table, None and () where it has none."""

    pickle_path: str | None = None
    pickle_type: str | None = None
    pickle_offset: int | None = None
    pickle_opcode: str | None = None
    pickle_building: tuple[str, ...] = ()
    pickle_advice: str | None = None


def located(exc: BaseException) -> Located:
    """Where `exc` happened, be it of any class.

    For type checkers, which know nothing of its attributes::

        except TypeError as error:
            print(brinery.errors.located(error).pickle_path)
    """
    return Located(
        **{
            name: getattr(exc, name)
            for name in Located._fields
            if hasattr(exc, name) and not said.belongs_to_class(exc, name)
        }
    )


def locate_writing(
    exc: BaseException,
    path: str,
    type_name: str,
    levels: Sequence[str] = (),
    hints: Sequence[str] = (),
    ruling: tuple[type, int | None] | None = None,
) -> None:
    """Say on `exc` which object could not be written.

    `levels` are C pickle's notes, one for each level, innermost first, where the running Python's adds
    them; before Python 3.14, which was the first, a single note says the path. A refusal of pickle's own
    (any of brinery's, and the interpreter's "cannot pickle …" TypeError) gets `hints`, too. `ruling`
    is that of :mod:`brinery.engine.levels`: what a plugin's reducer or override is at fault for is said so.
    What plugins say stands beneath the path, in the same note; from Python 3.14 on in notes of its own.
    """
    notes = [] if NOTES_FOR_LEVELS else [f"while pickling {path} (an object of type {type_name})"]
    if isinstance(exc, WriteError) or (type(exc) is TypeError and str(exc).startswith("cannot pickle ")):
        notes += hints
        if (misspelt := getattr(hints, "misspelt", None)) is not None:
            with suppress(Exception):
                notes += misspelt()
    if ruling is not None and (blame := getattr(hints, "blame", None)) is not None:
        with suppress(Exception):
            notes += blame(exc, *ruling)
    if not NOTES_FOR_LEVELS:
        notes = ["\n".join(notes)]
    said.place(
        exc, notes, levels if NOTES_FOR_LEVELS else (), {"pickle_path": path, "pickle_type": type_name}
    )


def locate_reading(exc: BaseException, offset: int, opcode: str, building: Sequence[str]) -> None:
    """Say on `exc` where in the stream it happened, and what was being built, outermost first.

    `opcode` is empty where the stream ended or held no opcode at `offset`.
    """
    where = f"at offset {offset}"
    if opcode:
        where += f", opcode {opcode}"
    if building:
        where += f", while building {' > '.join(building)}"
    attributes = {"pickle_offset": offset, "pickle_opcode": opcode, "pickle_building": tuple(building)}
    said.place(exc, [f"while unpickling, {where}"], (), attributes)
