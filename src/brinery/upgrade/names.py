"""What the names of a stream become in a file that is to be read without any plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError
from brinery.stream.naming import by_fallback, namer, stand_in
from brinery.upgrade.reshaping import RECONSTRUCTOR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from brinery.plan import ReadPlan

__all__ = ["NewNames"]

_Pair = tuple[str, str]

#: What stands in for ``copyreg._reconstructor`` does the same, for extension types, too.
_RECONSTRUCT = "brinery.engine.shaping:reconstruct"


class NewNames:
    """A function of module, name and whether Python 2's tables count: the name to be written.

    What a fallback is for is looked up without importing it, and the fallback taken where the old name is not
    found here. What a plugin's own function stands in for keeps its old name, as no pickle can say that
    function: it wants the plugin whenever it is loaded.

    needs  by a name that was given: why a load of it wants a plugin still.
    """

    def __init__(self, plan: ReadPlan, protocol: int) -> None:
        self.needs: dict[_Pair, str] = {}
        self._plan = plan
        self._protocol = protocol
        self._today = namer(plan)
        self._known: dict[tuple[str, str, bool], _Pair] = {}

    def __call__(self, module: str, qualname: str, era: bool) -> _Pair:
        """The name. Raises PluginConflict for one that plugins dispute.

        Raises UnpicklingError for a name of Python 2's library that a function stands in for, where the
        protocol is one at which nobody would look for that.
        """
        key = module, qualname, era
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._found(*key)
        # Their own objects, where the stream has them: what else of it is the same text is the same object.
        return (
            module if known[0] == module else known[0],
            qualname if known[1] == qualname else known[1],
        )

    def restate(self, pair: _Pair) -> Callable[[Any], Any] | None:
        """What gives the state of today for one of a class, looking at its items alone; None for nothing."""
        shapes = self._plan.shapes
        shaped = shapes.find(*pair, False) if shapes is not None and pair[0] in shapes.modules else None
        return None if shaped is None else shaped.restate

    def text_items(self, pair: _Pair) -> Mapping[int, str]:
        """What strings of Python 2 are, by their place in the state of a class."""
        shapes = self._plan.shapes
        shaped = shapes.find(*pair, True) if shapes is not None and pair[0] in shapes.old else None
        return {} if shaped is None or shaped.text is None else shaped.text.items

    def is_extension(self, pair: _Pair) -> bool:
        """Whether a plugin says that what ``copyreg._reconstructor`` makes of a class, NEWOBJ does."""
        shapes = self._plan.shapes
        shaped = shapes.find(*pair, False) if shapes is not None and pair[0] in shapes.modules else None
        return shaped is not None and ":".join(RECONSTRUCTOR) in shaped.through

    def _found(self, module: str, qualname: str, era: bool) -> _Pair:
        named = module, qualname
        pair = self._today(module, qualname, era)
        if _is_plugins(pair) and pair != named:
            if era and self._protocol >= 3 and self._today(module, qualname, False) != pair:
                raise self._refusal(named, ":".join(pair))
            self.needs[named] = f"{':'.join(pair)} stands in for it"
            return named
        if function := stand_in(self._plan, pair):
            always = self._plan.names is not None and pair in self._plan.names.stand_ins
            if self._protocol >= 3 and not always:
                raise self._refusal(named, function)
            if function != _RECONSTRUCT:
                self.needs[pair] = f"{function} stands in for it"
            return pair
        pair = self._by_fallback(pair)
        shapes = self._plan.shapes
        shaped = shapes.find(*pair, False) if shapes is not None and pair[0] in shapes.modules else None
        if shaped is not None and (
            shaped.create or shaped.arguments or (shaped.build and shaped.restate is None)
        ):
            self.needs.setdefault(pair, "its objects may have been of another shape")
        return pair

    def _refusal(self, named: _Pair, function: str) -> ReadError:
        return ReadError(
            f"{':'.join(named)} is gone, and {function} stands in for it when a pickle is loaded, which no "
            "pickle can say: load this one, and dump what came of it"
        )

    def _by_fallback(self, pair: _Pair) -> _Pair:
        fallbacks = self._plan.fallbacks
        if fallbacks is None:
            return pair
        there = by_fallback(fallbacks, pair)
        if there != pair and _is_plugins(there):
            self.needs[pair] = f"{':'.join(there)} stands in for it"
            return pair
        return there


def _is_plugins(pair: _Pair) -> bool:
    """Whether it is a function that a first-party plugin has for what is gone."""
    return pair[0].partition(".")[0].startswith("brinery_")
