"""What lies in a folder, and what an earlier run left: nothing that is the only one of its kind is lost."""

import dbm.dumb
import gzip
import io
import os
import pickle
import shelve
import shutil
import zipfile

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


def test_a_folder_is_not_written_into_itself(tmp_path):
    (tmp_path / "a.pickle").write_bytes(OLD)
    with pytest.raises(ValueError, match="into itself"):
        states([tmp_path], UTF8, to=tmp_path)
    assert states([tmp_path / "a.pickle"], UTF8, to=tmp_path) == ["failed"]
    assert (tmp_path / "a.pickle").read_bytes() == OLD
    for _ in range(2):
        states([tmp_path], UTF8, to=tmp_path / "new")
        assert sorted(os.listdir(tmp_path / "new")) == ["a.pickle"]


def test_a_file_that_another_made_is_not_written_over(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "a.pickle").write_bytes(OLD)
    other = tmp_path / "out" / "a.pickle"
    for age in (0, 2_000_000_000):  # older than the source, and younger
        other.write_bytes(b"another's")
        os.utime(other, (age, age))
        [done] = upgrade_files([tmp_path / "in"], UTF8, to=tmp_path / "out")
        assert done.state == "failed"
        assert "--again" in done.error
        assert other.read_bytes() == b"another's"
    assert states([tmp_path / "in"], UTF8, to=tmp_path / "out", again=True) == ["written"]
    assert states([tmp_path / "in"], UTF8, to=tmp_path / "out") == ["done before"]


def test_a_folder_elsewhere_is_whole(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.pickle").write_bytes(OLD)
    (source / "readme.txt").write_bytes(b"\xff\x00 no pickle")
    (source / "broken.pickle").write_bytes(OLD[:-2])
    done = {
        os.path.basename(one.path): one.state for one in upgrade_files([source], UTF8, to=tmp_path / "out")
    }
    assert done == {"a.pickle": "written", "readme.txt": "copied", "broken.pickle": "failed"}
    assert (tmp_path / "out" / "readme.txt").read_bytes() == b"\xff\x00 no pickle"
    assert sorted(os.listdir(tmp_path / "out")) == ["a.pickle", "readme.txt"]
    again = {
        os.path.basename(one.path): one.state for one in upgrade_files([source], UTF8, to=tmp_path / "out")
    }
    assert again == {"a.pickle": "done before", "readme.txt": "done before", "broken.pickle": "failed"}


def test_other_names_of_a_file_are_told(tmp_path):
    (tmp_path / "a").write_bytes(OLD)
    os.link(tmp_path / "a", tmp_path / "b")
    done = list(upgrade_files([tmp_path / "a"], UTF8))
    assert done[0].state == "replaced"
    assert "another name" in done[0].note
    assert (tmp_path / "b").read_bytes() == OLD
    [done] = upgrade_files([tmp_path / "b"], UTF8)
    assert (done.state, done.note) == ("replaced", "")


def test_where_there_are_no_hard_links_a_killed_run_goes_on(tmp_path, monkeypatch):
    def link(*names):
        raise OSError("not supported")

    monkeypatch.setattr(os, "link", link)
    (tmp_path / "a").write_bytes(OLD)
    (tmp_path / ".a.brinery-old").write_bytes(OLD)  # kept, and killed before the file was replaced
    assert states([tmp_path / "a"], UTF8) == ["replaced"]
    assert pickle.loads((tmp_path / "a").read_bytes()) == {"name": "café"}
    assert os.listdir(tmp_path) == ["a"]


def test_what_is_compressed_otherwise_is_the_same(tmp_path):
    new = gzip.compress(pickle.dumps([1] * 100, 5), 1, mtime=7)
    (tmp_path / "a.gz").write_bytes(new)
    assert states([tmp_path], UTF8) == ["same"]
    assert (tmp_path / "a.gz").read_bytes() == new


def test_an_archive_is_verified_member_by_member(tmp_path, monkeypatch):
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.pkl", OLD)
        member = zipfile.ZipInfo("plain.bin")
        member.extra = b"FB\x04\x00ZZZZ"
        archive.writestr(member, b"12345")
    before = file.read_bytes()
    real = shutil.copyfileobj

    def damaged(source, target, size):
        real(io.BytesIO(source.read().replace(b"3", b"4")), target)

    monkeypatch.setattr(shutil, "copyfileobj", damaged)
    [done] = upgrade_files([file], UTF8)
    assert done.state == "failed"
    assert "plain.bin does not read back" in done.error
    assert file.read_bytes() == before
    monkeypatch.setattr(shutil, "copyfileobj", real)
    assert states([file], UTF8) == ["replaced"]
    with zipfile.ZipFile(file) as archive:
        assert archive.getinfo("plain.bin").extra == b"FB\x04\x00ZZZZ"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (Rules(encoding="utf-9"), "no encoding 'utf-9'"),
        (Rules(errors="lenient"), "errors='lenient'"),
        (Rules(attributes={"a:B.c": "latin-7000"}), "latin-7000"),
    ],
)
def test_rules_are_looked_at_before_anything_is_read(tmp_path, rules, words):
    with pytest.raises(ValueError, match=words):
        states([tmp_path], rules)
