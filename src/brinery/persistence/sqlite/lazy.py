"""Loading no more than some steps of what rows refer to: the rest is loaded when somebody looks at it.

Until then an object of the class stands there that has nothing but its key: the class is one derived from
its own, whose attributes fetch the row. Then it is filled, and its class is the one that it should be. So
there is one object all along, and ``isinstance``, ``==`` and copying need not know.
"""

from __future__ import annotations

import weakref
from abc import ABCMeta
from typing import TYPE_CHECKING, Any, Generic

from brinery.errors import MissingReference, StoreError
from brinery.persistence.sqlite.rows import build, spell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from brinery.persistence.sqlite.cells import Address
    from brinery.persistence.sqlite.database import Database
    from brinery.persistence.sqlite.layouts import Layout
    from brinery.persistence.sqlite.store import SqliteStore

__all__ = ["Loading", "checked_depth", "ghost_class"]


def checked_depth(depth: object) -> int | None:
    """`depth`, how many steps of references are loaded at once. Raises StoreError for what is no number."""
    if depth is not None and (type(depth) is not int or depth < 0):
        raise StoreError(f"depth={depth!r}; it is how many steps are loaded at once, 0 or more, or None: all")
    return depth


class Loading:
    """What one load has built: an address is one object in it, now and later. May be used by any thread."""

    def __init__(
        self, store: SqliteStore, depth: int | None, find_class: Callable[[str, str], object] | None
    ) -> None:
        self._store = store
        self._depth = depth
        self._find_class = find_class
        # Of what can be referred to weakly: what nobody holds any more may be built again.
        self._weak: weakref.WeakValueDictionary[Address, Any] = weakref.WeakValueDictionary()
        self._held: dict[Address, Any] = {}

    def __contains__(self, address: object) -> bool:
        return address in self._held or address in self._weak

    def load(self, wanted: Iterable[Address]) -> dict[Address, Any]:
        """The objects at the addresses `wanted`, where there are such."""
        wanted = list(wanted)
        found = {address: obj for address in wanted if (obj := self._find(address)) is not None}
        missing = [address for address in wanted if address not in found]
        if missing:
            made = self._make(missing, {})
            found.update((address, made[address]) for address in missing if address in made)
        return found

    def fill(self, ghost: Any, layout: Layout) -> None:
        """Fill `ghost`, unless that was done. Raises MissingReference where its row is not there any more."""
        with self._store.database.alone():
            waiting = layout.ghosts.find(ghost)
            if type(ghost) is layout.cls or waiting is None:
                return  # another thread was first; or it is being filled, by whom we are called
            address = layout.name, waiting[0]
            layout.ghosts.forget(ghost)
            try:
                made = self._make([address], {address: ghost})
            except BaseException:
                layout.ghosts.add(ghost, waiting)
                raise
            if address not in made:
                layout.ghosts.add(ghost, waiting)
                raise MissingReference(
                    f"{spell(address)} is not there any more in {self._store.where}: it was deleted after"
                    " what refers to it was loaded, with depth=",
                    [(None, address, ())],
                )
            object.__setattr__(ghost, "__class__", layout.cls)

    def _make(self, wanted: list[Address], into: dict[Address, object]) -> dict[Address, Any]:
        store = self._store
        rows = store.fetch(wanted, depth=self._depth, built=self)
        known = dict(into)
        if self._depth is not None or self._held or self._weak:
            for row in rows.values():
                for target in row.refers or ():
                    if target not in rows and target not in known:
                        known[target] = self._there(target)
        built = build(rows, self._find_class, known)
        objects = {address: built[address] for address in rows}
        for address, obj in objects.items():
            self._store.know(obj, rows[address])
            self._keep(address, obj)
        return objects

    def _there(self, address: Address) -> object:
        """The object at an address that is not loaded now."""
        obj = self._find(address)
        if obj is not None:
            return obj
        layout = self._store.layout_of(address[0])
        assert layout.ghost_class is not None
        ghost = layout.new()
        object.__setattr__(ghost, "__class__", layout.ghost_class)
        layout.ghosts.add(ghost, (address[1], self))
        self._weak[address] = ghost
        return ghost

    def _find(self, address: Address) -> Any:
        obj = self._weak.get(address)
        return self._held.get(address) if obj is None else obj

    def _keep(self, address: Address, obj: Any) -> None:
        if self._depth is not None:
            try:
                self._weak[address] = obj
            except TypeError:
                pass
            else:
                return
        self._held[address] = obj  # where nothing is left for later, no longer than the load takes


def ghost_class(layout: Layout, database: Database) -> type | None:
    """A class for the objects of `layout` that are not loaded yet; None where there can be none.

    Of a named tuple, which cannot be filled later, of what cannot be referred to weakly, and of a class that
    wants to know what derives from it.
    """
    cls: Any = layout.cls
    told = type(cls) not in (type, ABCMeta) or any(
        "__init_subclass__" in vars(base) for base in cls.__mro__ if base not in (object, Generic)
    )
    if told or not layout.shells or not cls.__weakrefoffset__:
        return None

    def awake(self: Any) -> bool:
        """Load it. Whether that is over: a class may look at an object while this is filled."""
        waiting = layout.ghosts.find(self)
        if waiting is not None:
            waiting[1].fill(self, layout)
        elif type(self) is not cls:
            with database.alone():  # until another thread has filled it
                pass
        return type(self) is cls

    def get(self: Any, name: str) -> Any:
        if name == "__class__":
            return cls
        return getattr(self, name) if awake(self) else cls.__getattribute__(self, name)

    def set_(self: Any, name: str, value: object) -> None:
        if awake(self):
            setattr(self, name, value)
        else:
            cls.__setattr__(self, name, value)

    def delete(self: Any, name: str) -> None:
        if awake(self):
            delattr(self, name)
        else:
            cls.__delattr__(self, name)

    def reduce(self: Any, protocol: Any) -> Any:
        awake(self)
        return cls.__reduce_ex__(self, protocol)

    body = {
        "__slots__": (),
        "__getattribute__": get,
        "__setattr__": set_,
        "__delattr__": delete,
        "__reduce_ex__": reduce,
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
    }
    try:
        made: type = type(cls)(cls.__name__, (cls,), body)
        object.__setattr__(cls.__new__(cls), "__class__", made)
    except TypeError:  # a class that is final, or laid out in a way of its own
        return None
    return made
