"""Shelves, dbm files and columns of databases are upgraded value by value."""

import dbm.dumb
import gzip
import pickle
import shelve
import sqlite3
import zlib
from contextlib import closing

import pytest

from brinery.upgrade import Rules, upgrade_column, upgrade_dbm

sqlalchemy = pytest.importorskip("sqlalchemy")

OLD = b"\x80\x02]q\x00U\x04caf\xe9q\x01a."
LATIN = Rules(encoding="latin1")


@pytest.fixture
def shelf(tmp_path):
    path = str(tmp_path / "shelf")
    with dbm.dumb.open(path, "n") as file:
        for i in range(10):
            file[f"key {i}"] = OLD
        file["other"] = b"no pickle"
    return path


def test_a_shelf_in_place(shelf):
    done = upgrade_dbm(shelf, LATIN)
    assert (done.state, done.changes.pickles) == ("replaced", 10)
    with shelve.Shelf(dbm.dumb.open(shelf, "r")) as opened:
        assert opened["key 3"] == ["café"]
    assert upgrade_dbm(shelf, LATIN).state == "same"


def test_a_shelf_elsewhere(shelf, tmp_path):
    assert upgrade_dbm(shelf, LATIN, tmp_path / "new").state == "written"
    with dbm.open(str(tmp_path / "new"), "r") as new, dbm.open(shelf, "r") as old:
        assert sorted(new.keys()) == sorted(old.keys())
        assert (pickle.loads(new["key 0"]), new["other"], old["key 0"]) == (["café"], b"no pickle", OLD)


def test_a_value_that_fails_is_named_and_stays(shelf):
    done = upgrade_dbm(shelf, Rules())
    assert done.state == "failed"
    assert "key" in done.error
    assert "(and 9 more)" in done.error
    with dbm.open(shelf, "r") as file:
        assert file["key 0"] == OLD


@pytest.fixture
def url(tmp_path):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE orders (shop TEXT, number INTEGER, data BLOB, PRIMARY KEY (shop, number))"
        )
        rows = [(f"s{i % 3}", i, OLD if i % 5 else None) for i in range(1000)]
        database.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
        database.execute("INSERT INTO orders VALUES ('z', 0, 'text')")
        database.execute("CREATE TABLE keyless (data BLOB)")
    return f"sqlite:///{path}"


def values(url):
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database, database:
        return [data for (data,) in database.execute("SELECT data FROM orders ORDER BY shop, number")]


def test_a_column_in_batches(url):
    told = []
    assert upgrade_column(url, "orders", "data", LATIN, dry_run=True).state == "same"
    assert OLD in values(url)
    done = upgrade_column(url, "orders", "data", LATIN, batch=64, progress=told.append)
    assert (done.state, done.changes.pickles, done.changes.text) == ("replaced", 800, 800)
    assert told[-1] == 1001
    found = values(url)
    assert (found.count(None), found[-1]) == (200, "text")
    assert all(pickle.loads(value) == ["café"] for value in found[:-1] if value)
    assert upgrade_column(url, "orders", "data", LATIN).state == "same"


def test_interrupted_it_goes_on(url, monkeypatch):
    def stop(seen):
        if seen >= 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upgrade_column(url, "orders", "data", LATIN, batch=100, progress=stop)
    assert 0 < values(url).count(OLD) < 800
    assert upgrade_column(url, "orders", "data", LATIN).changes.pickles == 800
    assert OLD not in values(url)


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        ("orders", "nothing", "no column nothing; it has shop, number, data"),
        ("keyless", "data", "no primary key"),
    ],
)
def test_what_cannot_be_done_is_said(url, table, column, words):
    with pytest.raises(ValueError, match=words):
        upgrade_column(url, table, column, LATIN)


def test_damaged_rows_are_named_and_stay(url):
    path = url.removeprefix("sqlite:///")
    damaged = {
        ("s0", 3): OLD[:-1],
        ("s1", 4): b"\x80\x02X\xff\xff\xff\x7fab.",
        ("s2", 8): gzip.compress(OLD)[:-9],
    }
    with closing(sqlite3.connect(path)) as database, database:
        for (shop, number), data in damaged.items():
            database.execute("UPDATE orders SET data = ? WHERE shop = ? AND number = ?", (data, shop, number))
    done = upgrade_column(url, "orders", "data", LATIN)
    assert done.state == "failed"
    assert [fault.partition(": ")[0] for fault in done.faults] == [
        f"orders.data[{shop}, {number}]" for shop, number in damaged
    ]
    assert done.changes.pickles == 797
    assert done.note == "1 value is no pickle"
    with closing(sqlite3.connect(path)) as database, database:
        for (shop, number), data in damaged.items():
            where = "SELECT data FROM orders WHERE shop = ? AND number = ?"
            assert database.execute(where, (shop, number)).fetchone()[0] == data


def test_compressed_values_stay_compressed(url):
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE orders SET data = ?", (zlib.compress(OLD),))
    assert upgrade_column(url, "orders", "data", LATIN).changes.pickles == 1001
    assert {pickle.loads(zlib.decompress(value))[0] for value in values(url)} == {"café"}
    assert upgrade_column(url, "orders", "data", LATIN).state == "same"


def test_a_shelf_elsewhere_is_gone_on_with_and_never_emptied(shelf, tmp_path):
    target = str(tmp_path / "new")
    with dbm.open(target, "c") as new:
        new["mine"] = b"kept"
        new["key 1"] = b"another's"
    done = upgrade_dbm(shelf, LATIN, target)
    assert done.state == "failed"
    assert "--again" in done.error
    with dbm.open(target, "r") as new:
        assert (new["mine"], new["key 1"], pickle.loads(new["key 2"])) == (b"kept", b"another's", ["café"])
    assert upgrade_dbm(shelf, LATIN, target, again=True).state == "written"
    with dbm.open(target, "r") as new:
        assert (new["mine"], pickle.loads(new["key 1"])) == (b"kept", ["café"])
