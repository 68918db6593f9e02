"""What one load knows of classes whose shape has changed, and of what Python 2's str were in the stream.

Both engines make a Shaping when a stream names the first such class, or has the first such str under a plan
with text rules, and ask it from then on. No load of anything else comes here.

A str of Python 2 is read as the load's `encoding` and `errors` say, and remembered with its bytes. When it is
handed over, as an argument or within a state, a rule for that place has it read again from these. So what
counts is where a str ends up, not where it stood in the stream, and one that two objects share may be bytes
in one and text in the other. What cannot be decoded is an error, in the words and at the place of C pickle,
unless a rule has spoken of it by the time that the load is over.
"""

from __future__ import annotations

import copyreg

from brinery.dotted import MISSING, find_loaded
from brinery.errors import ReadError
from brinery.lean_typing import TYPE_CHECKING
from brinery.plan import Shaped
from brinery.stream.text import decode_string

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from brinery.plan import ReadPlan, ShapeTable, TextTable

__all__ = ["Shaping", "Undecoded", "may_be_shaped", "reconstruct"]

_CONTAINERS = (dict, list, tuple)


def may_be_shaped(plan: ReadPlan) -> bool:
    """Whether a load by this plan may have to do with what is here."""
    return plan.shapes is not None or any(
        names is not None and bool(names.stand_ins) for names in (plan.names, plan.era_names)
    )


class Undecoded(bytes):
    """A str of Python 2 that the load could not decode, while it is open whether a rule knows better."""


def reconstruct(cls: Any, base: Any, state: Any) -> object:
    """What ``copyreg._reconstructor`` does, for classes that have become extension types since, too.

    Python 2's protocols 0 and 1 make an object by ``object.__new__(cls)``, which an extension type refuses.
    Raises TypeError where `cls` cannot be made without arguments either.
    """
    if base is object:
        try:
            return object.__new__(cls)
        except TypeError:
            if cls.__new__ is object.__new__:
                raise
        return cls.__new__(cls)
    made = base.__new__(cls, state)
    if base.__init__ is not object.__init__:
        base.__init__(made, state)
    return made


def _decoded(data: bytes, text: Any) -> str:
    """A str of Python 2 as a text rule has it, which may be wrong."""
    try:
        return data.decode(text)
    except UnicodeDecodeError as refused:
        refused.add_note(
            f"A TextRule says that {data[:30]!r} is {text}, and the encoding of the load counts no more. Say "
            "'bytes', or its encoding, in that rule; brinery plugins shows whose it is."
        )
        raise
    except (LookupError, TypeError) as unknown:
        raise ReadError(
            f"the function of a TextRule gave {text!r} for {data[:30]!r}, which is no encoding: it returns "
            "one, 'bytes', or None"
        ) from unknown


def _call(function: Callable[..., object], *args: Any, **kwargs: Any) -> object:
    return function(*args, **kwargs)


