"""What lies in a folder, and what an earlier run left: nothing that is the only one of its kind is lost."""

import dbm.dumb
import gzip
import io
import os
import pickle
import shelve
import shutil
import tempfile
import zipfile

import pytest

from brinery.cli import main
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
    assert set(states([tmp_path / "one.dat", tmp_path / "one.dir"], UTF8)) == {"other"}
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


@pytest.mark.parametrize("copy", [shutil.copy, shutil.copy2])
def test_a_copy_of_the_source_is_not_taken_for_upgraded(tmp_path, copy):
    """Somebody copied the folder first, with its times: what is there is old."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pickle").write_bytes(OLD)
    (tmp_path / "in" / "readme").write_bytes(b"\xff\x00")
    shutil.copytree(tmp_path / "in", tmp_path / "out", copy_function=copy)
    assert states([tmp_path / "in"], UTF8, to=tmp_path / "out") == ["written", "done before"]
    assert pickle.loads((tmp_path / "out" / "a.pickle").read_bytes()) == {"name": "café"}
    shutil.copytree(tmp_path / "out", tmp_path / "else", copy_function=copy)
    assert states([tmp_path / "in"], UTF8, to=tmp_path / "else") == ["done before"] * 2
    os.utime(tmp_path / "else" / "a.pickle", (5, 5))
    assert states([tmp_path / "in"], UTF8, to=tmp_path / "else") == ["done before"] * 2


def test_elsewhere_other_rules_are_not_done_before(tmp_path):
    (tmp_path / "a.pickle").write_bytes(OLD)
    assert states([tmp_path / "a.pickle"], LATIN, to=tmp_path / "out") == ["written"]
    new = (tmp_path / "out" / "a.pickle").read_bytes()
    [done] = upgrade_files([tmp_path / "a.pickle"], UTF8, to=tmp_path / "out")
    assert done.state == "failed"
    assert "neither what this upgrade makes of it nor a copy of it" in done.error
    assert (tmp_path / "out" / "a.pickle").read_bytes() == new


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


@pytest.mark.parametrize("content", ["mine", ""])
def test_somebodys_own_lock_file_stays(tmp_path, content):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pickle").write_bytes(OLD)
    names = [
        tmp_path / "in" / name
        for name in (".upgrade.lock", ".a.pickle.lock", ".a.pickle.brinery-lock", ".upgrade.brinery-lock")
        if content or not name.endswith(".brinery-lock")
    ]
    for name in names:
        name.write_text(content)
    assert "replaced" in states([tmp_path / "in"], UTF8)
    assert "same" in states([tmp_path / "in" / "a.pickle"], UTF8)
    assert set(states([tmp_path / "in"], UTF8, to=tmp_path / "out")) == {"written", "copied"}
    assert [name.read_text() for name in names] == [content] * len(names)
    assert (tmp_path / "out" / ".upgrade.lock").read_text() == content


@pytest.mark.parametrize("named", ["a.pickle", ""])
def test_nothing_is_written_into_the_source(tmp_path, named):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "a.pickle").write_bytes(OLD)
    os.utime(source, (1, 1))  # changes with each name that is made or removed in it
    assert states([source / named if named else source], UTF8, to=out) == ["written"]
    assert source.stat().st_mtime == 1
    assert os.listdir(out) == ["a.pickle"]


def test_two_at_a_time_are_told_what_to_do(tmp_path):
    (tmp_path / "a.pickle").write_bytes(OLD)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.pickle").write_bytes(OLD)
    for source, to in (("a.pickle", None), ("in", None), ("in", tmp_path / "out")):
        first = upgrade_files([tmp_path / source], UTF8, to=to)
        next(first)
        with pytest.raises(BlockingIOError, match=r"another upgrade of .* is at work: wait") as refused:
            states([tmp_path / source], UTF8, to=to)
        assert "dump_file" not in str(refused.value)
        list(first)


def test_a_link_to_a_folder_is_named(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.pickle").write_bytes(OLD)
    os.symlink(tmp_path / "elsewhere", tmp_path / "in" / "linked")
    assert main(["upgrade", str(tmp_path / "in"), "--in-place"]) == 0
    told = capsys.readouterr()
    assert f"{tmp_path}/in/linked: a link to a folder is not followed: name it" in told.err
    assert "1 left out" in told.out
    assert (tmp_path / "elsewhere" / "a.pickle").read_bytes() == OLD


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no modes of folders")
def test_a_folder_that_cannot_be_read_is_a_failure():
    with tempfile.TemporaryDirectory() as folder:  # which pytest's own, for root alone, is not
        os.chmod(folder, 0o777)
        secret = os.path.join(folder, "in", "secret")
        os.makedirs(secret)
        os.chmod(os.path.dirname(secret), 0o777)
        os.chmod(secret, 0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            done = list(upgrade_files([os.path.join(folder, "in")], UTF8))
        finally:
            if root:
                os.seteuid(0)
            os.chmod(secret, 0o700)
    assert [(one.path, one.state) for one in done] == [(secret, "failed")]
    assert "Permission denied" in done[0].error


def test_a_link_to_a_file_that_was_replaced_is_named(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "a.pickle").write_bytes(OLD)
    os.symlink(tmp_path / "a.pickle", tmp_path / "in" / "link")
    [done] = upgrade_files([tmp_path / "in"], UTF8)
    assert done.state == "replaced"
    assert done.note == f"it is a link: {tmp_path}/a.pickle was replaced, and the link stays"
    assert (tmp_path / "in" / "link").is_symlink()


@pytest.mark.skipif(not hasattr(os, "chown"), reason="no modes and owners")
def test_folders_elsewhere_are_as_they_were(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    for name, mode in (("", 0o711), ("private", 0o700), ("private/fixed", 0o555), ("empty", 0o750)):
        (source / name).mkdir()
        (source / name).chmod(mode)
        if os.geteuid() == 0:
            os.chown(source / name, 1000, 1001)
    (source / "private" / "fixed").chmod(0o755)
    (source / "private" / "fixed" / "a.pickle").write_bytes(OLD)
    (source / "private" / "fixed").chmod(0o555)
    for _ in range(2):
        assert set(states([source], UTF8, to=out)) <= {"written", "done before"}
        for name in ("", "private", "private/fixed", "empty"):
            one, other = (source / name).stat(), (out / name).stat()
            assert (one.st_mode, one.st_uid, one.st_gid) == (other.st_mode, other.st_uid, other.st_gid)
    assert (out / "private" / "fixed" / "a.pickle").exists()


TEXTS = [
    b"Notes on the archive\nof 2012.\n",
    b"(c) 2012 Shop\nAll rights\nreserved.\n",
    b"INSERT INTO orders VALUES (1);\n",
    b"KEY=1\nOTHER=2\n",
    b"I am a text of more than sixty-four characters in its first line, and go on\nhere.\n" * 3,
    "(c) 2012 Müller\n".encode(),
    "(c) 2012 Müller\n".encode("latin1"),
    b"(c) 2012 Shop\n" + b"x" * 100_000,
    b"Version 1",
    b"celery==5\nflask\nidna\n",
    b"]",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_text_that_begins_as_a_pickle_might_is_none(tmp_path, text):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pickle").write_bytes(OLD)
    (tmp_path / "in" / "text").write_bytes(text)
    (tmp_path / "in" / "text.gz").write_bytes(gzip.compress(text))
    wanted = ["written", "copied", "copied"]
    assert states([tmp_path / "in"], UTF8, to=tmp_path / "out") == wanted
    assert (tmp_path / "out" / "text").read_bytes() == text
    assert states([tmp_path / "in"], UTF8) == ["replaced", "other", "other"]
    assert sorted(os.listdir(tmp_path / "in")) == ["a.pickle", "text", "text.gz"]


@pytest.mark.parametrize(
    "value", [{"name": ["a", 1]}, [1.5], ("x",), 12, "text", b"bytes", {1, 2}, Rules, io.BytesIO, None]
)
def test_a_damaged_pickle_of_protocol_0_is_no_text(tmp_path, value):
    """It is text to the last byte, and must not be left behind as if it held nothing."""
    whole = pickle.dumps(value, 0)
    file = tmp_path / "a"
    for end in range(2, len(whole)):
        file.write_bytes(whole[:end])
        if whole[:end].rstrip(b"\n").find(b"\n") > 0 or whole[:1] in b"IS":
            assert states([file], UTF8) == ["failed"], whole[:end]
    file.write_bytes(whole + b"rest")
    assert states([file], UTF8) == ["failed"]
