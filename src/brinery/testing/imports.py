"""What importing a module imports, found out in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

__all__ = ["imported_by"]

#: Modules of the standard library that take longer to import than a whole plugin should.
_HEAVY = frozenset(
    [
        "asyncio",
        "cProfile",
        "ctypes",
        "curses",
        "email",
        "http",
        "logging",
        "multiprocessing",
        "pdb",
        "pydoc",
        "sqlite3",
        "ssl",
        "tkinter",
        "unittest",
        "urllib.request",
        "xml",
        "xmlrpc",
    ]
)

_CHILD = """
import sys
import brinery, brinery.hookspecs, brinery.profile
before = set(sys.modules)
__import__(sys.argv[1])
plugin = sys.modules[sys.argv[1]]
if any(name.startswith("brinery_") for name in dir(plugin)):
    brinery.Profile([plugin])
print(*sorted(set(sys.modules) - before), sep="\\n")
"""


def imported_by(module: str) -> set[str]:
    """The packages that importing `module` imports: third parties', and heavy ones of the standard library.

    Where the module has hooks, a profile is made of it too. Raises AssertionError where that fails.
    """
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, module],
        env={**os.environ, "BRINERY_PLUGINS": "", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{module} cannot be imported alone:\n{done.stderr}"
    found = set()
    for name in done.stdout.split():
        package = name.partition(".")[0]
        if package in sys.stdlib_module_names:
            found |= {heavy for heavy in (package, name) if heavy in _HEAVY}
        elif package not in ("brinery", "pluggy", "typing_extensions") and not package.startswith("__"):
            found.add(package)
    return found
