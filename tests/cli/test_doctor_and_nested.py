"""`brinery doctor` looks into pickles that lie in the bytes of others, and says where."""

import gzip
import io
import json
import pickle

import pytest

from brinery.cli import main
from brinery.stream import diagnose

GONE = b"\x80\x02cno_such_module\nThing\n."


def said(data):
    return [one.what for one in diagnose(data).findings if one.weight == "unsure"]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("size", [0, 9000])
def test_a_name_that_is_not_found_in_a_pickle_within(protocol, size):
    inner = GONE + b"x" * size
    found = diagnose(pickle.dumps([1, {"task": inner}], protocol))
    assert found.weight == "unsure"
    [finding] = [one for one in found.findings if one.weight != "fine"]
    assert finding.what.startswith("a pickle in the bytes at offset ")
    assert "no_such_module.Thing is not found here: no module" in finding.what


def test_the_offset_is_that_of_the_opcode_at_each_level():
    middle = pickle.dumps(["a", GONE], 4)
    outer = pickle.dumps(["some text", middle], 4)
    inside, outside = middle.index(GONE) - 2, outer.index(middle) - 2
    assert said(outer) == [
        f"a pickle in the bytes at offset {outside}, there at offset {inside}: "
        "no_such_module.Thing is not found here: no module"
    ]


def test_it_ends_at_eight_levels():
    data = GONE
    for level in range(1, 11):
        data = pickle.dumps(data, 4)
        assert len(said(data)) == (level <= 8)


def test_what_is_the_same_in_many_is_said_once():
    many = pickle.dumps([GONE + bytes([i]) for i in range(100)], 4)
    findings = [one for one in said(many) if "no_such_module" in one]
    assert len(findings) == 1
    assert "(and 99 more)" in findings[0]


def test_what_loads_is_not_told():
    assert diagnose(pickle.dumps([pickle.dumps(io.BytesIO), b"\x80\x04 no pickle"], 4)).weight == "fine"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_of_a_file(pack, tmp_path, capsys):
    path = tmp_path / "data"
    path.write_bytes(pack(pickle.dumps([GONE + b"y" * 9000], 4)))
    assert main(["doctor", str(path)]) == 0
    out = capsys.readouterr().out
    assert "? a pickle in the bytes at offset" in out
    assert main(["doctor", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["weight"] == "unsure"


def test_a_file_is_read_from_where_it_stood():
    data = pickle.dumps([GONE], 4)
    file = io.BytesIO(b"before" + data)
    file.seek(6)
    assert [one.what for one in diagnose(file).findings] == [one.what for one in diagnose(data).findings]
