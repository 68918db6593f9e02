"""What stands behind sound pickles and is none: commands show those, name the rest, and exit with 1."""

import gzip
import json
import pickle
import zipfile

import pytest

from brinery.cli import main
from brinery.stream.soundness import sound_before

ONE, TWO = pickle.dumps({"a": [1, 2]}, 4), pickle.dumps(["x" * 50], 2)
BEYOND = b"\x80\x04\x95" + (2**60).to_bytes(8, "little") + b"N."
RESTS = [b"garbage", TWO[:-5], b"\0" * 600, BEYOND]


@pytest.fixture
def run(capsys, tmp_path):
    def run(command, *contents, options=()):
        paths = []
        for i, content in enumerate(contents):
            paths.append(str(tmp_path / f"{'ab'[i]}.pickle"))
            with open(paths[-1], "wb") as file:
                file.write(content)
        code = main([command, *paths, *options])
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("rest", RESTS)
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_sizes_of_what_is_sound(rest, packed, run):
    code, out, err = run("sizes", packed(ONE + TWO + rest))
    assert code == 1
    assert out.startswith(f"{len(ONE + TWO)} bytes, 2 pickles")
    assert f"from offset {len(ONE + TWO)} on is no sound pickle, the 2 pickles before it are" in err
    assert (0, out, "") == run("sizes", packed(ONE + TWO))
    code, out, err = run("sizes", packed(ONE + rest), options=["--json"])
    assert (code, json.loads(out)["bytes"]) == (1, len(ONE))


@pytest.mark.parametrize("rest", RESTS)
def test_diff_of_what_is_sound(rest, run):
    code, out, err = run("diff", ONE + rest, ONE)
    assert (code, out) == (1, "")
    assert f"a.pickle: what stands from offset {len(ONE)} on is no sound pickle" in err
    code, out, err = run("diff", pickle.dumps({"a": [1, 3]}), ONE + rest)
    assert code == 1
    assert "root['a'][1]" in out
    assert "b.pickle: what stands from offset" in err


@pytest.mark.parametrize("rest", RESTS)
def test_where_no_pickle_is_sound_there_is_nothing_to_show(rest, run):
    code, out, _ = run("sizes", rest)
    assert (code, out) == (1, "")
    assert run("diff", rest, ONE)[0] == 2
    assert run("diff", ONE, rest + ONE)[0] == 2
    assert sound_before(rest) == (0, 0)


def test_within_an_archive(tmp_path, capsys):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.pkl", ONE + b"garbage")
        archive.writestr("two.pkl", TWO)
    assert main(["sizes", str(path), "--json"]) == 1
    out, err = capsys.readouterr()
    assert [one["bytes"] for one in json.loads(out)] == [len(ONE), len(TWO)]
    assert "data.zip, one.pkl: what stands from offset" in err
