"""What lies in a folder, and what an earlier run left: nothing that is the only one of its kind is lost."""

import dbm.dumb
import os
import pickle
import shelve

import pytest

from brinery.upgrade import Rules, upgrade_bytes, upgrade_file, upgrade_files

OLD = b"\x80\x02}U\x04nameU\x05caf\xc3\xa9s."  # {'name': 'caf\xc3\xa9'}
LATIN, UTF8 = Rules(encoding="latin1"), Rules(encoding="utf-8")


def states(*arguments, **named):
    return [done.state for done in upgrade_files(*arguments, **named)]


def test_other_rules_than_those_of_a_run_before_do_not_count_as_done(tmp_path):
    file, kept = tmp_path / "a.pickle", tmp_path / ".a.pickle.brinery-old"
    file.write_bytes(OLD)
    assert states([file], LATIN, keep_old=True) == ["replaced"]
    [done] = upgrade_files([file], UTF8)
    assert done.state == "failed"
    assert "other rules" in done.error
    assert kept.read_bytes() == OLD
    assert states([file], LATIN, keep_old=True) == ["done before"]
    assert states([file], UTF8, again=True) == ["replaced"]
    assert pickle.loads(file.read_bytes()) == {"name": "café"}
    assert not kept.exists()


def test_a_file_that_was_changed_since_is_not_done(tmp_path):
    file, kept = tmp_path / "a.pickle", tmp_path / ".a.pickle.brinery-old"
    file.write_bytes(OLD)
    assert states([file], UTF8, keep_old=True) == ["replaced"]
    (tmp_path / "new").write_bytes(b"\x80\x02U\x02\xc3\xa9.")
    os.replace(tmp_path / "new", file)
    assert states([file], UTF8) == ["failed"]
    assert kept.read_bytes() == OLD
    kept.unlink()
    assert states([file], UTF8) == ["replaced"]
    assert pickle.loads(file.read_bytes()) == "é"


def test_the_files_of_a_dumb_database_are_not_taken_for_pickles(tmp_path):
    name = str(tmp_path / "one")
    with shelve.Shelf(dbm.dumb.open(name, "n"), protocol=2) as shelf:
        shelf["k"] = {"n": 1}
    assert set(states([tmp_path], UTF8)) == {"other"}
    with shelve.Shelf(dbm.dumb.open(name, "r")) as shelf:
        assert shelf["k"] == {"n": 1}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_nobody_waits_for_a_named_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert states([tmp_path], UTF8) == ["other"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(tmp_path):
    file = tmp_path / "a.pickle"
    file.write_bytes(OLD)
    os.chown(file, 1000, 1001)
    assert upgrade_file(file, None, UTF8).state == "replaced"
    assert (file.stat().st_uid, file.stat().st_gid) == (1000, 1001)


@pytest.mark.parametrize("size", [b"\xff" * 7 + b"\x7f", b"\xff" * 8, b"\xf6" + b"\xff" * 6 + b"\x7f"])
def test_a_length_that_nothing_has_fails_its_file_alone(tmp_path, size):
    (tmp_path / "a").write_bytes(b"\x80\x04\x8e" + size + b"abc.")
    (tmp_path / "b").write_bytes(OLD)
    assert states([tmp_path], UTF8) == ["failed", "replaced"]


@pytest.mark.parametrize("items", [b"U\x01xU\x01x", b"U\x00U\x00U\x01\xe9U\x01\xe9", b"U\x02xyU\x02xy"])
@pytest.mark.parametrize("encoding", ["latin1", "bytes"])
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_what_is_one_object_wherever_it_is_equal(tmp_path, items, encoding, protocol):
    file = tmp_path / "a"
    file.write_bytes(b"\x80\x02](" + items + b"e.")
    assert states([file], Rules(protocol, encoding=encoding)) == ["replaced"]
    value = pickle.loads(b"\x80\x02](" + items + b"e.", encoding=encoding)
    assert pickle.loads(file.read_bytes()) == value
    assert upgrade_bytes(file.read_bytes(), Rules(protocol)) == file.read_bytes()


def test_what_a_plugin_stands_in_for_is_refused(tmp_path):
    pytest.importorskip("brinery_python2")
    file = tmp_path / "a"
    file.write_bytes(b"csets\nSet\n.")
    [done] = upgrade_files([file])
    assert done.state == "failed"
    assert "load this one" in done.error
    assert file.read_bytes() == b"csets\nSet\n."
