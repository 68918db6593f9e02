"""The drop-in face: the standard module's functions and classes, on the default profile.

The default profile is composed when it is first needed, not when this module is imported.
"""

from __future__ import annotations

import _compat_pickle
import os
import sys
from _thread import get_ident

from brinery import engine
from brinery.errors import PluginError
from brinery.forking import whole
from brinery.lean_typing import TYPE_CHECKING
from brinery.plan import NameMap, ReadPlan, WritePlan

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from brinery.engine.python import Dumper as EngineDumper
    from brinery.engine.python import Loader as EngineLoader
    from brinery.engine.python import Pickler as EnginePickler
    from brinery.engine.python import Unpickler as EngineUnpickler
    from brinery.profile import Profile
else:
    try:
        _engine = engine.choose()
    except (ImportError, ValueError) as _impossible:  # BRINERY_ENGINE names none that can be used
        if os.environ.get("BRINERY_ENGINE"):
            from brinery.as_command import leave_if_command

            leave_if_command(_impossible)
        raise
    EngineDumper, EngineLoader = _engine.Dumper, _engine.Loader
    EnginePickler, EngineUnpickler = _engine.Pickler, _engine.Unpickler

__all__ = [
    "DefaultProfileSet",
    "Pickler",
    "Unpickler",
    "default_profile",
    "dump",
    "dumps",
    "load",
    "loads",
    "set_default_profile",
]

_default: Profile | None = None
#: The thread that composes it now, 0 if none does.
_composing = 0


def _in_child() -> None:
    """In a child, nobody composes but the thread that forked, in the middle of it."""
    global _composing
    if _composing != get_ident():
        _composing = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def default_profile() -> Profile:
    """The profile that brinery's functions and classes use.

    It is ``Profile()``, all installed plugins, composed once, unless :func:`set_default_profile` set another.
    """
    global _composing, _default
    if _default is None:
        with whole:
            if _composing:
                raise PluginError(
                    "a plugin uses brinery's functions or classes while it is loaded, when the profile "
                    "that they use is not composed yet; it can use Profile.plain() then"
                )
            if _default is None:
                _composing = get_ident()
                try:
                    from brinery.profile import Profile

                    _default = Profile()
                finally:
                    _composing = 0
                    # What came between was given plain plans, for its own calls only.
                    _dumper.plan = None
                    _loader.plan = None
    return _default


def _write_plan() -> WritePlan:
    if _default is None and (_comes_between() or _shuts_down()):
        return _plain_plans()[0]
    return (_default or default_profile()).write_plan


def _read_plan() -> ReadPlan:
    if _default is None and (_comes_between() or _shuts_down()):
        return _plain_plans()[1]
    return (_default or default_profile()).read_plan


def _comes_between() -> bool:
    """Whether this thread composes the default profile, and it is not a plugin's code that runs.

    So it is a signal's handler, or a finalizer: it cannot wait, and importing what is half imported fails.
    """
    if _composing != get_ident():
        return False
    composing = sys.modules.get("brinery.plugin_host.composing")
    return get_ident() not in getattr(composing, "loading_plugins", ())


def _shuts_down() -> bool:
    """Whether the interpreter is so far gone that nothing can be imported any more."""
    return getattr(sys, "meta_path", None) is None


def _plain_plans() -> tuple[WritePlan, ReadPlan]:
    """The standard library's pickle without plugins, made of nothing that has to be imported."""
    written = NameMap(_compat_pickle.REVERSE_NAME_MAPPING, _compat_pickle.REVERSE_IMPORT_MAPPING)
    read = NameMap(_compat_pickle.NAME_MAPPING, _compat_pickle.IMPORT_MAPPING)
    return WritePlan(era_names=written), ReadPlan(era_names=read)


def set_default_profile(profile: Profile | None) -> DefaultProfileSet:
    """Make `profile` the one that ``brinery.dumps``, ``brinery.Pickler`` and the rest use, from now on.

    None is all installed plugins again. Picklers that are already made keep their profile. What is
    returned is a context manager that puts the old one back::

        with brinery.set_default_profile(brinery.Profile.plain()):
            ...

    The default is one for all threads. Raises TypeError for anything but a Profile or None.
    """
    global _default
    if profile is not None:
        from brinery.profile import Profile

        if not isinstance(profile, Profile):
            from brinery.urls import redacted

            made = f"brinery.Profile([{profile!r}])" if isinstance(profile, str) else "brinery.Profile(…)"
            raise TypeError(
                redacted(
                    f"set_default_profile() wants a Profile or None, not {profile!r}; make one: "
                    f"brinery.set_default_profile({made})"
                )
            )
    with whole:
        before, _default = _default, profile
        # Their next call asks for the plan again.
        _dumper.plan = None
        _loader.plan = None
    return DefaultProfileSet(before)


class DefaultProfileSet:
    """What :func:`set_default_profile` returns: leaving its ``with`` puts the old profile back."""

    __slots__ = ("_before",)

    def __init__(self, before: Profile | None) -> None:
        self._before = before

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        set_default_profile(self._before)


class _Dumper(EngineDumper):
    def __reduce__(self) -> str:  # so that brinery.dumps itself can be pickled, as pickle.dumps can
        return "_dumper"


class _Loader(EngineLoader):
    def __reduce__(self) -> str:
        return "_loader"


def _checked(*arguments: Any) -> bytes:
    from brinery.checking import Checker

    return Checker(engine.choose(), _write_plan, _read_plan).dumps(*arguments)


_dumper = _Dumper(_write_plan, _checked)
_loader = _Loader(_read_plan)


class Pickler(EnginePickler):
    """Writes objects into a file, as :class:`pickle.Pickler` does, with the default profile.

    The profile is the one that is the default when the Pickler is made.
    """

    _plan_source = _dumper  # it has the plan at hand; a function of ours would be paid for each small pickle


class Unpickler(EngineUnpickler):
    """Reads objects from a file, as :class:`pickle.Unpickler` does, with the default profile.

    The profile is the one that is the default when the Unpickler is made.
    """

    _plan_source = _loader


# Bound methods of the engine's classes: a function around them would cost tiny calls a third of their speed.
dump = _dumper.dump
dumps = _dumper.dumps
load = _loader.load
loads = _loader.loads
engine.say_where_from(dump, dumps, load, loads)
