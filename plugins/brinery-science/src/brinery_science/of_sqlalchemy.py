"""SQLAlchemy: rows of results, which were other classes before 1.4, and are made by other functions since 2.1."""

from __future__ import annotations

from typing import Any

from brinery import NameTable, Shape

_HERE = "brinery_science.of_sqlalchemy:"

NAMES = [
    NameTable(
        "SQLAlchemy",
        fallback={
            "sqlalchemy.cyextension.collections:": "sqlalchemy.util._collections_cy:",
            "sqlalchemy.cyextension.immutabledict:": "sqlalchemy.util._immutabledict_cy:",
            "sqlalchemy.cyextension.resultproxy:": "sqlalchemy.engine._row_cy:",
            "sqlalchemy.engine.result:RowProxy": "sqlalchemy.engine.row:Row",
        },
        stand_ins={
            "sqlalchemy.util._collections:KeyedTuple": f"{_HERE}KeyedTuple",
            "sqlalchemy.util._collections:OrderedDict": f"{_HERE}OrderedDict",
            "sqlalchemy.engine.result:rowproxy_reconstructor": f"{_HERE}row_of_state",
        },
        gone={
            "sqlalchemy.sql.type_api:_reconstitute_comparator": "expressions and tables were pickled with the "
            "internals of SQLAlchemy 1.4 or before: build them again in the program",
            "sqlalchemy.orm.strategy_options:_UnboundLoad": "the entity was pickled with the options of its "
            "query, by SQLAlchemy 1.4 or before: read it with that version, and pickle what it holds",
            "sqlalchemy.util.langhelpers:portable_instancemethod": "statements were pickled with the internals "
            "of SQLAlchemy 2.0 or before: build them again in the program",
        },
    )
]


def row(keys: Any, values: Any) -> Any:
    """A row of today, with the values that it had under these keys."""
    from sqlalchemy.engine.result import result_tuple

    return result_tuple(list(map(str, keys)))(tuple(values))


class KeyedTuple(tuple[Any, ...]):
    """A row of the ORM before 1.4: called with its labels it is one of today.

    0.9 and before set the labels afterwards; then it is a tuple with what a row is asked for.
    """

    _labels: Any = ()

    def __new__(cls, values: Any, labels: Any = None) -> Any:
        """As it was called."""
        return super().__new__(cls, values) if labels is None else row(labels, values)

    def keys(self) -> list[str]:
        """The labels."""
        return [str(label) for label in self._labels if label is not None]

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self.keys(), self, strict=False))

    @property
    def _mapping(self) -> dict[str, Any]:
        return self._asdict()

    @property
    def _fields(self) -> tuple[str, ...]:
        return tuple(self.keys())


class OrderedDict(dict[Any, Any]):
    """The dict in the order of ``_list``, as a state says it once the items are there."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        items = [(key, self[key]) for key in state.get("_list", self)]
        self.clear()
        self.update(items)


class Keys:
    """Stands for the metadata of a result: of all that, a row wants the keys."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.keys = state["keys"]


def keys_of(cls: type, *_: Any) -> Keys:
    """In the place of ``ResultMetaData``, which no row of today names."""
    return Keys()


def row_of_state(cls: type, state: dict[str, Any]) -> Any:
    """A row of the core before 1.4."""
    return row(state["_parent"].keys, state["_row"])


def instance_state(state: Any) -> Any:
    """An entity's state: its key has three parts since 1.2; what has expired was told with the callables in 0.9."""
    if not isinstance(state, dict):
        return state
    new = dict(state)
    key = new.get("key")
    if key and len(key) == 2:
        new["key"] = (*key, None)
    if "callables" in new and "expired_attributes" not in new:
        new["expired_attributes"] = set(new.pop("callables"))
    if isinstance(new.get("load_options"), set):
        new["load_options"] = tuple(new["load_options"])
    return new


def symbol(cls: type, name: str, doc: Any = None, canonical: Any = None) -> Any:
    """What stood for the absence of a value, by its name: what number it had, each version and process decided."""
    from sqlalchemy.orm import base

    return getattr(base, name, None) or cls(name)


def adapter_state(state: Any) -> Any:
    """What a collection knows of its owner: more than it knew."""
    if not isinstance(state, dict) or "owner_cls" in state:
        return state
    owner = state["owner_state"]
    return {"invalidated": False, "empty": False, "owner_cls": getattr(owner, "class_", None), **state}


SHAPES = [
    Shape("sqlalchemy.util.langhelpers:symbol", create=f"{_HERE}symbol"),
    Shape("sqlalchemy.orm.collections:CollectionAdapter", state=f"{_HERE}adapter_state"),
    Shape("sqlalchemy.orm.strategy_options:Load", defaults={"additional_source_entities": ()}),
    Shape("sqlalchemy.sql.schema:Table", defaults={"_creator_ddl": None, "_dropper_ddl": None}),
    Shape("sqlalchemy.engine.result:ResultMetaData", create=f"{_HERE}keys_of"),
    Shape("sqlalchemy.orm.state:InstanceState", state=f"{_HERE}instance_state"),
]
