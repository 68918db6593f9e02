"""Records and all that they refer to: fetched level by level, and in an order in which they can be built."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from brinery.persistent_ids import Key

__all__ = ["dependencies_first", "fetch_closure"]

Record = TypeVar("Record")


def fetch_closure(
    wanted: Iterable[Key],
    read: Callable[[list[Key]], Mapping[Key, Record]],
    references: Callable[[Record], Iterable[Key]],
    depth: int | None = None,
    *,
    beyond: Callable[[Key], bool] | None = None,
    built: Container[Key] = (),
) -> tuple[dict[Key, Record], dict[Key, Key | None]]:
    """The records under the keys `wanted`, and those that they refer to, and so on, up to `depth` steps away.

    `read` is called once for each level, with all its keys, each of which is asked for once in all; what is
    missing it leaves out. What is in `built` is there already, and not read; `beyond` says which records are
    read though they are further away than `depth`. Returns the records, and for each key that is missing a
    record that refers to it, or None where it was wanted.
    """
    records: dict[Key, Record] = {}
    missing: dict[Key, Key | None] = {}
    level: dict[Key, Key | None] = dict.fromkeys(wanted)
    steps = 0
    while level:
        found = read(list(level))
        following: dict[Key, Key | None] = {}
        for key, referrer in level.items():
            if key not in found:
                missing[key] = referrer
                continue
            records[key] = record = found[key]
            for target in references(record):
                if target not in records and target not in level and target not in missing:
                    following.setdefault(target, key)
        if built:
            following = {key: referrer for key, referrer in following.items() if key not in built}
        if depth is not None and steps >= depth:
            if beyond is None:
                break
            following = {key: referrer for key, referrer in following.items() if beyond(key)}
        level = following
        steps += 1
    return records, missing


def dependencies_first(keys: Iterable[Key], references: Callable[[Key], Sequence[Key]]) -> Iterator[Key]:
    """`keys`, each after those that it refers to, as far as they do not refer to each other in a circle.

    Without recursion: chains may be long.
    """
    entered: set[Key] = set()
    for root in keys:
        if root in entered:
            continue
        entered.add(root)
        path = [(root, iter(references(root)))]
        while path:
            key, rest = path[-1]
            for target in rest:
                if target not in entered:
                    entered.add(target)
                    path.append((target, iter(references(target))))
                    break
            else:
                path.pop()
                yield key
