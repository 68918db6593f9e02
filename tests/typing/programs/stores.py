"""Stores of every kind that docs/how-to/write-a-store.md shows, with their types."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from brinery import PersistentScheme, Profile, hookimpl
from brinery.errors import NoSuchKey, NotStored
from brinery.persistence import (
    PENDING,
    Dump,
    DumpContext,
    Key,
    Load,
    LoadContext,
    Pending,
    SimpleStore,
    Store,
)
from brinery.persistence.records import KeyValueStore
from brinery.persistence.sqlite import SqliteStore, Table, migrate
from brinery.testing import StoreContract


@dataclass
class User:
    name: str
    id: int | None = None


# four lines


class Users:
    claims = (User,)

    def __init__(self, *users: User) -> None:
        self.by_name = {user.name: user for user in users}

    def persistent_id(self, user: User, /) -> str | None:
        return user.name if user.name in self.by_name else None

    def persistent_load(self, name: str, /) -> User:
        if name not in self.by_name:
            raise NoSuchKey(name)
        return self.by_name[name]


class Misspelt:
    claims = (User,)

    def persistent_id(self, user: User, /) -> str | None:
        return user.name

    def persistent_lod(self, name: str, /) -> User:
        raise NoSuchKey(name)


class Fractional:
    claims = (User,)

    def persistent_id(self, user: User, /) -> float | None:
        return 0.5

    def persistent_load(self, key: object, /) -> User:
        raise NoSuchKey(key)


simple: SimpleStore = Users()
misspelt: SimpleStore = Misspelt()  # error: assignment
fractional: SimpleStore = Fractional()  # error: assignment


# a database


class UserDump(Dump):
    two_phase = True

    def __init__(self, rows: dict[Key, User], context: DumpContext) -> None:
        self.rows = rows
        self.new: dict[Key, User] = {}
        self.session: object = context.options.get("session")
        self.alone: bool = context.alone

    def key_of(self, user: User, /) -> Key | Pending | None:
        if user.id is None:
            return PENDING
        if user.name in self.rows:
            raise NotStored(f"there is another user called {user.name!r}")
        self.new[user.name] = user
        return user.name

    def assign(self, users: Sequence[User], /) -> Sequence[Key]:
        return [UUID(int=number) for number, _ in enumerate(users)]

    def prepare(self) -> None:
        pass

    def commit(self) -> None:
        self.rows.update(self.new)

    def rollback(self) -> None:
        self.new.clear()


class UserLoad(Load):
    def __init__(self, rows: Mapping[Key, User], context: LoadContext) -> None:
        self.rows = rows
        self.find_class = context.find_class

    def fetch(self, keys: list[Key], /) -> Mapping[Key, User]:
        return {key: self.rows[key] for key in keys if key in self.rows}

    def another(self, key: Key, obj: User, /) -> User:
        return User(obj.name)


class UserDatabase(Store):
    claims: Iterable[type | str] = (User, "shop.models:Customer")
    options = ("session",)
    identity = "value"

    def __init__(self) -> None:
        self.rows: dict[Key, User] = {}

    def claims_type(self, cls: type, /) -> bool:
        return hasattr(cls, "__table__")

    def begin_dump(self, context: DumpContext, /) -> UserDump:
        return UserDump(self.rows, context)

    def begin_load(self, context: LoadContext, /) -> UserLoad:
        return UserLoad(self.rows, context)

    def close(self) -> None:
        self.rows.clear()


class WrongDump(Dump):
    def key_of(self, user: User, /) -> float:  # error: override
        return 0.5

    def assign(self, users: Sequence[User], /) -> int:  # error: override
        return len(users)


class WrongLoad(Load):
    def fetch(self, keys: list[Key], /) -> list[User]:  # error: override
        return []


class WrongStore(UserDatabase):
    identity = "place"  # error: assignment

    def begin_dump(self) -> UserDump:  # error: override
        raise NotImplementedError

    async def close(self) -> None:  # error: override
        pass


class Unfinished(Store):
    def begin_dump(self, context: DumpContext, /) -> Dump:
        raise NotImplementedError


Unfinished()  # error: abstract


# bytes under keys


class Wiki(KeyValueStore):
    def __init__(self) -> None:
        super().__init__(claims=(User,), on_new="insert")
        self.kept: dict[Key, bytes] = {}

    def key_for(self, user: User, /) -> str:
        return user.name

    def read(self, keys: Sequence[Key], /) -> Mapping[Key, bytes]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    def write(self, items: Mapping[Key, bytes], /, *, replace: bool) -> Iterable[Key]:
        taken = [] if replace else [key for key in items if key in self.kept]
        if not taken:
            self.kept.update(items)
        return taken


# the tests of one


class TestUserDatabase(StoreContract):
    def open_store(self, place: Path) -> UserDatabase:
        return UserDatabase()

    def new(self, number: int) -> User:
        return User(f"user {number}", number)

    def count(self, store: UserDatabase) -> int:
        return len(store.rows)


# a scheme, and a program


@hookimpl
def brinery_persistent_schemes() -> Iterator[PersistentScheme]:
    yield PersistentScheme("users", lambda url: UserDatabase())
    yield PersistentScheme("wiki", lambda url, *, size=0: Wiki())
    yield PersistentScheme("none", lambda url: None)  # error: arg-type return-value


def use(path: str | os.PathLike[str]) -> bytes:
    tables = [Table("users", User, key="name", indexes=["id"])]
    migrate(path, tables)
    with SqliteStore(path, tables, on_new="insert") as shop:
        shop.save(User("anna"), overwrite=True)
        with Profile().bind(shop=shop, users=Users(), database=UserDatabase(), wiki=Wiki()) as bound:
            data: bytes = bound.using(session=3).dumps(list(shop.find("users", name="anna")))
        Profile().bind(shop=Misspelt())  # error: arg-type
    SqliteStore(path, tables, on_new="maybe")  # error: arg-type
    return data
