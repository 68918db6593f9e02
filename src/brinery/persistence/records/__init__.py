"""What a store needs that keeps objects itself, as rows or as bytes under keys, with references between them.

A store brings "read many keys" and "write many items"; everything else is here and knows no database.

``values``
    one value as bytes: a pickle in which an address stands for each object that has a place of its own.
``canonical``
    whether two such values are the same, told by what is written and without running any code of theirs.
``closure``
    everything that some records refer to, fetched level by level, and in an order in which it can be built.
``known``
    which objects are known to be stored, and as what: weakly, by identity.
``keyvalue``
    a whole store around "read many, write many": what brinery-redis is made of.
"""

from __future__ import annotations

from brinery.persistence.records.canonical import same
from brinery.persistence.records.closure import dependencies_first, fetch_closure
from brinery.persistence.records.keyvalue import KeyValueStore
from brinery.persistence.records.known import KnownObjects
from brinery.persistence.records.values import Sharing, decode, encode, references

__all__ = [
    "KeyValueStore",
    "KnownObjects",
    "Sharing",
    "decode",
    "dependencies_first",
    "encode",
    "fetch_closure",
    "references",
    "same",
]
