"""Where a string of Python 2 stands in a graph: for what, and of which class or function."""

from __future__ import annotations

from typing import Any, NamedTuple

from brinery.stream.graph import CALL, GLOBAL, OBJ, Node

__all__ = ["Place", "attribute_name", "class_of", "name_of"]

# Functions whose first argument is the class of what they make.
_MAKERS = frozenset(("_reconstruct", "_reconstructor"))


class Place(NamedTuple):
    """Where a string of Python 2 stands.

    owner      the class or function that it is for, as ``"module:qualname"``; empty where there is none
    part       ``"attribute"``, ``"argument"`` (of a call) or ``"state"``; or empty
    name       the attribute's name, or the number of the argument or of the state's item; None for the whole
    direct     whether it is that itself, and not somewhere within it
    """

    owner: str
    part: str
    name: str | int | None
    direct: bool


def attribute_name(data: bytes) -> str:
    """The name of an attribute, which Python 2 wrote as a string."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def name_of(symbol: Any) -> str:
    """A global as ``"module:qualname"``; empty where that is none."""
    if type(symbol) is Node and symbol.kind == GLOBAL:
        return f"{symbol.head[0]}:{symbol.head[1]}"
    return ""


def class_of(node: Node) -> str:
    """The class of an instance, as far as the graph says it."""
    if node.kind < CALL or node.kind > OBJ:
        return ""
    function = node.parts[0]
    if node.kind == CALL and type(function) is Node and function.kind == GLOBAL:
        arguments = node.parts[1]
        if function.head[1] in _MAKERS and type(arguments) is Node and arguments.parts:
            return name_of(arguments.parts[0])
    return name_of(function)
