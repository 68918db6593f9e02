"""``upgrade_column`` and ``brinery upgrade --column`` on real servers, with columns as these have them."""

from __future__ import annotations

import base64
import pickle
import zlib

import pytest
import sqlalchemy as sa

from brinery.cli import main
from brinery.stream.columns import Column
from brinery.upgrade import Rules, upgrade_column

# {'name': 'caf\xe9', 'of': UserDict.UserDict}, as Python 2 wrote it.
OLD = b"\x80\x02}q\x00(U\x04nameq\x01U\x04caf\xe9q\x02U\x02ofq\x03cUserDict\nUserDict\nq\x04u."
OLDEST = b"(dp0\nS'name'\np1\nS'caf\\xe9'\np2\nsS'of'\np3\ncUserDict\nUserDict\np4\ns."
LATIN = Rules(encoding="latin1")
ROWS = 700


@pytest.fixture
def old(engine):
    """A table with a composite key, whose rows are pickles, nothing, text, and damaged."""
    table = sa.Table(
        "old_pickles",
        sa.MetaData(),
        sa.Column("shop", sa.String(20), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary(2**24)),
        sa.Column("note", sa.Text),
    )
    table.drop(engine, checkfirst=True)
    table.create(engine)
    kinds = [OLD, OLDEST, zlib.compress(OLD), None, b"no pickle", OLD[:-1]]
    notes = [OLDEST.decode(), base64.b64encode(OLD).decode(), "a note", None]
    with engine.begin() as connection:
        connection.execute(
            table.insert(),
            [
                {
                    "shop": f"ä {i % 3}",
                    "number": i,
                    "data": kinds[i % len(kinds)],
                    "note": notes[i % len(notes)],
                }
                for i in range(ROWS)
            ],
        )
    yield table
    table.drop(engine)


