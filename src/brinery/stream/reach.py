"""Functions that are no data: what a load that calls them is able to reach."""

from __future__ import annotations

__all__ = ["reach_of"]


def _named(*groups: tuple[str, str]) -> tuple[str, ...]:
    return tuple(f"{module}.{name}" for module, names in groups for name in names.split())


_ANY = "fetches whatever attribute it is told of whatever it is given: from there, any function is reached"

#: What each is able to do. Names are those that are reached in truth (``posix.system`` for ``os.system``).
_REACHES = {
    "runs what it is given": _named(
        ("builtins", "eval exec compile __import__ breakpoint help"),
        *((module, "system popen startfile") for module in ("os", "posix", "nt")),
        *(
            (module, "execl execle execlp execv execve execvp execvpe posix_spawn posix_spawnp fork kill")
            for module in ("os", "posix", "nt")
        ),
        ("os", "spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe"),
        ("subprocess", "Popen call run check_output check_call getoutput getstatusoutput"),
        ("_posixsubprocess", "fork_exec"),
        ("multiprocessing.context", "Process"),
        ("multiprocessing.process", "BaseProcess"),
        ("pty", "spawn"),
        ("runpy", "_run_code _run_module_code run_path run_module"),
        ("pdb", "run runeval runcall Pdb"),
        ("bdb", "Bdb.run Bdb.runeval Bdb.runcall"),
        ("timeit", "timeit repeat Timer"),
        ("profile", "run runctx"),
        ("cProfile", "run runctx"),
        ("trace", "Trace.run"),
        ("code", "InteractiveInterpreter interact"),
        ("codeop", "compile_command"),
        ("doctest", "debug_script"),
        ("ensurepip", "_run_pip"),
        ("venv", "create"),
        ("webbrowser", "open"),
        ("platform", "popen"),
        ("asyncio.subprocess", "create_subprocess_exec create_subprocess_shell"),
        ("threading", "Thread Timer"),
        ("_thread", "start_new_thread"),
        ("ctypes", "CDLL PyDLL CFUNCTYPE"),
        ("_ctypes", "dlopen call_function"),
        ("numpy.testing._private.utils", "runstring"),
        ("torch", "hub.load"),
        ("pandas.core.computation.eval", "eval"),
        ("numexpr.necompiler", "evaluate"),
        ("sympy.core.sympify", "sympify"),
    ),
    "imports what it is told, and runs it by that": _named(
        ("importlib", "import_module reload"),
        ("importlib._bootstrap", "_gcd_import"),
        ("imp", "load_source load_module load_dynamic"),
        ("_imp", "create_dynamic"),
        ("pkgutil", "resolve_name"),
        ("pydoc", "locate safeimport"),
        ("unittest.mock", "_importer"),
        ("site", "addsitedir"),
        ("logging.config", "dictConfig fileConfig"),
    ),
    _ANY: _named(
        ("builtins", "getattr vars globals locals"),
        ("operator", "attrgetter methodcaller"),
        ("inspect", "getattr_static"),
    ),
    "calls what it is given": _named(
        ("builtins", "map filter"),
        ("functools", "reduce"),
        ("operator", "call"),
        ("itertools", "starmap"),
        ("types", "MethodType"),
        ("_contextvars", "Context.run"),
        ("weakref", "finalize"),
        ("atexit", "register"),
        ("signal", "signal"),
    ),
    "loads a pickle, or code, of its own, which nobody has looked at here": _named(
        ("_pickle", "loads load Unpickler"),
        ("pickle", "loads load _loads _load Unpickler _Unpickler"),
        ("cloudpickle.cloudpickle", "loads load"),
        ("dill._dill", "loads load"),
        ("brinery", "loads load load_file load_all"),
        ("joblib.numpy_pickle", "load"),
        ("joblib.numpy_pickle_utils", "_read_fileobject"),
        ("numpy", "load"),
        ("numpy.lib.npyio", "load"),
        ("numpy.lib._npyio_impl", "load"),
        ("pandas.io.pickle", "read_pickle"),
        ("torch", "load"),
        ("torch.serialization", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("marshal", "loads load"),
        ("shelve", "open Shelf DbfilenameShelf"),
        ("multiprocessing.reduction", "ForkingPickler.loads"),
        ("yaml", "load unsafe_load full_load"),
    ),
    "makes functions of code that the stream brings along": _named(
        ("builtins", "code function"),
        ("types", "CodeType FunctionType"),
        ("cloudpickle.cloudpickle", "_make_function _builtin_type _make_skeleton_class"),
        ("dill._dill", "_create_function _create_code _create_type"),
    ),
    "changes what it is told of the program": _named(
        ("builtins", "setattr delattr"),
        ("operator", "setitem delitem"),
        ("sys", "settrace setprofile exit"),
        ("os", "_exit putenv unsetenv chdir"),
        ("posix", "_exit putenv unsetenv chdir"),
        ("nt", "_exit putenv unsetenv chdir"),
        ("copyreg", "pickle add_extension"),
    ),
    "opens, writes or removes files": _named(
        ("builtins", "open"),
        ("io", "open open_code FileIO"),
        ("_io", "open open_code FileIO"),
        *(
            (module, "open remove unlink rmdir rename replace mkdir chmod chown symlink link truncate")
            for module in ("os", "posix", "nt")
        ),
        ("os", "removedirs makedirs"),
        ("shutil", "rmtree move copy copy2 copyfile copytree unpack_archive make_archive"),
        ("tempfile", "NamedTemporaryFile mkstemp"),
        ("zipfile", "ZipFile"),
        ("tarfile", "TarFile TarFile.open open"),
        ("linecache", "getlines getline updatecache"),
        ("fileinput", "input"),
        ("sqlite3", "connect"),
        ("_sqlite3", "connect Connection"),
        ("logging", "FileHandler"),
        ("distutils.file_util", "write_file copy_file"),
    ),
    "connects to other machines": _named(
        ("socket", "socket create_connection create_server getaddrinfo gethostbyname"),
        ("_socket", "socket getaddrinfo gethostbyname"),
        ("urllib.request", "urlopen urlretrieve Request"),
        ("http.client", "HTTPConnection HTTPSConnection HTTPSConnection.request HTTPConnection.request"),
        ("ftplib", "FTP"),
        ("smtplib", "SMTP"),
        ("poplib", "POP3"),
        ("imaplib", "IMAP4"),
        ("xmlrpc.client", "ServerProxy"),
        ("requests.api", "get post put delete request head"),
    ),
}
_BY_NAME = {name: words for words, names in _REACHES.items() for name in names}

#: Parts of a dotted name that lead out of a class, to its module's names or to all other classes.
_WAYS_OUT = frozenset(
    (
        "__globals__",
        "__builtins__",
        "__subclasses__",
        "__getattribute__",
        "__dict__",
        "__code__",
        "__closure__",
        "__self__",
        "__loader__",
        "__spec__",
        "__import__",
        "__call__",
        "__class__",
        "__base__",
        "__bases__",
        "__mro__",
        "f_globals",
        "gi_frame",
        "tb_frame",
    )
)


def reach_of(*names: str) -> str:
    """What a function of one of these names, ``module.qualname``, is able to do; empty for what may be data.

    The table has what is known to be misused. What is not in it is not harmless for that: any function of any
    module can be named, and called with anything.
    """
    for name in names:
        if name in _BY_NAME:
            return _BY_NAME[name]
    if any(part in _WAYS_OUT for name in names for part in name.split(".")):
        return _ANY
    return ""
