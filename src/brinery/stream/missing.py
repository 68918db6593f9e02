"""What helps where a name is not found here: another version of Python or of a package, or a plugin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from brinery.stream.globals import GlobalName, printable
from brinery.stream.naming import plugin_for
from brinery.stream.resolving import resolve

if TYPE_CHECKING:
    from brinery.plan import ReadPlan
    from brinery.stream.naming import Today

__all__ = ["advice_on"]

# Modules of the standard library that are gone, and the last Python that had them (its "What's New" pages).
_GONE = {
    **dict.fromkeys(("binhex", "asynchat.fifo", "formatter"), "3.9"),
    "parser": "3.9",
    "symbol": "3.9",
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), "3.11"),
    **dict.fromkeys(
        [
            "aifc",
            "audioop",
            "cgi",
            "cgitb",
            "chunk",
            "crypt",
            "imghdr",
            "mailcap",
            "msilib",
            "nis",
            "nntplib",
            "ossaudiodev",
            "pipes",
            "sndhdr",
            "spwd",
            "sunau",
            "telnetlib",
            "uu",
            "xdrlib",
            "lib2to3",
        ],
        "3.12",
    ),
}
# And modules that only newer ones have.
_NEWER = {"pathlib._local": "3.13", "annotationlib": "3.14", "compression": "3.14", "tomllib": "3.11"}

# Distributions whose modules have other names.
_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "PIL": "Pillow",
    "yaml": "PyYAML",
    "dateutil": "python-dateutil",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
    "attr": "attrs",
}


def advice_on(named: GlobalName, today: Today, plan: ReadPlan | None) -> str:
    """What to do about the name `named` of a stream, which `today` says is not found; safe to show."""
    return printable(_advice(named, today, plan))


def _advice(named: GlobalName, today: Today, plan: ReadPlan | None) -> str:
    name = GlobalName(*today.name)
    top = name.module.partition(".")[0]
    if today.reason:
        return today.reason
    if top == "__main__":
        return (
            "the class was defined in the program that wrote it: define or import it in yours before the load"
        )
    distribution = plugin_for(named.module, plan) or plugin_for(name.module, plan)
    if today.status == "no module":
        for module, version in _GONE.items():
            if name.module == module or name.module.startswith(f"{module}."):
                return f"Python {version} is the last that has it"
        for module, version in _NEWER.items():
            if name.module == module or name.module.startswith(f"{module}."):
                return f"it needs Python {version}{f', or the plugin {distribution}' if distribution else ''}"
    rule = f'or it moved: a plugin\'s NameTable says so, with read={{"{named.module}:{named.qualname}": "…"}}'
    plugin = ""
    if distribution:
        plugin = (
            f"the plugin {distribution} knows many such names (where it is installed, ask with --plugins); "
        )
    there = resolve(top, "", dotted=False).status != "no module"
    if there and top not in sys.stdlib_module_names:
        return f"{plugin}another version of {_DISTRIBUTIONS.get(top, top)} may have it, {rule}"
    if there:
        return f"{plugin}another version of Python may have it, {rule}"
    if named.module in ("copy_reg", "__builtin__"):
        return "a name of Python 2 that only protocols 0 to 2 have read as such"
    package = _DISTRIBUTIONS.get(top, top)
    return f"{plugin}install what brings the module {top} (pip install {package}?), {rule}"
