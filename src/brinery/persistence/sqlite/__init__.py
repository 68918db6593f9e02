"""Objects as rows of an SQLite file: the store that needs nothing to be installed.

A table is declared for each class::

    store = SqliteStore("shop.db", tables=[Table("customers", Customer, key="id")], on_new="insert")
    with profile.bind(shop=store) as bound:
        data = bound.dumps({"cart": cart, "for": customer})

The stream then carries ``("shop", ("customers", 7))`` where the customer was, and a load fetches all
customers that it names with one query.

``tables``  what a table is declared with, and how a class's objects become rows of it.
``cells``   one value in one column.
``schema``  making tables, and comparing them with what is there.
``rows``    rows into objects, along the references between them.
``store``   the store itself: which objects are stored, staging, transactions.
``urls``    ``sqlite:///shop.db?on_new=insert``.
"""

from __future__ import annotations

from brinery.persistence.sqlite.store import SqliteStore
from brinery.persistence.sqlite.tables import Table
from brinery.persistence.sqlite.urls import open_store

__all__ = ["SqliteStore", "Table", "open_store"]
