"""Where a global is not found: why, if a table says so; the rule nearest to it; and the plugin that may be
missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.stream.naming import plugin_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brinery.plan import NameMap, ReadPlan

__all__ = ["on_names"]


def on_names(named: tuple[str, str], module: str, qualname: str, plan: ReadPlan | None) -> Iterator[str]:
    """What there is to say about a global that is not there: `named` so in the stream, then looked for as
    `module` and `qualname`."""
    if plan is not None:
        if reason := plan.why_gone(named, (module, qualname)):
            yield reason
            return
        names = [table for table in (plan.names, plan.fallbacks, plan.era_names) if table is not None]
        if named == (module, qualname) and (near := _nearest(named, names)) is not None:
            yield f"the rule nearest to it is {near}"
    if distribution := plugin_for(named[0], plan):
        package = named[0].partition(".")[0]
        yield (
            f"the plugin {distribution} knows what {package} called things before: pip install {distribution}"
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
