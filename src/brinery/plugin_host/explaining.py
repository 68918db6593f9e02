"""Who has a say about a class or a name, who wins, and by which rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.dotted import import_dotted, is_dotted, name_of_class
from brinery.plan import NATIVE_TYPES
from brinery.plugin_host.kinds import by_key
from brinery.plugin_host.saying import Asked, Say
from brinery.urls import redacted
from brinery.wording import fold, nearest_in_module

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from brinery.plugin_host.places import Place
    from brinery.plugin_host.settling import Conflict

__all__ = ["Explanation", "Say", "explain"]

_NOBODY = "no plugin has a say: it is written and read as the standard library's pickle does"


class Explanation(NamedTuple):
    """Everything that plugins and bound stores have to say about `name`.

    note      says more where that is of use.
    conflict  what plugins disagree on, and what to do; "" where they agree.
    """

    name: str
    says: tuple[Say, ...]
    note: str = ""
    conflict: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The explanation in types that JSON has."""
        return {
            "name": self.name,
            "says": [{**say._asdict(), "plugin": say.plugin._asdict()} for say in self.says],
            "note": self.note,
            "conflict": self.conflict,
        }

    def __str__(self) -> str:
        lines = [self.name]
        if not self.says and not self.note:
            lines.append(f"    {_NOBODY}")
        for say in self.says:
            plugin = say.plugin
            source = f"{plugin.distribution} {plugin.version}" if plugin.distribution else plugin.origin
            lines.append(fold(f"  {'*' if say.wins else ' '} {plugin.name} ({source}): ", say.what))
            lines.append(fold("      rule: ", say.rule))
        if self.note:
            lines.append(fold("    ", self.note))
        if self.conflict:
            lines.append(self.conflict)
        return "\n".join(lines)


def explain(
    places: Sequence[Place],
    name: str | type,
    claimed: Callable[[type], Sequence[Say]] | None = None,
    skipped: Sequence[str] = (),
) -> Explanation:
    """See :meth:`brinery.profile.Profile.explain`.

    `claimed` says which bound stores claim a class, and `skipped` what plugins might have had a say.
    """
    if not isinstance(name, str | type):
        raise TypeError(
            f"explain() wants a class or a name, such as 'numpy:ndarray', 'numpy' or 'sqlite:'; not {name!r}"
            + f", of type {type(name).__qualname__}: explain(type(…)) is about its class"
        )
    conflicts: list[Conflict] = []
    spelled = name if isinstance(name, str) else name_of_class(name)
    kind, subject = _key(spelled)
    cls, note = (name, "") if isinstance(name, type) else _class_called(subject)
    asked = Asked(subject if kind != "scheme" else f"{subject}:", cls)
    offered = cls is not None and not any(cls is own for own in NATIVE_TYPES)
    says = [*claimed(cls)] if claimed is not None and cls is not None and offered else []
    for place in places:
        says += place.says(asked, conflicts)
    if cls is not None:
        lines = [line for place in places for line in place.misspelt(cls)]
        if not says:
            lines += skipped
            note = note or (_NOBODY if lines else "")
        note = "; ".join([note, *lines] if note else lines)
    row = by_key(kind)
    if row is not None:
        says = [say for say in says if say.kind == row.noun or say.kind.endswith(f" {row.key}")]
    texts = dict.fromkeys(conflict.text for conflict in conflicts)
    return Explanation(redacted(spelled), tuple(says), note, "\n".join(texts))


def _key(name: str) -> tuple[str, str]:
    """The kind and the subject, where `name` is a key of ``prefer``; else "" and the name."""
    key, _, subject = name.partition(":")
    return (key, subject) if subject and by_key(key) is not None else ("", name)


def _class_called(name: str) -> tuple[type | None, str]:
    if not is_dotted(name):
        return None, ""
    try:
        found = import_dotted(name)
    except Exception as failure:
        near = nearest_in_module(name)
        meant = f"; did you mean {near!r}?" if near else ""
        return None, (
            f"it cannot be imported ({type(failure).__name__}: {failure}), so that only what is declared "
            f"under this very name is shown{meant}"
        )
    if not isinstance(found, type):
        return type(found), f"it is no class: what is shown is for all objects of {type(found)!r}"
    if any(found is own for own in NATIVE_TYPES):
        return found, "one of the format's own data types: never offered to plugins or stores"
    return found, ""
