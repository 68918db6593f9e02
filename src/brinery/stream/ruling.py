"""What plugins' text rules say of a string of Python 2 by its place in a graph, as a load would have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brinery.plan import ShapeTable, TextTable
    from brinery.stream.places import Place

__all__ = ["ruled"]


def ruled(shapes: ShapeTable, data: bytes, place: Place) -> str | None:
    """What a TextRule says that the string is, ``"bytes"`` or an encoding; None where none speaks of it."""
    module, _, qualname = place.owner.partition(":")
    said: Any = None
    if module in shapes.old:
        shaped = shapes.find(module, qualname, True)
        said = _of_table(shaped.text, place) if shaped is not None and shaped.text is not None else None
    said = said or shapes.decide
    if said is None or isinstance(said, str):
        return said
    decided = said((place.owner, place.name) if place.owner else ("",), data)
    return None if decided is None else str(decided)


def _of_table(table: TextTable, place: Place) -> Any:
    if place.part == "attribute":
        return table.attributes.get(str(place.name), table.attributes.get("*"))
    if not place.direct or type(place.name) is not int:
        return None
    return (table.items if place.part == "state" else table.arguments).get(place.name)
