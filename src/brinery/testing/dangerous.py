"""Globals that give whoever names them in a stream the whole process."""

from __future__ import annotations

__all__ = ["is_dangerous"]

#: All that is in these modules, and in those beneath them.
_MODULES = frozenset(
    [
        "_posixsubprocess",
        "asyncio.subprocess",
        "bdb",
        "cgitb",
        "code",
        "codeop",
        "commands",
        "cProfile",
        "ctypes",
        "distutils",
        "doctest",
        "ftplib",
        "http.client",
        "idlelib",
        "imaplib",
        "importlib",
        "marshal",
        "multiprocessing",
        "nt",
        "os",
        "pdb",
        "pickle",
        "_pickle",
        "pip",
        "pkgutil",
        "posix",
        "profile",
        "pty",
        "pydoc",
        "runpy",
        "shelve",
        "shutil",
        "signal",
        "site",
        "smtplib",
        "socket",
        "socketserver",
        "ssl",
        "subprocess",
        "sys",
        "telnetlib",
        "tempfile",
        "threading",
        "timeit",
        "trace",
        "urllib.request",
        "venv",
        "webbrowser",
        "xmlrpc",
        "zipimport",
    ]
)
_NAMES = frozenset(
    (
        *(
            f"builtins:{name}"
            for name in [
                "__import__",
                "breakpoint",
                "compile",
                "delattr",
                "eval",
                "exec",
                "getattr",
                "globals",
            ]
        ),
        *(
            f"builtins:{name}"
            for name in (
                "input",
                "locals",
                "open",
                "setattr",
                "vars",
            )
        ),
        *(
            f"operator:{name}"
            for name in (
                "attrgetter",
                "itemgetter",
                "methodcaller",
            )
        ),
        "_operator:attrgetter",
        "_operator:methodcaller",
        "operator:call",
        "_operator:call",
        "asyncio:run",
        "asyncio.runners:run",
        "atexit:register",
        "logging.config:dictConfig",
        "logging.config:fileConfig",
        "logging.config:listen",
        "sqlite3:connect",
        "_sqlite3:connect",
        "unittest.mock:patch",
        "unittest.mock:_patch",
        "functools:reduce",
        "types:CodeType",
        "types:FunctionType",
        "cloudpickle.cloudpickle:_builtin_type",
        "cloudpickle.cloudpickle:_make_function",
    )
)


#: Methods of a path that write, move or delete.
_OF_PATHS = frozenset(
    [
        "chmod",
        "copy",
        "copy_into",
        "hardlink_to",
        "lchmod",
        "mkdir",
        "move",
        "move_into",
        "open",
        "rename",
        "replace",
        "rmdir",
        "symlink_to",
        "touch",
        "unlink",
        "write_bytes",
        "write_text",
    ]
)


def _changes_files(name: str) -> bool:
    module, _, qualname = name.partition(":")
    cls, _, method = qualname.partition(".")
    return module in ("pathlib", "pathlib._local") and cls.endswith("Path") and method in _OF_PATHS


def is_dangerous(name: str) -> bool:
    """Whether the global of that dotted name, called with what a stream says, can do anything at all.

    True is certain; a name that is not known here may still be harmful.
    """
    module = name.partition(":")[0]
    parts = module.split(".")
    if name.startswith(("brinery:load", "brinery:_load")) or _changes_files(name):
        return True
    # A method of a class that is in the list, such as unittest.mock:patch.object, is so too.
    return (
        name in _NAMES
        or any(name.startswith(f"{known}.") for known in _NAMES)
        or any(".".join(parts[: i + 1]) in _MODULES for i in range(len(parts)))
    )
