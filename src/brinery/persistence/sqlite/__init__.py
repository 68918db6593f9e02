"""Objects as rows of an SQLite file: the store that needs nothing to be installed.

A table is declared for each class::

    store = SqliteStore("shop.db", tables=[Table("customers", Customer, key="id")], on_new="insert")
    with profile.bind(shop=store) as bound:
        data = bound.dumps({"customer": customer})

The stream then carries ``("shop", ("customers", 7))`` where the customer was, and a load fetches all
customers that it names with one query.

``tables``     what a table is declared with.
``layouts``    how a class's objects become rows of it, and come back.
``cells``      one value in one column.
``schema``     making tables, and comparing them with what is there.
``migrating``  bringing a file's tables to what a program declares now.
``database``   the connection, transactions, forks, errors.
``rows``       reading rows, and objects out of them along the references between them.
``quick``      the short way for rows of plain values.
``lazy``       loading some steps of what rows refer to, and the rest when it is looked at.
``staging``    one dump, or one save: held against the database all at once when it ends.
``asking``     what an application asks of the store itself: find, delete, refresh.
``store``      the store itself.
``urls``       ``sqlite:///shop.db?on_new=insert``.
"""

from __future__ import annotations

from brinery.persistence.sqlite.migrating import migrate
from brinery.persistence.sqlite.store import SqliteStore
from brinery.persistence.sqlite.tables import Table
from brinery.persistence.sqlite.urls import open_store

__all__ = ["SqliteStore", "Table", "migrate", "open_store"]
