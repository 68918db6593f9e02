"""Who wins where several plugins speak of the same thing. Never silently the last, or the first."""

from __future__ import annotations

from brinery.errors import PluginConflict
from brinery.lean_typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from brinery.plugin_host.kinds import Kind
    from brinery.plugin_host.plugins import Claim
    from brinery.plugin_host.preferences import Preferences

__all__ = ["Conflict", "Settlement", "all_of", "refusal", "settle"]


class Conflict(NamedTuple):
    """Plugins disagree: the key of ``prefer`` that would settle it, and all that there is to say."""

    key: str
    text: str


class Settlement(NamedTuple):
    """What was settled between claims on one subject.

    chosen    the claim that counts; of a kind that is asked in order, all that count, in that order.
    rule      why these, in words.
    conflict  where nothing says which is meant; then nothing is chosen.
    """

    chosen: tuple[Claim[Any], ...]
    rule: str
    conflict: Conflict | None = None


def settle(
    kind: Kind,
    keys: Sequence[str],
    claims: Sequence[Claim[Any]],
    preferences: Preferences,
    *,
    subject: str = "",
    aspect: str = "",
) -> Settlement:
    """Which of `claims`, all of one kind and about one thing, count.

    keys     the subjects that a preference may use; the first one is shown.
    subject  what it is about, where that is not the first key, and in which `aspect`.

    The preferred plugin wins, then identical declarations merge; else there is a conflict.
    """
    by_plugin: dict[str, list[Claim[Any]]] = {}
    for claim in claims:
        by_plugin.setdefault(claim.plugin.name, []).append(claim)
    in_order = kind.settles == "in order"
    if len(claims) == 1 or (in_order and len(by_plugin) == 1):
        return Settlement(tuple(claims), "the only one")
    for key in keys:
        preference = preferences.get((kind.key, key))
        if preference is None:
            continue
        preferred = [claim for name in preference.plugins for claim in by_plugin.get(name, ())]
        if preferred and (in_order or _agree(preferred)):
            return Settlement(tuple(preferred if in_order else preferred[:1]), preference.rule)
    first = next(iter(by_plugin.values()))
    if in_order:
        agree = all(_meanings(same) == _meanings(first) for same in by_plugin.values())
    else:
        agree = _agree(claims)
    if agree:
        return Settlement(tuple(first if in_order else first[:1]), "all declare the same")
    about = kind.about.format(subject=subject or keys[0], aspect=aspect)
    text = _text(kind, about, keys[0], claims, list(by_plugin))
    return Settlement((), "in conflict: nothing says which is meant", Conflict(f"{kind.key}:{keys[0]}", text))


def refusal(conflict: Conflict) -> Callable[..., NoReturn]:
    """What stands in a plan's table for what is in conflict: it raises that when it is asked."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise PluginConflict(conflict.text, (conflict.key,))

    return refuse


def all_of(conflicts: Sequence[Conflict]) -> PluginConflict:
    """One error for all of them."""
    texts = [conflict.text for conflict in conflicts]
    if len(texts) > 1:
        texts.insert(0, f"plugins are in conflict about {len(texts)} things.")
    return PluginConflict("\n\n".join(texts), tuple(conflict.key for conflict in conflicts))


def _meanings(claims: Sequence[Claim[Any]]) -> list[object]:
    return [getattr(claim.declared, "meaning", claim.declared) for claim in claims]


def _agree(claims: Sequence[Claim[Any]]) -> bool:
    first, *others = _meanings(claims)
    return all(meaning == first for meaning in others)


def _text(kind: Kind, about: str, key: str, claims: Sequence[Claim[Any]], plugins: list[str]) -> str:
    sides = "\n".join(
        f"  {claim.plugin}: {_described(claim.declared)} ({claim.place})"
        for claim in sorted(claims, key=lambda claim: plugins.index(claim.plugin.name))
    )
    if len(plugins) == 1:
        return (
            f"the plugin {plugins[0]!r} declares {about} in more than one way:\n{sides}\n"
            f"Mend it, or leave it out: Profile(without={{{plugins[0]!r}}})."
        )
    full_key = f"{kind.key}:{key}"
    in_order = kind.settles == "in order"
    wins: object = tuple(plugins) if in_order else plugins[0]
    which = "in which order to ask them" if in_order else "which is meant"
    outside = f"{full_key}={','.join(plugins) if in_order else plugins[0]}"
    return (
        f"more than one plugin declares {about}, and nothing says {which}:\n{sides}\n"
        f"Say it in the program: Profile(prefer={{{full_key!r}: {wins!r}}}), or around it: "
        f'BRINERY_PREFER="{outside}". Or leave one out: Profile(without={{{plugins[-1]!r}}}). '
        "For brinery.dumps and the like: brinery.set_default_profile(brinery.Profile(…))."
    )


def _described(declared: object) -> str:
    return declared if isinstance(declared, str) else declared.describe()  # type: ignore[attr-defined]
