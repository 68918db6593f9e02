"""Built-in plugin: what moved between Python 2 and Python 3, from the standard library's own tables.

The tables are copied, so that a program which adds to them in the middle of its work changes no plan.
"""

from __future__ import annotations

import _compat_pickle

from brinery.declarations import NameTable
from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["brinery_name_tables"]


def brinery_name_tables() -> Iterator[NameTable]:
    """The names of the standard library in Python 2, both ways."""
    yield NameTable(
        "Python 2's standard library",
        _joined(_compat_pickle.IMPORT_MAPPING, _compat_pickle.NAME_MAPPING),
        write=_joined(_compat_pickle.REVERSE_IMPORT_MAPPING, _compat_pickle.REVERSE_NAME_MAPPING),
        era="python2",
    )


def _joined(modules: Mapping[str, str], names: Mapping[tuple[str, str], tuple[str, str]]) -> dict[str, str]:
    whole = {f"{old}:": f"{new}:" for old, new in modules.items()}
    return {**whole, **{":".join(old): ":".join(new) for old, new in names.items()}}
