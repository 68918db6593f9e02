"""Globals that give whoever names them in a stream the whole process.

They are listed under the names that programmers know and under those that pickles have of them, which are
often other ones: ``os.system`` is written as ``posix:system``, ``signal.alarm`` as ``_signal:alarm``.
"""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

__all__ = ["is_dangerous"]

#: All that is in these modules, and in those beneath them.
_WHOLE = """
    _ctypes _frozen_importlib _frozen_importlib_external _imp _interpreters _multiprocessing _pickle
    _posixshmem _posixsubprocess _signal _socket _ssl _thread _winapi _xxinterpchannels _xxsubinterpreters
    asyncio.subprocess bdb cgitb code codeop commands compileall cProfile ctypes dbm distutils doctest
    ensurepip faulthandler fcntl fileinput ftplib http.client idlelib imaplib imp importlib marshal
    multiprocessing nt os pdb pickle pip pkgutil poplib posix profile pty py_compile pydoc resource runpy
    profiling shelve shutil signal site smtplib socket socketserver ssl subprocess sys telnetlib tempfile
    threading timeit trace urllib.request venv webbrowser winreg xmlrpc zipimport
"""
_MODULES = frozenset(_WHOLE.split())
_IN_MODULES = {
    "_functools": "reduce",
    "_io": "FileIO open open_code",
    "_operator": "attrgetter call methodcaller",
    "_pyio": "FileIO open open_code",
    "_sqlite3": "Connection connect",
    "annotationlib": "get_annotations",
    "asyncio": "run",
    "asyncio.runners": "run",
    "atexit": "register",
    "builtins": (
        "__import__ breakpoint compile delattr eval exec execfile file getattr globals input locals open"
        " reduce reload setattr vars"
    ),
    "bz2": "BZ2File open",
    "cloudpickle.cloudpickle": "_builtin_type _make_function subimport",
    "codecs": "open",
    "functools": "reduce",
    "gzip": "GzipFile open",
    "inspect": "get_annotations",
    "io": "FileIO open open_code",
    "logging": "FileHandler basicConfig",
    "logging.config": "dictConfig fileConfig listen",
    "logging.handlers": "BaseRotatingHandler RotatingFileHandler TimedRotatingFileHandler WatchedFileHandler",
    "lzma": "LZMAFile open",
    "operator": "attrgetter call itemgetter methodcaller",
    "sqlite3": "Connection connect",
    "tarfile": "TarFile open",
    "types": "CodeType FunctionType",
    "typing": "get_type_hints",
    "unittest.mock": "_patch patch",
    "zipfile": "ZipFile",
}
_NAMES = frozenset(f"{module}:{name}" for module, names in _IN_MODULES.items() for name in names.split())

#: Methods of a path that write, move or delete.
_METHODS = """
    chmod copy copy_into hardlink_to lchmod mkdir move move_into open rename replace rmdir symlink_to touch
    unlink write_bytes write_text
"""
_OF_PATHS = frozenset(_METHODS.split())
#: What loads another stream, in which there may be anything.
_LOADING = ("brinery:load", "brinery:_load", "brinery.files:load", "brinery.pickling:_load")


def _changes_files(name: str) -> bool:
    module, _, qualname = name.partition(":")
    cls, _, method = qualname.partition(".")
    return module in ("pathlib", "pathlib._local") and cls.endswith("Path") and method in _OF_PATHS


def is_dangerous(name: str) -> bool:
    """Whether the global of that dotted name, called with what a stream says, can do anything at all.

    True is certain; a name that is not known here may still be harmful.
    """
    module, _, qualname = name.partition(":")
    # Below protocol 3 pickles have Python 2's names.
    module, qualname = NAME_MAPPING.get((module, qualname), (IMPORT_MAPPING.get(module, module), qualname))
    name = f"{module}:{qualname}"
    parts = module.split(".")
    if name.startswith(_LOADING) or _changes_files(name):
        return True
    # A method of a class that is in the list, such as unittest.mock:patch.object, is so too.
    return (
        name in _NAMES
        or any(name.startswith(f"{known}.") for known in _NAMES)
        or any(".".join(parts[: i + 1]) in _MODULES for i in range(len(parts)))
    )
