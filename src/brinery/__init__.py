"""brinery: the pickle wire format as a plugin framework.

It has everything that the standard module :mod:`pickle` has, with the same meaning, so that
``import brinery as pickle`` works. Beside it stand the parts for plugins: profiles and what plugins
declare. Those are imported when they are first used, so that importing brinery stays cheap.
"""

from __future__ import annotations

import pickle as _pickle
import sys

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Before pickle's, which for a type checker have no attributes that say where it happened.
    from brinery.errors import PicklingError as PicklingError
    from brinery.errors import UnpicklingError as UnpicklingError

    # And before theirs, which do not take check=True.
    from brinery.pickling import dump as dump
    from brinery.pickling import dumps as dumps

# What pickle exports in the running Python, opcodes above all. Brinery's own names replace some of it below.
from pickle import *  # type: ignore[assignment]  # noqa: F403
from pickle import _getattribute, bytes_types, decode_long, encode_long  # type: ignore[attr-defined]

from brinery.engine.globals import whichmodule
from brinery.engine.protocol import DEFAULT_PROTOCOL, HIGHEST_PROTOCOL
from brinery.pickling import (  # type: ignore[assignment]  # in the place of pickle's own, on purpose
    Pickler,
    Unpickler,
    default_profile,
    dump,
    dumps,
    load,
    loads,
    set_default_profile,
)
from brinery.version import __version__ as __version__

if TYPE_CHECKING:
    from brinery import errors as errors
    from brinery.declarations import NameTable, Option, Override, PersistentScheme, Reducer
    from brinery.files import dump_file, load_all, load_file
    from brinery.hookspecs import hookimpl
    from brinery.old_shapes import Shape, TextRule
    from brinery.persistence.stores import SimpleStore, Store
    from brinery.persistent_ids import Key
    from brinery.plan import PerDump
    from brinery.plugin_host.explaining import Explanation
    from brinery.plugin_host.report import PluginReport, Report
    from brinery.plugin_host.saying import Say
    from brinery.profile import BoundProfile, Profile
    from brinery.python_pickling import _dump, _dumps, _load, _loads
    from brinery.survival import check

# Not in the stubs of pickle, but programs import them.
format_version: str = _pickle.format_version  # type: ignore[attr-defined]
compatible_formats: list[str] = _pickle.compatible_formats  # type: ignore[attr-defined]

__all__ = [
    "DEFAULT_PROTOCOL",
    "HIGHEST_PROTOCOL",
    "BoundProfile",
    "Explanation",
    "Key",
    "NameTable",
    "Option",
    "Override",
    "PerDump",
    "PersistentScheme",
    "Pickler",
    "PluginReport",
    "Profile",
    "Reducer",
    "Report",
    "Say",
    "Shape",
    "SimpleStore",
    "Store",
    "TextRule",
    "Unpickler",
    "_dump",
    "_dumps",
    "_getattribute",
    "_load",
    "_loads",
    "bytes_types",
    "check",
    "compatible_formats",
    "decode_long",
    "default_profile",
    "dump",
    "dump_file",
    "dumps",
    "encode_long",
    "format_version",
    "hookimpl",
    "load",
    "load_all",
    "load_file",
    "loads",
    "set_default_profile",
    "whichmodule",
]
__all__ += _pickle.__all__
if not TYPE_CHECKING:  # which know no more of __all__ than the two forms above
    __all__ = list(dict.fromkeys(__all__))

_IMPORTED_WHEN_USED = {
    "BoundProfile": "brinery.profile",
    "Explanation": "brinery.plugin_host.explaining",
    "Key": "brinery.persistent_ids",
    "NameTable": "brinery.declarations",
    "Option": "brinery.declarations",
    "Override": "brinery.declarations",
    "PerDump": "brinery.plan",
    "PersistentScheme": "brinery.declarations",
    "PluginReport": "brinery.plugin_host.report",
    "Profile": "brinery.profile",
    "Reducer": "brinery.declarations",
    "Report": "brinery.plugin_host.report",
    "Say": "brinery.plugin_host.saying",
    "Shape": "brinery.old_shapes",
    "SimpleStore": "brinery.persistence.stores",
    "Store": "brinery.persistence.stores",
    "TextRule": "brinery.old_shapes",
    "_dump": "brinery.python_pickling",
    "_dumps": "brinery.python_pickling",
    "_load": "brinery.python_pickling",
    "_loads": "brinery.python_pickling",
    "check": "brinery.survival",
    "dump_file": "brinery.files",
    "hookimpl": "brinery.hookspecs",
    "load_all": "brinery.files",
    "load_file": "brinery.files",
}


if not TYPE_CHECKING:  # else a type checker would take any name for one of brinery's

    def __getattr__(name: str) -> object:
        module = _IMPORTED_WHEN_USED.get(name)
        if module is not None:
            found: object = getattr(__import__(module, fromlist=[name]), name)
        elif name.startswith("__") or not hasattr(_pickle, name):
            missing = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(missing, name=name, obj=sys.modules[__name__])
        else:
            # What pickle does not document is the standard library's own. Above all _Pickler and _Unpickler:
            # who asks for those subclasses their internals (dispatch, load_build), as dill, joblib and pandas
            # do.
            found = getattr(_pickle, name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_IMPORTED_WHEN_USED})
