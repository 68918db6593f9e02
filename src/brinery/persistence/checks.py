"""What can be said of a store before it is used: what is misspelt, asynchronous, or takes other arguments."""

from __future__ import annotations

import difflib
import inspect
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any

from brinery.dotted import MISSING, find_loaded, is_dotted
from brinery.errors import StoreError
from brinery.lineage import is_being_imported
from brinery.persistence.simple import Simple
from brinery.persistence.stores import Dump, Load, SimpleStore, Store
from brinery.plan import NATIVE_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["absent", "check_claim", "check_claims", "check_parts", "checked", "lacking"]

# How many arguments each method of the contract is called with.
_STORE = {"claims_type": 1, "foresee": 1, "begin_dump": 1, "begin_load": 1, "close": 0}
_SIMPLE = {"persistent_id": 1, "persistent_load": 1}
_DUMP = {"key_of": 1, "assign": 1, "prepare": 0, "commit": 0, "rollback": 0}
_LOAD = {"fetch": 1, "another": 2, "fetch_unhashable": 1, "close": 0}
# Spellings that a close match would not find.
_ATTRIBUTES = ("claims", "options", "identity", "two_phase")


def checked(owner: str, store: Any) -> Store:
    """`store`, called `owner` in error texts, as the contract has it.

    Raises StoreError for what is none, or cannot work as it is written.
    """
    if isinstance(store, type):
        raise StoreError(f"{owner} is the class {store.__qualname__}; bind an instance of it")
    kind = type(store).__qualname__
    if not isinstance(store, Store):
        for name in _SIMPLE:
            if not callable(getattr(store, name, None)):
                raise StoreError(
                    f"{owner}, a {kind}, has no method {name}. A store has persistent_id and"
                    " persistent_load, or derives from brinery.persistence.Store"
                )
        for name in ("begin_dump", "begin_load", "persistent_load_many", "end_dump"):
            if hasattr(store, name):
                raise StoreError(
                    f"{owner}, a {kind}, has {name}, which nobody would call: a store with transactions"
                    " derives from brinery.persistence.Store"
                )
        _check_methods(owner, store, _SIMPLE)
        check_claims(owner, store)
        return Simple(store)
    _check_methods(owner, store, _STORE)
    _check_spelling(owner, type(store), Store, (*_STORE, *_ATTRIBUTES))
    check_claims(owner, store)
    if store.identity not in ("key", "value"):
        raise StoreError(f"{owner} has identity={store.identity!r}; it is 'key' or 'value'")
    if isinstance(store.options, str) or not all(type(name) is str for name in store.options):
        raise StoreError(
            f"{owner} has options={store.options!r}; write a tuple of names, such as ('session',)"
        )
    return store


_sound: set[type] = set()


def check_parts(owner: str, part: object, base: type[Dump] | type[Load], method: str) -> None:
    """Whether what `method` gave is a `base` that can work as it is written. Each class is looked at once."""
    cls = type(part)
    if cls in _sound:
        return
    if not isinstance(part, base):
        if inspect.iscoroutine(part):
            part.close()
        raise StoreError(
            f"{owner}: {method} gave a {cls.__qualname__}; it gives an object of a class that derives from"
            f" brinery.persistence.{base.__name__}"
        )
    _check_methods(owner, part, _DUMP if base is Dump else _LOAD)
    _check_spelling(owner, cls, base, (*(_DUMP if base is Dump else _LOAD), *_ATTRIBUTES))
    _sound.add(cls)


def check_claims(owner: str, store: SimpleStore | Store) -> list[type | str]:
    """What `store` claims. Raises StoreError for what nobody may claim, and where it does not say."""
    claims: Any = getattr(store, "claims", None)
    if claims is None or isinstance(claims, str | type) or not hasattr(claims, "__iter__"):
        raise StoreError(
            f"{owner}, a {type(store).__qualname__}, does not say what it claims: give it an attribute"
            " such as claims = (Customer, Order)"
        )
    found_claims = list(claims)
    for claim in found_claims:
        if not isinstance(claim, str):
            check_claim(owner, claim)
        elif not is_dotted(claim):
            raise StoreError(f"{owner} claims {claim!r}; write the class as 'package.module:QualName'")
        else:
            found = find_loaded(claim)
            if found is not MISSING:
                check_claim(owner, found, claim)
            elif claim in absent([claim]):
                raise lacking(owner, claim)
    return found_claims


def check_claim(owner: str, cls: object, name: str | None = None) -> None:
    """Raise StoreError where `cls`, claimed by its `name`, is none that a store may claim."""
    spelled = repr(name) if name is not None else None
    if not isinstance(cls, type):
        raise StoreError(
            f"{owner} claims {spelled or repr(cls)}, which is neither a class nor the name of one"
        )
    if any(cls is native for native in NATIVE_TYPES):
        instead = "such as a subclass of it"
        if cls is PickleBuffer:
            instead = "one that holds the buffer"
        raise StoreError(
            f"{owner} claims {spelled or cls.__qualname__}, one of the format's own data types, which no"
            f" store is asked about; claim a class of your own instead, {instead}"
        )


def absent(names: Iterable[str]) -> list[str]:
    """Those of `names` whose modules are imported and have no such class, nor a way to make it when asked."""
    import sys

    found = []
    for name in names:
        module = sys.modules.get(name.partition(":")[0])
        if module is None or is_being_imported(name) or "__getattr__" in vars(module):
            continue
        if find_loaded(name) is MISSING:
            found.append(name)
    return found


def lacking(owner: str, name: str) -> StoreError:
    """The error for a claimed name that its module does not have."""
    import sys

    module, _, qualname = name.partition(":")
    near = difflib.get_close_matches(qualname, vars(sys.modules[module]), n=1)
    meant = f" Is {module}:{near[0]} meant?" if near else ""
    return StoreError(f"{owner} claims {name!r}, and {module} has no {qualname}.{meant}")


def _check_methods(owner: str, obj: object, methods: dict[str, int]) -> None:
    kind = type(obj).__qualname__
    for name, count in methods.items():
        method = getattr(obj, name)
        if not callable(method):
            raise StoreError(f"{owner}, a {kind}: {name} is {method!r}, and not a method")
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            raise StoreError(
                f"{owner}, a {kind}: {name} is asynchronous, and nobody would await it. Write a plain method,"
                " and dump or load where it may block: with asyncio.to_thread, or SQLAlchemy's run_sync"
            )
        try:
            signature = inspect.signature(method)
        except (TypeError, ValueError):  # a function of C need not have one
            continue
        try:
            signature.bind(*range(count))
        except TypeError as wrong:
            raise StoreError(
                f"{owner}, a {kind}: {name}{signature} is called with {count or 'no'} "
                f"argument{'s'[: count != 1]}: {wrong}"
            ) from None


def _check_spelling(owner: str, cls: type, base: type, known: tuple[str, ...]) -> None:
    """Refuse a name that is nearly one of the contract's, whose own method would be used instead."""
    own = {name for level in cls.__mro__ if not issubclass(base, level) for name in vars(level)}
    for name in own:
        if name.startswith("_") or name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        if near and near[0] not in own:
            raise StoreError(f"{owner}, a {cls.__qualname__}, has {name}: is {near[0]} meant?")
