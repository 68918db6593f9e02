"""What plugins declare of objects that were written when their class was another: Shape and TextRule.

Both name their class, or the function that makes its objects, as it is called today; it is never imported
for that. An engine looks at them once a stream has named such a class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from brinery.dotted import called, is_dotted
from brinery.lean_typing import TYPE_CHECKING
from brinery.records import Record, Statement, refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    #: A function, or its dotted name, imported for the first stream that names the class.
    Function = Callable[..., Any] | str
    #: "bytes", an encoding, or a function ``decide(path, data)``.
    Text = str | Callable[[tuple[object, ...], bytes], object]

__all__ = ["Shape", "TextRule"]


class Shape(Record):
    """How what old streams say of a class fits the class of today.

    target     its dotted name, as it is called today: "package.module:qualname"; or that of a function that
               streams call. What name tables say is done before. Or ``"*:attribute"``, with `state` only:
               every class that has this attribute and a ``__setstate__``, where the old state is one of
               slots, (None, dict).
    state      ``state(old)`` gives the state of today. With a `version`: ``state(old, version)``.
    build      ``build(instance, old)`` gives the instance its state itself, in the place of BUILD, and
               returns None; or it returns a tuple of the one state that is to be given in the ordinary way.
               With a
               `version` that comes third. Instead of `state`.
    arguments  ``arguments(old)`` gives the arguments for the class, or function: tuple to tuple. For REDUCE,
               NEWOBJ, NEWOBJ_EX, INST and OBJ.
    create     ``create(cls, *args, **kwargs)`` makes the new object, in the place of REDUCE, NEWOBJ, INST,
               OBJ, and of ``copyreg._reconstructor``.
    through    functions that streams call with the class as their first argument to make its objects, by
               dotted name of today; `create` is called in their place, too, with the other arguments. With
               ``"copyreg:_reconstructor"``, the class has become an extension type, and an upgrade writes
               NEWOBJ in the place of that call of Python 2's protocols 0 and 1.
    instances  dotted names of the classes of the objects that calling `target` makes, where they are others.
    defaults   attributes that did not exist once, by name, with their values, added to a state that is a dict
               (or a pair with a dict) and has them not. A function is called with the state, and gives the
               value: lists and dicts want one each.
    version    where the author stamps a version: the name of an item of the state, or a function of the
               state.
    shallow    true where `state` looks at the items of the state, moves and renames them, and looks into none
               but numbers, text, bytes and None: then an upgrade of files does it, too, without building
               anything. It has to leave a state as it is that it gave itself (``state(state(old))`` is
               ``state(old)``): an upgraded file is still loaded with the plugin, and upgraded again. Where it
               does not, or looks deeper, the file keeps the old state, and the upgrade says why.

    Each function may be a dotted name, and returns what is said here: None, which a forgotten ``return``
    gives, is an UnpicklingError that names the class and the plugin. What a function raises, the load raises:
    a state that cannot be mended is refused that way. A stream that names no such class pays nothing.
    """

    __slots__ = (
        "arguments",
        "build",
        "create",
        "defaults",
        "instances",
        "shallow",
        "state",
        "target",
        "through",
        "version",
    )
    __match_args__ = (
        "target",
        "state",
        "build",
        "arguments",
        "create",
        "through",
        "instances",
        "defaults",
        "version",
        "shallow",
    )
    target: str
    state: Function | None
    build: Function | None
    arguments: Function | None
    create: Function | None
    through: tuple[str, ...]
    instances: tuple[str, ...]
    defaults: Mapping[str, Any]
    version: Function | None
    shallow: bool

    def __init__(
        self,
        target: str,
        *,
        state: Function | None = None,
        build: Function | None = None,
        arguments: Function | None = None,
        create: Function | None = None,
        through: Iterable[str] = (),
        instances: Iterable[str] = (),
        defaults: Mapping[str, Any] = MappingProxyType({}),
        version: Function | None = None,
        shallow: bool = False,
    ) -> None:
        if not (isinstance(target, str) and target.startswith("*:") and target[2:].isidentifier()):
            _check_target("Shape", target)
        elif state is None or build or arguments or create or defaults or version:
            raise refused(f"Shape({target!r}) takes state=… and nothing else")
        functions = {"state": state, "build": build, "arguments": arguments, "create": create}
        for field, function in functions.items():
            if function is not None and not (
                callable(function) or (isinstance(function, str) and is_dotted(function))
            ):
                raise refused(
                    f"Shape({field}={function!r}): it wants a function or its dotted name "
                    "'package.module:function'"
                )
        if version is not None and not callable(version) and not isinstance(version, str):
            raise refused(
                f"Shape(version=…) is the name of an item of the state, or a function, not {version!r}"
            )
        if not isinstance(shallow, bool):
            raise refused(f"Shape(shallow={shallow!r}): it is True or False")
        if shallow and state is None:
            raise refused(
                f"Shape({target!r}, shallow=True) says that its state=… looks at the items of a state alone, "
                "so that an upgrade of files can do it; there is no state=…, and all else is for loads: "
                "leave shallow out"
            )
        if state is not None and build is not None:
            raise refused("Shape takes state=… or build=…, not both: build may return (state,)")
        if not isinstance(defaults, Mapping) or not all(isinstance(name, str) for name in defaults):
            raise refused(f"Shape(defaults=…) is a mapping of attributes' names to values, not {defaults!r}")
        if not defaults and all(function is None for function in functions.values()):
            raise refused(
                f"Shape({target!r}) says nothing: give it state=…, build=…, arguments=…, or defaults=…"
            )
        names = tuple(through) if not isinstance(through, str) else (through,)
        if not all(isinstance(name, str) and is_dotted(name) for name in names) or (names and create is None):
            raise refused(
                f"Shape(through={names!r}): it wants dotted names of functions, and create=… to call instead"
            )
        made = tuple(instances) if not isinstance(instances, str) else (instances,)
        if not all(isinstance(name, str) and is_dotted(name) for name in made):
            raise refused(f"Shape(instances={made!r}): it wants dotted names of classes")
        self._fill(
            **functions,
            target=target,
            through=names,
            instances=made,
            defaults=MappingProxyType(dict(defaults)),
            version=version,
            shallow=shallow,
        )

    def statements(self) -> Iterator[Statement]:
        """The one about the class."""
        yield Statement(self.target, "", self)

    def describe(self) -> str:
        """Such as "shape of shop:Order: state by shopkit:old_order, 2 defaults"."""
        parts = [
            f"{field} by {called(function)}"
            for field in ("create", "arguments", "state", "build")
            if (function := getattr(self, field)) is not None
        ]
        if self.defaults:
            parts.append(f"{len(self.defaults)} default{'s' if len(self.defaults) != 1 else ''}")
        return f"shape of {self.target}: {', '.join(parts)}"


class TextRule(Record):
    """What the str of Python 2 are in the objects of a class, whatever the load's `encoding` and `errors`
    say.

    target      the class's dotted name, or that of a function that streams call; ``"*"`` for everything that
                no other rule speaks of.
    attributes  by name: ``"bytes"``, an encoding such as ``"utf-8"``, or ``decide(path, data)``, which gives
                one of these, or None for what the load says. It is for the attribute's value and for what is
                in that, where it is a list, tuple or dict: ``{"raw": "bytes", "tags": "utf-8", "*":
                "latin-1"}``, where
                "*" is every other attribute. `path` begins with the class's dotted name ("" outside of any
                object) and the attribute's; indices and keys follow.
    items       the same by position, for a state that is a tuple or list; exactly the item.
    arguments   the same for the positional arguments of the call that makes the object; no functions.

    Of ``"*"`` there is only ``attributes={"*": …}``. A str that the load cannot decode fails the load only
    where no rule speaks of it.
    """

    __slots__ = ("arguments", "attributes", "items", "target")
    __match_args__ = ("target", "attributes", "items", "arguments")
    target: str
    attributes: Mapping[str, Text]
    items: Mapping[int, str]
    arguments: Mapping[int, str]

    def __init__(
        self,
        target: str,
        attributes: Mapping[str, Text] = MappingProxyType({}),
        *,
        items: Mapping[int, str] = MappingProxyType({}),
        arguments: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        if target != "*":
            _check_target("TextRule", target)
        _check_texts("attributes", attributes, str)
        _check_texts("items", items, int)
        _check_texts("arguments", arguments, int)
        if not (attributes or items or arguments):
            raise refused(f"TextRule({target!r}) says nothing: give it attributes, items=… or arguments=…")
        if target == "*" and (set(attributes) != {"*"} or items or arguments):
            raise refused("TextRule('*') is about no class: it takes attributes={'*': …} and nothing else")
        self._fill(
            target=target,
            attributes=MappingProxyType(dict(attributes)),
            items=MappingProxyType(dict(items)),
            arguments=MappingProxyType(dict(arguments)),
        )

    def statements(self) -> Iterator[Statement]:
        """The one about the class."""
        yield Statement(self.target, "", self)

    def describe(self) -> str:
        """Such as "text of shop:Order: raw is bytes, name is utf-8"."""
        parts = [
            f"{prefix}{name} is {text if isinstance(text, str) else called(text)}"
            for prefix, texts in (("", self.attributes), ("item ", self.items), ("argument ", self.arguments))
            for name, text in texts.items()
        ]
        return f"text of {self.target}: {', '.join(parts)}"


def _check_target(kind: str, target: object) -> None:
    if not isinstance(target, str) or not is_dotted(target):
        raise refused(
            f"the target of a {kind} is the dotted name of a class, 'package.module:Class', not {target!r}"
        )


def _check_texts(field: str, texts: object, keys: type) -> None:
    if not isinstance(texts, Mapping) or not all(type(key) is keys for key in texts):
        raise refused(f"TextRule({field}=…) is a mapping from {keys.__name__}, not {texts!r}")
    for key, text in texts.items():
        if callable(text) and field == "attributes":
            continue
        if not isinstance(text, str):
            raise refused(
                f"TextRule({field}={{{key!r}: {text!r}}}): it is 'bytes' or the name of an encoding"
            )
        if text != "bytes":
            try:
                "".encode(text)
            except LookupError:
                raise refused(f"TextRule({field}={{{key!r}: {text!r}}}): there is no such encoding") from None
