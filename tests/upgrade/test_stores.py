"""Shelves, dbm files and columns of databases are upgraded value by value."""

import base64
import dbm.dumb
import gzip
import pickle
import shelve
import sqlite3
import zlib
from collections import UserDict
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


OLDEST = "(dp0\nS'name'\np1\nS'caf\\xe9'\np2\nsS'of'\np3\ncUserDict\nUserDict\np4\ns."


@pytest.mark.parametrize("kind", ["TEXT", "VARCHAR(99)", "BLOB", "CLOB"])
@pytest.mark.parametrize("protocol", [0, 5])
def test_pickles_as_text_stay_text(tmp_path, kind, protocol):
    """Of protocol 0 where they are text by themselves; in base64 or hexadecimal digits as they were."""
    packed = zlib.compress(OLD)
    rows = [
        OLDEST,
        base64.b64encode(OLD).decode(),
        base64.encodebytes(OLD * 9).decode(),
        base64.urlsafe_b64encode(b"\x80\x02U\x03\xfb\xff\xbf.").decode(),
        base64.b64encode(packed).decode(),
        OLD.hex(),
        OLD.hex().upper(),
        "A text.\nIt ends with a full stop.",
        "I am a text\nof two lines.",
        "gone",
        "N.",
        "",
        base64.b64encode(b"no pickle").decode(),
    ]
    with closing(sqlite3.connect(tmp_path / "t.db")) as database, database:
        database.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, c {kind})")
        database.executemany("INSERT INTO t (c) VALUES (?)", [(row,) for row in rows])
    url, rules = f"sqlite:///{tmp_path}/t.db", Rules(protocol, encoding="latin1")
    done = upgrade_column(url, "t", "c", rules)
    assert (done.state, done.changes.pickles) == ("replaced", 15)
    assert done.changes.renamed == {("UserDict:UserDict", "collections:UserDict"): 1}
    assert ("1 pickle as text, of protocol 0" in done.note) == (protocol > 0)
    with closing(sqlite3.connect(tmp_path / "t.db")) as database, database:
        new = [row for (row,) in database.execute("SELECT c FROM t ORDER BY id")]
    assert new[7:] == rows[7:]
    assert all(type(row) is str for row in new)
    assert new[0].isascii()
    assert new[0].endswith(".")
    assert pickle.loads(new[0].encode()) == {"name": "café", "of": UserDict}
    decoders = [base64.b64decode] * 2 + [base64.urlsafe_b64decode, base64.b64decode] + [bytes.fromhex] * 2
    for row, old, decode in zip(new[1:], rows[1:7], decoders, strict=False):
        data = decode(row)
        data = zlib.decompress(data) if row == new[4] else data
        assert (data[:2] == b"\x80\x05") == (protocol == 5)
        assert pickle.loads(data) == (["café"] if old is not rows[3] else "ûÿ¿")
    assert new[6] == new[6].upper()
    assert new[2].endswith("\n")
    assert upgrade_column(url, "t", "c", rules).state == "same"


def test_text_that_is_damaged_or_beyond_ascii_is_named(tmp_path, capsys):
    rows = [
        OLDEST[:-2] + "ss.",
        "(dp0\nVname\np1\nVcafé\np2\ns.",
        base64.b64encode(OLD[:-2]).decode(),
    ]
    with closing(sqlite3.connect(tmp_path / "t.db")) as database, database:
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT)")
        database.executemany("INSERT INTO t (c) VALUES (?)", [(row,) for row in rows])
    done = upgrade_column(f"sqlite:///{tmp_path}/t.db", "t", "c", LATIN)
    assert done.state == "failed"
    assert [fault[:6] for fault in done.faults] == ["t.c[1]", "t.c[2]", "t.c[3]"]
    assert "characters beyond ASCII" in done.faults[1]
    with closing(sqlite3.connect(tmp_path / "t.db")) as database, database:
        assert [row for (row,) in database.execute("SELECT c FROM t ORDER BY id")] == rows