class Shaping:
    """The changed shapes that one load has met, and Python 2's str in it.

    known  by the identity of a class or function, that and what is declared for it. An engine looks
           here to see whether it has to ask.
    wild   whether any class may have to be asked about, since a rule decides on every str.
    """

    __slots__ = ("_again", "_encoding", "_errors", "_old", "_refused", "_table", "known", "wild")

    def __init__(self, table: ShapeTable | None, encoding: str, errors: str) -> None:
        self.known: dict[int, tuple[object, Shaped]] = {}
        self.wild = False
        self._table = table
        self._encoding = encoding
        self._errors = errors
        self._old: dict[int, tuple[object, bytes]] = {}
        self._again: dict[tuple[int, str], object] = {}
        self._refused: dict[int, tuple[UnicodeDecodeError, int, str]] = {}

    # Globals

    def meet(self, module: str, qualname: str, old: bool, found: object) -> None:
        """The stream, perhaps of Python 2 (`old`), names `found`, which is called so today."""
        table = self._table
        if table is None or module not in (table.old if old else table.modules):
            return
        shaped = table.find(module, qualname, old)
        if shaped is not None:
            self._know(found, shaped)

    def stand_in(self, name: str, function: Any) -> None:
        """What the stream calls `name` is a call of `function`."""
        if function is not reconstruct:  # which knows a class by itself
            self._know(function, Shaped(name, create=_call))
        elif not self.known:
            self._know_copyreg()

    def _know(self, found: object, shaped: Shaped) -> None:
        if not self.known:
            self._know_copyreg()
        self.known[id(found)] = found, shaped
        for made in shaped.instances:
            other = find_loaded(made)
            if other is not MISSING:
                self.known[id(other)] = other, shaped
        for name in shaped.through:
            function = find_loaded(name)
            if function is not MISSING and id(function) not in self.known:
                self.known[id(function)] = function, Shaped(name, self._with_class)

    def _know_copyreg(self) -> None:
        for through in (copyreg._reconstructor, reconstruct):  # type: ignore[attr-defined]
            self.known[id(through)] = through, Shaped("copyreg:_reconstructor", self._reconstruct)
        for name in ("__newobj__", "__newobj_ex__"):
            through = getattr(copyreg, name)
            self.known[id(through)] = through, Shaped(f"copyreg:{name}", self._through)

    def _with_class(self, function: Any, cls: Any, *args: Any) -> object:
        known = self.known.get(id(cls))
        if known is not None and known[1].create is not None:
            return known[1].create(cls, *args)
        return function(cls, *args)

    def _reconstruct(self, function: Any, cls: Any, base: Any, state: Any) -> object:
        known = self.known.get(id(cls))
        if known is not None and known[1].create is not None:
            return known[1].create(cls, *(() if base is object else (state,)))
        return function(cls, base, state)

    def _through(self, function: Any, cls: Any, *args: Any) -> object:
        named: dict[str, Any] = {}
        if function is not copyreg.__newobj__:  # type: ignore[attr-defined]
            args, named = args
        done, made = self.make(cls, args, named)
        return made if done else cls.__new__(cls, *made, **named)

    # Objects

    def make(self, function: Any, args: tuple[Any, ...], named: Mapping[str, Any] | None = None) -> Any:
        """Whether an object was made in the place of a call of `function`, and it; else the arguments to
        use."""
        shaped = self._shaped(function)
        if shaped is None:
            return False, args
        if shaped.text is not None and shaped.text.arguments:
            args = self._at(args, shaped.text.arguments)
        elif self.wild:
            args = self._decided(args, (shaped.name,))
        if shaped.arguments is not None:
            args = shaped.arguments(args)
        if shaped.create is not None:
            return True, shaped.create(function, *args, **(named or {}))
        return False, args

    def build(self, instance: Any, state: Any) -> tuple[Any] | None:
        """The one state to give to `instance` in the ordinary way; None where it has it now."""
        shaped = self._shaped(type(instance))
        if shaped is None:
            return (state,)
        if shaped.text is not None:
            state = self._state(shaped.name, state, shaped.text)
        elif self.wild:
            state = self._state(shaped.name, state, None)
        return shaped.build(instance, state) if shaped.build is not None else (state,)

    def _shaped(self, thing: Any) -> Shaped | None:
        known = self.known.get(id(thing))
        if known is not None:
            return known[1]
        if not self.wild:
            return None
        return Shaped(f"{getattr(thing, '__module__', '')}:{getattr(thing, '__qualname__', '')}")

    # Python 2's text

    def read(self, data: bytes, offset: int, opcode: str) -> object:
        """A str of Python 2, of the opcode at `offset`, as the load wants it, for now."""
        value: object
        try:
            value = decode_string(data, self._encoding, self._errors)
        except UnicodeDecodeError as refused:
            value = Undecoded(data)
            self._refused[id(value)] = refused, offset, opcode
        self._old[id(value)] = value, data
        if self._table is not None and self._table.decide is not None:
            self.wild = True
        return value

    def finish(self, result: Any) -> Any:
        """The result of a load. Raises what could not be decoded, and no rule has spoken of."""
        if self.wild:
            result = self._decided(result, ("",))
        if (refused := self.refused()) is not None:
            raise refused
        return result

    def refused(self) -> UnicodeDecodeError | None:
        """What could not be decoded first; None where there is nothing."""
        return next(iter(self._refused.values()))[0] if self._refused else None

    def place_of(self, error: object) -> tuple[int, str] | None:
        """Where the opcode is that `error` is about, and its name; None where it is about none of these.

        The load has failed: what it could not decode is forgotten.
        """
        everything, self._refused = self._refused, {}
        for refused, offset, opcode in everything.values():
            if refused is error:
                return offset, opcode
        return None

    def _as(self, value: Any, text: Any) -> Any:
        """`value`, where it is a str of Python 2, as `text` says; else itself."""
        held = self._old.get(id(value))
        if held is None or held[0] is not value or text is None:
            return value
        again = self._again.get((id(value), text), self)
        if again is self:
            again = held[1] if text == "bytes" else _decoded(held[1], text)
            self._again[id(value), text] = again
        self._refused.pop(id(value), None)
        return again

    def _at(self, values: Any, texts: Mapping[int, str]) -> Any:
        """A tuple or list with what is at some positions as a rule has it."""
        changed = list(values)
        for at, text in texts.items():
            if at < len(changed):
                changed[at] = self._as(changed[at], text)
        return changed if isinstance(values, list) else tuple(changed)

    def _state(self, name: str, state: Any, rule: TextTable | None) -> Any:
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
            plain, slots = state
            if plain is None or isinstance(plain, dict):
                return self._state(name, plain, rule), self._state(name, slots, rule)
        if isinstance(state, dict) and (rule is None or rule.attributes):
            for key, value in list(state.items()):
                attribute = key.decode("latin-1") if isinstance(key, bytes) else key
                text: Any = None
                if rule is not None:
                    text = rule.attributes.get(attribute, rule.attributes.get("*"))
                text = text or (self._table.decide if self.wild and self._table is not None else None)
                if text is not None and (new := self._within(value, text, (name, attribute))) is not value:
                    state[key] = new
        elif isinstance(state, tuple | list):
            if rule is not None and rule.items:
                state = self._at(state, rule.items)
            if self.wild:
                state = self._decided(state, (name,))
        return state

    def _decided(self, value: Any, path: tuple[object, ...]) -> Any:
        decide = self._table.decide if self._table is not None else None
        return value if decide is None else self._within(value, decide, path)

    def _within(self, value: Any, text: Any, path: tuple[object, ...]) -> Any:
        """`value`, and what is in it where it is a list, tuple or dict, as `text` says. No recursion: depth
        is free."""
        if type(value) not in _CONTAINERS:
            return self._decide(value, text, path)
        seen = {id(value)}
        found: list[tuple[Any, tuple[object, ...]]] = [(value, path)]
        for container, where in found:
            items = container.items() if type(container) is dict else enumerate(container)
            for key, item in items:
                if type(item) in _CONTAINERS and id(item) not in seen:
                    seen.add(id(item))
                    found.append((item, (*where, key)))
        anew: dict[int, Any] = {}  # tuples that had to be made again
        for container, where in reversed(found):
            pairs = list(container.items() if type(container) is dict else enumerate(container))
            changed = {}
            for key, item in pairs:
                new = anew.get(id(item), item)
                if type(item) not in _CONTAINERS:
                    new = self._decide(item, text, (*where, key))
                if new is not item:
                    changed[key] = new
            if not changed:
                continue
            if type(container) is tuple:
                anew[id(container)] = tuple(changed.get(key, item) for key, item in pairs)
            else:
                for key, new in changed.items():
                    container[key] = new
        return anew.get(id(value), value)

    def _decide(self, value: Any, text: Any, path: tuple[object, ...]) -> Any:
        held = self._old.get(id(value))
        if held is None or held[0] is not value:
            return value
        return self._as(value, text if isinstance(text, str) else text(path, held[1]))
