"""Members of archives are upgraded, however they are packed; what is left is named, and all else stays."""

import bz2
import dbm.dumb
import gzip
import io
import lzma
import os
import pickle
import sqlite3
import tarfile
import zipfile
from contextlib import closing

import pytest

from brinery.cli import main
from brinery.upgrade import Rules, upgrade_file, upgrade_files

OLD = b"\x80\x02}U\x04nameU\x05caf\xc3\xa9s."
OLDEST = b"(dp0\nS'name'\np1\nS'caf\\xc3\\xa9'\np2\ns."
MEANS = {"name": "café"}
UTF8 = Rules(encoding="utf-8")
PACKERS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
UNPACKERS = {"": bytes, ".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}
MODES = ["w", "w:gz", "w:bz2", "w:xz"]


def zipped(members):
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return into.getvalue()


def tarred(members, mode="w", form=tarfile.PAX_FORMAT, **headers):
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode=mode, format=form, **headers) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime, member.uname = len(content), 0o640, 12345, "ada"
            archive.addfile(member, io.BytesIO(content))
    return into.getvalue()


def members_of(path):
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(path) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive if one.isreg()}


MEMBERS = {
    **{f"data/a.pkl{end}": pack(OLD * 2) for end, pack in PACKERS.items()},
    **{f"unnamed{end}": pack(OLD) for end, pack in PACKERS.items()},
    **{f"oldest{end}": pack(OLDEST) for end, pack in PACKERS.items()},
    "readme.txt": b"(c) 2012 Shop\nAll rights\nreserved.\n",
    "readme.gz": gzip.compress(b"text"),
    "table.pkl": b"text that is called a pickle\n",
    "numbers": bytes(range(256)) * 400,
    "not.zlib": b"\x78\x9c" + bytes(100),
}


@pytest.mark.parametrize(
    "make", [zipped, *(lambda members, mode=mode: tarred(members, mode) for mode in MODES)]
)
def test_members_are_upgraded_however_they_are_packed(tmp_path, make):
    file = tmp_path / "archive"
    file.write_bytes(make(MEMBERS))
    [done] = upgrade_files([tmp_path], UTF8)
    assert (done.state, done.left, done.changes.pickles) == ("replaced", (), 16)
    found = members_of(file)
    assert list(found) == list(MEMBERS)
    for name, content in found.items():
        end = os.path.splitext(name)[1] if name.endswith((".gz", ".bz2", ".xz")) else ""
        if content != MEMBERS[name]:
            content = UNPACKERS[end](content)
            assert content[:2] == b"\x80\x05"
            assert pickle.loads(content) == MEANS
        else:
            assert name in ("readme.txt", "readme.gz", "table.pkl", "numbers", "not.zlib")
    new = file.read_bytes()
    assert [one.state for one in upgrade_files([tmp_path], UTF8)] == ["same"]
    assert file.read_bytes() == new


def test_archives_within_archives(tmp_path):
    file = tmp_path / "a.zip"
    inner = tarred({"deep/x.pkl.gz": gzip.compress(OLD)}, "w:gz")
    file.write_bytes(
        zipped({"in.tgz": inner, "in.zip": zipped({"y.pkl": OLD}), "in.whl": zipped({"z": b"text"})})
    )
    assert upgrade_file(file, None, UTF8).state == "replaced"
    found = members_of(file)
    (tmp_path / "in.tgz").write_bytes(found["in.tgz"])
    assert pickle.loads(gzip.decompress(members_of(tmp_path / "in.tgz")["deep/x.pkl.gz"])) == MEANS
    assert pickle.loads(members_of(io.BytesIO(found["in.zip"]))["y.pkl"]) == MEANS


