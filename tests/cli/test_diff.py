"""`brinery diff`: lines, JSON, and the exit code of diff."""

import gzip
import io
import json
import pickle
import tarfile
import zipfile

import pytest

from brinery.cli import main


@pytest.fixture
def files(tmp_path):
    """Writes two files of objects; their names."""

    def write(first, second):
        names = []
        for name, obj in (("a.pickle", first), ("b.pickle", second)):
            (tmp_path / name).write_bytes(pickle.dumps(obj))
            names.append(str(tmp_path / name))
        return names

    return write


def test_it_prints_a_line_for_each_difference(files, capsys):
    names = files({"a": [1, 2], "b": 1, "d": 0}, {"a": [1, 3], "c": 1, "d": 0})
    assert main(["diff", *names]) == 1
    assert capsys.readouterr().out == "- root['b']  1\n+ root['c']  1\n~ root['a'][1]  2 → 3\n"


def test_what_says_the_same_differs_in_nothing(tmp_path, capsys):
    one, other = tmp_path / "one.pickle", tmp_path / "other.pickle.gz"
    one.write_bytes(pickle.dumps({"a": {1, 2}}, 2))
    other.write_bytes(gzip.compress(pickle.dumps({"a": {1, 2}}, 5)))
    assert main(["diff", str(one), str(other)]) == 0
    assert capsys.readouterr().out == ""


def test_trouble_is_2_and_says_in_which_file(files, tmp_path, capsys):
    good, _ = files(1, 1)
    bad = tmp_path / "bad.pickle"
    bad.write_bytes(b"\x80\x04]K")
    assert main(["diff", good, str(bad)]) == 2
    assert f"{bad}: the stream ends inside an argument" in capsys.readouterr().err
    assert main(["diff", str(bad), good]) == 2
    assert f"{bad}: " in capsys.readouterr().err
    assert main(["diff", good, str(tmp_path / "none")]) == 2
    assert main(["diff", good, good, "--encoding", "nonsense"]) in (0, 2)


def torch_like(path, weights, *more):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{path.stem}/data.pkl", pickle.dumps({"a": 1}))
        archive.writestr(f"{path.stem}/data/0", weights)
        for name in more:
            archive.writestr(f"{path.stem}/{name}", b"more")
    return str(path)


def tar_of(path, content):
    with tarfile.open(path, "w") as archive:
        for name, data in (("a.pkl", pickle.dumps([1])), ("b.bin", content)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return str(path)


def test_what_is_no_pickle_in_two_archives_is_compared_as_a_whole(tmp_path, capsys):
    one = torch_like(tmp_path / "one.pt", b"\0" * 4000)
    assert main(["diff", one, torch_like(tmp_path / "same.pt", b"\0" * 4000)]) == 0
    assert capsys.readouterr().out == ""
    assert main(["diff", one, torch_like(tmp_path / "other.pt", b"\1" * 4000, "version")]) == 1
    assert capsys.readouterr().out == (
        "~ data/0  4,000 bytes, no pickle → 4,000 other bytes\n+ version  4 bytes, no pickle\n"
    )
    assert main(["diff", tar_of(tmp_path / "a.tar", b"x"), tar_of(tmp_path / "b.tar", b"y")]) == 1
    assert capsys.readouterr().out == "~ b.bin  1 bytes, no pickle → 1 other bytes\n"


def test_json(files, capsys):
    assert main(["diff", *files([1], [2]), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"path": "root[0]", "kind": "changed", "left": "1", "right": "2"}
    ]


def test_limit(files, capsys):
    assert main(["diff", *files([1] * 9, [2] * 9), "--limit", "2"]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_archives_are_compared_member_by_member(tmp_path, capsys):
    names = []
    for name, members in (
        ("a.zip", {"x.pkl": 1, "y.pkl": 2}),
        ("b.zip", {"x.pkl": 1, "y.pkl": 3, "z.pkl": 4}),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member, obj in members.items():
                archive.writestr(member, pickle.dumps(obj))
        names.append(str(tmp_path / name))
    assert main(["diff", *names]) == 1
    out = capsys.readouterr().out
    assert "~ y.pkl: root  2 → 3\n" in out
    assert "+ z.pkl" in out
    assert "x.pkl" not in out
