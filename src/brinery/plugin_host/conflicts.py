"""Who wins where several plugins declare the same thing. Never silently the last, or the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from brinery.declarations import Reducer, target_name
from brinery.errors import PluginConflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from brinery.plugin_host.plugins import Claim

__all__ = ["settle"]

Declared = TypeVar("Declared")


def settle(
    subject: str, keys: Sequence[str], claims: Sequence[Claim[Declared]], prefer: Mapping[str, str]
) -> tuple[Claim[Declared], str]:
    """The claim that wins, and the rule by which it does, in words.

    subject  what is claimed, for the error: "a reducer for numpy:ndarray".
    keys     the names of it that `prefer` may use; the first one is shown.

    The preferred plugin wins, then identical declarations merge; else PluginConflict.
    """
    if len(claims) == 1:
        return claims[0], "the only one"
    for key in keys:
        preferred = [claim for claim in claims if claim.plugin.name == prefer.get(key)]
        if len(preferred) == 1:
            return preferred[0], f"prefer[{key!r}]"
    if all(_meaning(claim.declared) == _meaning(claims[0].declared) for claim in claims[1:]):
        return claims[0], "all declare the same"
    from brinery.plugin_host.report import describe  # for the error only

    sides = "\n".join(f"  {claim.plugin}: {describe(claim.declared)}" for claim in claims)
    first = claims[0].plugin.name
    raise PluginConflict(
        f"more than one plugin declares {subject}, and nothing says which is meant:\n{sides}\n"
        f"Say which: Profile(prefer={{{keys[0]!r}: {first!r}}}). "
        f"Or leave one out: Profile(without={{{claims[-1].plugin.name!r}}}). "
        "For brinery.dumps and the like: brinery.set_default_profile(brinery.Profile(…))."
    )


def _meaning(declared: object) -> object:
    """What makes two declarations identical: a class and its dotted name are one target."""
    if isinstance(declared, Reducer):
        return target_name(declared.target), declared.reduce, declared.subclasses
    return declared