def test_an_archive_that_is_too_deep_is_left_and_named(tmp_path, capsys):
    content = zipped({"a.pkl": OLD})
    for _ in range(9):
        content = zipped({"in.zip": content})
    (tmp_path / "a.zip").write_bytes(content)
    assert main(["upgrade", str(tmp_path), "--in-place", "--encoding", "utf-8"]) == 1
    assert "an archive within 8 others: unpack it" in capsys.readouterr().err


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_a_tar_archive_keeps_what_its_headers_say(tmp_path, form):
    file = tmp_path / "a.tar"
    long = "d/" * (60 if form == tarfile.USTAR_FORMAT else 150) + "data.pkl"
    common = {"pax_headers": {"comment": "of all"}} if form == tarfile.PAX_FORMAT else {}
    with tarfile.open(file, "w", format=form, **common) as archive:
        for name, kind, content in (
            ("folder", tarfile.DIRTYPE, b""),
            (long, tarfile.REGTYPE, OLD),
            ("link", tarfile.SYMTYPE, b""),
            ("other name", tarfile.LNKTYPE, b""),
            ("empty", tarfile.REGTYPE, b""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.size, member.mode, member.mtime = kind, len(content), 0o751, 12345
            member.uid, member.gid, member.uname, member.gname = 1234, 567, "ada", "shop"
            member.linkname = "empty" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            if form == tarfile.PAX_FORMAT:
                member.mtime = 12345.678
                member.pax_headers = {"SCHILY.xattr.user.x": "y"}
            archive.addfile(member, io.BytesIO(content))
    with tarfile.open(file) as archive:
        before = [{**one.get_info(), "pax": one.pax_headers} for one in archive]
    assert upgrade_file(file, None, UTF8).state == "replaced"
    with tarfile.open(file) as archive:
        after = [{**one.get_info(), "pax": one.pax_headers} for one in archive]
        assert pickle.loads(archive.extractfile(long).read()) == MEANS
        assert archive.pax_headers == (common and common["pax_headers"])
    magic = file.read_bytes()[257:265]
    assert magic == (b"ustar  \0" if form == tarfile.GNU_FORMAT else b"ustar\x0000")
    for one in (*before, *after):
        del one["size"], one["chksum"]
    assert after == before
    assert not file.stat().st_size % tarfile.RECORDSIZE


def test_a_tar_archive_of_before_posix(tmp_path):
    content = bytearray(tarred({"a.pkl": OLD}, form=tarfile.USTAR_FORMAT))
    content[257:265] = bytes(8)
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    file = tmp_path / "a.tar"
    file.write_bytes(content)
    assert upgrade_file(file, None, UTF8).state == "replaced"
    assert pickle.loads(members_of(file)["a.pkl"]) == MEANS


@pytest.mark.parametrize("mode", MODES)
def test_what_stands_behind_a_tar_archive_is_not_lost(tmp_path, mode):
    """A reader of tar takes a damaged header for the end, and does not see what comes after the end."""
    whole, packer = (
        tarred({"a.pkl": OLD, "b.pkl": OLD}),
        PACKERS[{"w": "", "w:gz": ".gz", "w:bz2": ".bz2"}.get(mode, ".xz")],
    )
    damaged = whole[:1024] + whole[1024:1536].replace(b"b.pkl", b"c.pkl") + whole[1536:]
    file = tmp_path / "a.tar"
    for content in (whole + whole, damaged, whole + b"more"):
        file.write_bytes(packer(content))
        done = upgrade_file(file, None, UTF8)
        assert done.state == "failed"
        assert "something behind its end" in done.error
        assert file.read_bytes() == packer(content)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_member_that_fails_fails_its_archive_by_name(tmp_path, make, capsys):
    file = tmp_path / "a"
    file.write_bytes(make({"a.pkl": OLD, "b.pkl.gz": gzip.compress(OLD[:-3]), "c": b"\x80\x02U\x01\xe9."}))
    before = file.read_bytes()
    assert main(["upgrade", str(file), "--in-place", "--encoding", "utf-8"]) == 1
    error = capsys.readouterr().err
    assert "b.pkl.gz: " in error
    assert "(and 1 more)" in error
    assert file.read_bytes() == before
    assert main(["upgrade", str(file), "--dry-run", "--encoding", "utf-8"]) == 1


@pytest.mark.parametrize("make", [zipped, tarred])
def test_what_stays_old_in_an_archive_is_named_and_the_command_fails(tmp_path, make, capsys):
    with dbm.dumb.open(str(tmp_path / "s"), "n") as shelf:
        shelf["a"] = OLD
    with closing(sqlite3.connect(tmp_path / "t.db")) as database, database:
        database.execute("CREATE TABLE t (c BLOB)")
        database.execute("INSERT INTO t VALUES (?)", (OLD,))
    members = {name: (tmp_path / name).read_bytes() for name in ("s.dat", "s.dir", "t.db")}
    assert members["s.dat"] == OLD  # a pickle, by itself: another size would not be that of the index
    members["g.db"] = b"\x13\x57\x9a\xce" + bytes(60)
    members["data/0"] = b"\x80\x03\x00\x00" * 100
    file = tmp_path / "a"
    file.write_bytes(make({**members, "a.pkl": OLD}))
    assert main(["upgrade", str(file), "--in-place", "--encoding", "utf-8"]) == 1
    error = capsys.readouterr().err
    assert "left as it is: s.dat: of a dbm.dumb database: unpack it, and name s" in error
    assert "left as it is: t.db: an SQLite database with pickles in t.c: unpack it" in error
    assert "left as it is: g.db: a GDBM database: unpack it" in error
    assert "left as it is: data/0: it begins as a pickle does, and is none, or damaged" in error
    found = members_of(file)
    assert pickle.loads(found.pop("a.pkl")) == MEANS
    assert found == members


def test_a_member_compressed_as_nobody_here_knows_fails_its_archive_alone(tmp_path):
    content = bytearray(zipped({"a.pkl": OLD}))
    for at in (8, content.index(b"PK\x01\x02") + 10):
        content[at : at + 2] = b"\x62\x00"  # PPMd
    (tmp_path / "a.zip").write_bytes(content)
    (tmp_path / "b.pkl").write_bytes(OLD)
    done = list(upgrade_files([tmp_path], UTF8))
    assert [one.state for one in done] == ["failed", "replaced"]
    assert "a.pkl: " in done[0].error


def test_a_dry_run_keeps_nothing_of_an_archive(tmp_path):
    file = tmp_path / "a.tar.gz"
    file.write_bytes(tarred({"a.pkl": OLD}, "w:gz"))
    before = file.read_bytes()
    done = upgrade_file(file, None, UTF8, dry_run=True)
    assert (done.state, done.changes.pickles) == ("same", 1)
    assert file.read_bytes() == before


def test_what_is_written_of_a_tar_archive_is_read_back(tmp_path, monkeypatch):
    from brinery.upgrade import archives

    file = tmp_path / "a.tar"
    file.write_bytes(tarred({"a.pkl": OLD, "plain": b"12345"}))
    real = archives.shutil.copyfileobj
    monkeypatch.setattr(
        archives.shutil,
        "copyfileobj",
        lambda one, other, size: real(io.BytesIO(one.read(99).replace(b"3", b"4")), other),
    )
    done = upgrade_file(file, None, UTF8)
    assert (done.state, done.error) == ("failed", "plain does not read back as what was meant")


def test_large_members_go_through_a_file(tmp_path):
    value = [bytes(1000)] * 3 + ["x" * 20_000_000]
    file = tmp_path / "a.tar.gz"
    file.write_bytes(
        tarred({"a.pkl": pickle.dumps(value, 2), "b.pkl": OLD, "c.bin": bytes(3_000_000)}, "w:gz")
    )
    assert upgrade_file(file, None, UTF8).state == "replaced"
    found = members_of(file)
    assert pickle.loads(found["a.pkl"]) == value
    assert pickle.loads(found["b.pkl"]) == MEANS


@pytest.mark.parametrize("end", [".lz4", ".zst"])
def test_other_compressions_stay_what_they_are(tmp_path, end):
    name = {".lz4": "lz4.frame", ".zst": "backports.zstd"}[end]
    module = pytest.importorskip(name)
    file = tmp_path / f"a.pkl{end}"
    file.write_bytes(module.compress(OLD))
    assert upgrade_file(file, None, UTF8).state == "replaced"
    assert pickle.loads(module.decompress(file.read_bytes())) == MEANS
