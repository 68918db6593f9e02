"""Changed shapes and rules for Python 2's text, made into the table that an engine asks."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from brinery.dotted import called, import_dotted
from brinery.errors import ReadError
from brinery.old_shapes import Shape, TextRule
from brinery.plan import Shaped, ShapeTable, TextTable
from brinery.plugin_host.places import BySubject, Fields
from brinery.plugin_host.settling import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from brinery.plugin_host.plugins import Claim
    from brinery.plugin_host.preferences import Preferences
    from brinery.plugin_host.settling import Settlement

__all__ = ["Shapes"]


class Shapes(BySubject):
    """A Place: ``shapes`` of the ReadPlan."""

    def __init__(self, claims: Sequence[Claim[Any]], preferences: Preferences) -> None:
        super().__init__(claims, preferences)
        self._found: dict[tuple[str, bool], Shaped] = {}

    def fields(self) -> Fields:
        """See Place."""
        modules = {
            kind: {t.partition(":")[0] for k, t in self._claims if k is kind} for kind in (Shape, TextRule)
        }
        everything = self.settled(TextRule, "*")
        decide: Any = None
        if everything is not None:
            decide = (
                refusal(everything.conflict)
                if everything.conflict is not None
                else _deciding(everything.chosen[0].declared.attributes["*"])
            )
        return Fields(
            read={
                "shapes": ShapeTable(
                    frozenset(modules[Shape]),
                    frozenset(modules[Shape] | modules[TextRule]),
                    bool(modules[TextRule]),
                    self._find,
                    decide,
                    self._slotted(),
                )
            }
        )

    def _slotted(self) -> Callable[[Any, Any], Any] | None:
        marks = {
            target[2:]: self.settled(kind, target) for kind, target in self._claims if target[:2] == "*:"
        }
        if not marks:
            return None

        def slotted(instance: Any, state: Any) -> Any:
            for mark, settled in marks.items():
                if settled is not None and hasattr(type(instance), mark):
                    if settled.conflict is not None:
                        refusal(settled.conflict)()
                    state = _function(settled.chosen[0].declared.state)(state)
            return state

        return slotted

    def _find(self, module: str, qualname: str, old: bool) -> Shaped | None:
        name = f"{module}:{qualname}"
        known = self._found.get((name, old))
        if known is None:
            shape = self.settled(Shape, name)
            text = self.settled(TextRule, name) if old else None
            if shape is None and text is None:
                return None
            known = self._found[name, old] = _shaped(name, shape, text)
        return known


def _shaped(name: str, shape: Settlement | None, text: Settlement | None) -> Shaped:
    for settled in (shape, text):
        if settled is not None and settled.conflict is not None:
            settled_refusal = refusal(settled.conflict)
            return Shaped(name, settled_refusal, settled_refusal, settled_refusal)
    create = arguments = build = None
    if shape is not None:
        declared: Shape = shape.chosen[0].declared
        words = f"a Shape of plugin {shape.chosen[0].plugin.name} for {name}"
        create = _creating(_function(declared.create), declared.create, words)
        arguments = _arguing(_function(declared.arguments), declared.arguments, words)
        if declared.state is not None or declared.build is not None or declared.defaults:
            build = _building(declared, words)
    table = None
    if text is not None:
        rule: TextRule = text.chosen[0].declared
        table = TextTable(rule.arguments, rule.items, rule.attributes)
    through: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    if shape is not None:
        through, instances = declared.through, declared.instances
    restate = None
    if build is not None and declared.shallow:
        restate = _restating(build)
    return Shaped(name, create, arguments, build, table, through, instances, restate)


def _restating(build: Callable[[Any, Any], tuple[object] | None]) -> Callable[[Any], Any]:
    def restate(state: Any) -> Any:
        (new,) = build(None, state) or (state,)
        return new

    return restate


def _function(function: Any) -> Any:
    if isinstance(function, str):
        return import_dotted(function)
    return function


def _deciding(text: Any) -> Callable[[tuple[object, ...], bytes], object]:
    return (lambda path, data: text) if isinstance(text, str) else text


def _creating(function: Any, declared: Any, words: str) -> Any:
    if function is None:
        return None

    def create(*args: Any, **kwargs: Any) -> object:
        made = function(*args, **kwargs)
        if made is None:
            raise _forgotten(words, "create", declared, "the new object")
        return made

    return create


def _arguing(function: Any, declared: Any, words: str) -> Any:
    if function is None:
        return None

    def arguments(old: tuple[Any, ...]) -> tuple[Any, ...]:
        new = function(old)
        if not isinstance(new, tuple):
            raise _forgotten(words, "arguments", declared, "a tuple of the new arguments", new)
        return new

    return arguments


def _forgotten(words: str, field: str, function: Any, wanted: str, given: object = None) -> ReadError:
    said = "None" if given is None else f"a {type(given).__name__}"
    hint = "; is there a return?" if given is None else ""
    return ReadError(f"{words}: {field}={called(function)} gave {said}, and has to return {wanted}{hint}")


def _untouched(instance: Any) -> Any:
    """The attributes of an instance that has nothing else: what can be told of a build that did nothing.

    None where the class keeps anything outside of them, or says itself how it takes a state.
    """
    cls = type(instance)
    if hasattr(cls, "__setstate__") or cls.__mro__[1:] != (object,) or "__slots__" in cls.__dict__:
        return None
    attributes = getattr(instance, "__dict__", None)
    return attributes if type(attributes) is dict and not attributes else None


def _building(shape: Shape, words: str) -> Callable[[Any, Any], tuple[object] | None]:
    """What a Shape has for BUILD, as one function of the instance and the old state."""
    state, build, version, defaults = (
        _function(shape.state),
        _function(shape.build),
        shape.version,
        shape.defaults,
    )

    def give(instance: Any, old: Any) -> tuple[object] | None:
        more = () if version is None else (_version(version, old),)
        new = old
        if build is not None:
            empty = _untouched(instance)
            given: tuple[object] | None = build(instance, old, *more)
            if given is None:
                if old and empty is not None and not empty and instance.__dict__ is empty:
                    raise _forgotten(
                        words, "build", shape.build, "(state,), or to give the instance its state"
                    )
                return None
            if not isinstance(given, tuple) or len(given) != 1:
                raise _forgotten(words, "build", shape.build, "None, or a tuple of one state", given)
            (new,) = given
        elif state is not None:
            new = state(old, *more)
            if new is None and old is not None:
                raise _forgotten(words, "state", shape.state, "the new state")
        return (_completed(new, defaults),)

    return give


def _version(version: Any, state: object) -> object:
    if not isinstance(version, str):
        return version(state)
    for part in (state, *state) if isinstance(state, tuple) else (state,):
        if isinstance(part, dict) and version in part:
            return part[version]
    return None


def _completed(state: Any, defaults: Any) -> Any:
    """`state` with the attributes that it lacks; itself where it is no dict."""
    if not defaults:
        return state
    if isinstance(state, dict):
        missing = {
            name: value(state) if isinstance(value, FunctionType) else value
            for name, value in defaults.items()
            if name not in state
        }
        return {**state, **missing} if missing else state
    if (
        isinstance(state, tuple)
        and len(state) == 2
        and all(part is None or isinstance(part, dict) for part in state)
    ):
        plain, slots = state
        held = {**(plain or {}), **(slots or {})}
        missing = {
            name: value(held) if isinstance(value, FunctionType) else value
            for name, value in defaults.items()
            if name not in held
        }
        return (plain, {**(slots or {}), **missing}) if plain is None else ({**plain, **missing}, slots)
    return state
