"""Where a global is not found: why, if a table says so; the rule nearest to it; and the plugin that may be
missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brinery.plan import NameMap, ReadPlan

__all__ = ["on_names"]

#: Distributions of plugins by the packages whose old names they know. The page about old pickles lists them.
_PLUGINS = {
    "brinery-science": (
        "numpy",
        "pandas",
        "scipy",
        "sklearn",
        "joblib",
        "networkx",
        "sympy",
        "statsmodels",
        "pytz",
        "PIL",
        "attr",
    ),
    "brinery-python2": (
        "__builtin__",
        "copy_reg",
        "exceptions",
        "sets",
        "UserDict",
        "UserList",
        "UserString",
    ),
}


def on_names(named: tuple[str, str], module: str, qualname: str, plan: ReadPlan | None) -> Iterator[str]:
    """What there is to say about a global that is not there: `named` so in the stream, then looked for as
    `module` and `qualname`."""
    if plan is not None:
        for pair in dict.fromkeys((named, (module, qualname))):
            reason = plan.gone.get(":".join(pair)) or plan.gone.get(pair[0])
            if reason:
                yield f"{':'.join(pair)} is gone: {reason}"
                return
        names = [table for table in (plan.names, plan.fallbacks, plan.era_names) if table is not None]
        if named == (module, qualname) and (near := _nearest(named, names)) is not None:
            yield f"the rule nearest to it is {near}"
    package = named[0].partition(".")[0]
    for distribution, packages in _PLUGINS.items():
        if package in packages and not _is_active(package, plan):
            yield (
                f"the plugin {distribution} knows what {package} called things before: "
                f"pip install {distribution}"
            )


def _is_active(package: str, plan: ReadPlan | None) -> bool:
    """Whether some plugin speaks of the package: then it is not missing."""
    if plan is None:
        return False
    tables = [table for table in (plan.names, plan.fallbacks) if table is not None]
    if package in ("__builtin__", "copy_reg", "exceptions"):
        return False
    return any(
        name.partition(".")[0] == package
        for table in tables
        for name in (*table.modules, *table.prefixes, *(module for module, _ in table.names))
    )


def _nearest(named: tuple[str, str], tables: list[NameMap]) -> str | None:
    import difflib

    known = {
        **{":".join(old): ":".join(new) for table in tables for old, new in table.names.items()},
        **{old: new for table in tables for old, new in table.modules.items()},
        **{f"{old}.*": f"{new}.*" for table in tables for old, new in table.prefixes.items()},
    }
    package = named[0].partition(".")[0]
    known = {old: new for old, new in known.items() if old.partition(":")[0].partition(".")[0] == package}
    for name in (":".join(named), named[0]):
        for found in difflib.get_close_matches(name, known, 1, 0.88):
            return f"{found} → {known[found]}"
    return None
