"""What `brinery doctor` says of what is cut short or damaged holds, and what it advises gives the object."""

import pickle

import pytest

from brinery.stream import diagnose

MANY = {"rows": [[1, 2, 3], (4, "text", 2.5), {"a": b"x"}, None], "more": {"b": [1.5] * 3}, "s": {1, 2}}


def said(data):
    return " | ".join(f"{one.what}: {one.advice}" for one in diagnose(data).findings)


@pytest.mark.parametrize("obj", [MANY, [1, 2, 3], ([1],), {"a": {}}, "a text", 7])
@pytest.mark.parametrize("protocol", range(6))
def test_only_stop_is_missing_where_it_gives_the_object(obj, protocol):
    data = pickle.dumps(obj, protocol)
    told = []
    for size in range(1, len(data)):
        if "only STOP" in said(data[:size]):
            told.append(size)
            assert pickle.loads(data[:size] + b".") == obj
    framed = protocol >= 4 and b"\x95" in data[:3]
    assert told == ([len(data) - 1] if framed else [])


@pytest.mark.parametrize("protocol", range(4))
def test_without_frames_what_may_be_missing_is_said(protocol):
    data = pickle.dumps([1, 2, 3], protocol)
    for size in range(3, len(data)):
        words = said(data[:size])
        assert "cut short" in words
        if "data + b'.'" in words:
            assert "may be missing" in words
            pickle.loads(data[:size] + b".")
    assert "data + b'.'" in said(data[:-1])


BEYOND = b"\x80\x04\x95" + (2**60).to_bytes(8, "little") + b"N."


def test_a_frame_that_reaches_beyond_the_file_is_a_fault_of_its_own_pickle():
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(BEYOND)
    found = diagnose(BEYOND)
    assert found.what.startswith("no sound pickle")
    words = said(BEYOND)
    assert "offset 2, opcode FRAME" in words
    assert "pickle 2" not in words
    assert "load gives the first" not in words
    words = said(pickle.dumps([1], 4) + BEYOND)
    assert "pickle 2, from offset 9 on" in words or "pickle 2, from offset" in words
    assert diagnose(pickle.dumps([1], 4) + BEYOND).what.startswith("1 pickle ")


@pytest.mark.parametrize("length", [2**60, 2**62])
def test_a_length_that_no_file_has_is_damage(length):
    for data in (BEYOND, b"\x80\x04\x8e" + length.to_bytes(8, "little") + b"abc."):
        assert "cut short" not in said(data)
        assert "damaged" in said(data)
    assert "cut short" in said(b"\x80\x04\x8e" + (1 << 32).to_bytes(8, "little") + b"abc.")


def test_a_name_of_python_2_is_named_without_a_comma_too_many():
    words = said(b"\x80\x02c__builtin__\neval\n.")
    assert "it names __builtin__.eval (builtins.eval today), which " in words
    assert ",," not in words
