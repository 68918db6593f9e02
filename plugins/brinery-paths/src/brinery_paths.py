"""Paths that load everywhere: a plugin for brinery.

Python writes a path as the class of the system it runs on, PosixPath or WindowsPath, which the other
system refuses to load; and Python 3.13 says that the class lives in ``pathlib._local``, a module that
no Python before it has. With this plugin a path is written as ``pathlib.Path`` and one string.
"""

from pathlib import Path

from brinery import NameTable, Reducer, hookimpl


def reduce_path(path):
    return Path, (path.as_posix(),)


@hookimpl
def brinery_reducers():
    yield Reducer("pathlib:PosixPath", reduce_path, emits=["pathlib:Path"])
    yield Reducer("pathlib:WindowsPath", reduce_path, emits=["pathlib:Path"])


@hookimpl
def brinery_name_tables():
    moved = {"pathlib._local": "pathlib"}
    yield NameTable("pathlib of Python 3.13", read=moved, write=moved)