def url_of(engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def cells(engine, table, column):
    with engine.connect() as connection:
        return list(connection.execute(sa.select(table.c[column]).order_by(table.c.number)).scalars())


def read(value):
    for unpacked in (lambda: value, lambda: zlib.decompress(value), lambda: base64.b64decode(value)):
        try:
            return pickle.loads(unpacked())
        except (pickle.UnpicklingError, zlib.error, ValueError, TypeError, EOFError, KeyError):
            continue
    return value


def test_bytes_become_what_plain_pickle_reads(engine, old):
    from collections import UserDict

    before = cells(engine, old, "data")
    assert upgrade_column(url_of(engine), "old_pickles", "data", LATIN, dry_run=True).state == "failed"
    assert cells(engine, old, "data") == before
    told = []
    done = upgrade_column(url_of(engine), "old_pickles", "data", LATIN, batch=64, progress=told.append)
    assert done.state == "failed"  # for the damaged rows, which are named and stay
    assert told[-1] == ROWS
    assert done.changes.renamed == {
        ("UserDict:UserDict", "collections:UserDict"): sum(i % 6 < 3 for i in range(ROWS))
    }
    after = cells(engine, old, "data")
    for i, (one, other) in enumerate(zip(before, after, strict=True)):
        if i % 6 < 3:
            assert read(other) == {"name": "café", "of": UserDict}
        else:
            assert other == one
    damaged = [f"old_pickles.data[ä {i % 3}, {i}]" for i in range(5, ROWS, 6)]
    assert len(done.faults) == 100  # of 116: enough to look at
    assert {fault.partition(": ")[0] for fault in done.faults} < set(damaged)
    again = upgrade_column(url_of(engine), "old_pickles", "data", LATIN)
    assert not again.changes.renamed
    assert cells(engine, old, "data") == after


def test_text_stays_text(engine, old):
    from collections import UserDict

    before = cells(engine, old, "note")
    done = upgrade_column(url_of(engine), "old_pickles", "note", LATIN)
    assert done.state == "replaced"
    for i, (one, other) in enumerate(zip(before, cells(engine, old, "note"), strict=True)):
        if i % 4 < 2:
            found = pickle.loads(other.encode() if i % 4 == 0 else base64.b64decode(other))
            assert found == {"name": "café", "of": UserDict}
        else:
            assert other == one


def test_interrupted_it_goes_on(engine, old):
    def stop(seen):
        if seen >= 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upgrade_column(url_of(engine), "old_pickles", "data", LATIN, batch=100, progress=stop)
    left = cells(engine, old, "data").count(OLD)
    assert 0 < left < ROWS // 6
    upgrade_column(url_of(engine), "old_pickles", "data", LATIN)
    assert cells(engine, old, "data").count(OLD) == 0


def test_what_another_program_writes_meanwhile_is_kept(engine, old, monkeypatch):
    """Between the reading of a row and its writing, and between two batches."""
    if engine.dialect.name == "sqlite":
        pytest.skip("it lets nobody write in the middle of a transaction")
    mine = pickle.dumps("written meanwhile", 5)
    early, late = (
        0,
        max(range(0, ROWS, 6), key=lambda i: (i % 3, i)),
    )  # the first row, and one of the last batch

    def write(number):
        with engine.begin() as connection:
            # By the whole key: for half of it MariaDB would wait for the rows that the upgrade has locked.
            row = (old.c.shop == f"ä {number % 3}", old.c.number == number)
            connection.execute(old.update().where(*row).values(data=mine))

    def replace(self, connection, key, before, after):
        if key[1] == early:
            write(early)
        return plain_replace(self, connection, key, before, after)

    plain_replace = Column.replace
    monkeypatch.setattr(Column, "replace", replace)
    done = upgrade_column(
        url_of(engine),
        "old_pickles",
        "data",
        LATIN,
        batch=200,
        progress=lambda seen: write(late) if seen == 200 else None,
    )
    found = cells(engine, old, "data")
    assert (found[early], found[late]) == (mine, mine)
    assert any("another program has changed it meanwhile" in fault for fault in done.faults)


@pytest.mark.parametrize("strict", [True, False])
def test_what_the_column_is_too_short_for_stays(engine, strict):
    """A server says so; or, where it is set to, it cuts the value in silence."""
    if engine.dialect.name == "sqlite":
        pytest.skip("it keeps any length in any column")
    if engine.dialect.name == "postgresql" and not strict:
        pytest.skip("it never cuts")
    url = engine.url
    if not strict:
        url = url.update_query_dict({"init_command": "SET sql_mode=''"})
    table = sa.Table(
        "short_pickles",
        sa.MetaData(),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("data", sa.String(22)),
    )
    table.drop(engine, checkfirst=True)
    table.create(engine)
    grows, fits = "S'caf\\xe9'\n.", "(lp0\nI1\naI2\na."
    with engine.begin() as connection:
        connection.execute(
            table.insert(),
            [
                {"number": 1, "data": fits},
                {"number": 2, "data": "S'\\xe9\\xe9\\xe9\\xe9'\n."},
                {"number": 3, "data": grows},
            ],
        )
    rules = Rules(0, encoding="cp1251")  # each of these characters takes six in a pickle as text
    try:
        done = upgrade_column(url.render_as_string(hide_password=False), "short_pickles", "data", rules)
        found = cells(engine, table, "data")
    finally:
        table.drop(engine)
    assert found[1] == "S'\\xe9\\xe9\\xe9\\xe9'\n."
    assert pickle.loads(found[0].encode()) == [1, 2]
    assert pickle.loads(found[2].encode()) == "cafй"
    assert [fault.partition(": ")[0] for fault in done.faults] == ["short_pickles.data[2]"]
    assert "longer" in done.error


def test_the_command(engine, old, capsys):
    command = ["upgrade", url_of(engine), "--column", "old_pickles.note", "--encoding", "latin1"]
    assert main([*command, "--dry-run"]) == 0
    assert "UserDict:UserDict" in capsys.readouterr().out
    assert main([*command, "--in-place"]) == 0
    assert "UserDict:UserDict" in capsys.readouterr().out
    assert main([*command, "--dry-run"]) == 0
    assert "UserDict:UserDict" not in capsys.readouterr().out
