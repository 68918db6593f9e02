"""`brinery doctor` says of opcodes that cannot work that a load fails there, and of no others."""

import pickle
import sys

import pytest

import brinery
from brinery.python_pickling import _loads as python_loads
from brinery.stream import diagnose

LIST_IN_TUPLE = b"\x80\x04}]\x85Ns."


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x80\x04NK\x01a.", "items are appended to None"),
        (b"\x80\x04K\x05(K\x01e.", "items are appended to an int"),
        (b"\x80\x04)K\x01a.", "items are appended to a tuple"),
        (b"\x80\x04}K\x01a.", "items are appended to a dict"),
        (b"\x80\x04}]Ns.", "a list is a key of a dict"),
        (b"\x80\x04}(]Nu.", "a list is a key of a dict"),
        (b"(]Nd.", "a list is a key of a dict"),
        (LIST_IN_TUPLE, "a list in a tuple is a key of a dict"),
        (b"\x80\x04(]\x91.", "a list is a member of a frozenset"),
        (b"\x80\x04\x8f(]\x90.", "a list is a member of a set"),
        (b"\x80\x04N(K\x01\x90.", "members are added to None"),
        (b"\x80\x04K\x01)R.", "an int is called"),
        (b"\x80\x04K\x01)\x81.", "an int is called"),
        (b"(K\x01o.", "an int is called"),
        (b"\x80\x04cbuiltins\nlist\n]R.", "the arguments of a call are a list"),
        (b"\x80\x04K\x01}b.", "an int is given a state"),
        (b"\x80\x04NK\x01K\x02s.", "keys and values are put into None"),
        (b"L" + b"7" * 4301 + b"L\n.", "Exceeds the limit (4300 digits)"),
        (b"L-" + b"7" * 9000 + b"L\n.", "value has 9000 digits"),
    ],
)
def test_what_cannot_work_is_said(data, words):
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is, it does not load
        pickle.loads(data)
    found = diagnose(data)
    assert found.weight == "fails"
    assert words in found.findings[0].what
    assert "at offset" in found.findings[0].what


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04N(e.",  # nothing is appended to None
        b"\x80\x04N(u.",
        b"\x80\x04N(\x90.",
        b"\x80\x04K\x01Nb.",  # no state
        b"\x80\x04]K\x01aK\x00K\x05s.",  # l[0] = 5
        b"\x80\x05\x96\x01\0\0\0\0\0\0\0aK\x01a.",  # a bytearray takes items
        b"\x80\x04}(K\x01K\x02\x86(K\x01\x91\x86Nu.",
        b"L" + b"7" * 4300 + b"L\n.",
        b"L-" + b"7" * 4300 + b"L\n.",
        pickle.dumps(-(10**5000), 2),
    ],
)
def test_what_works_is_not_held_against_it(data):
    try:
        pickle.loads(data)
    except AttributeError:
        pytest.skip("this Python asks for the method, even if nothing is appended")
    assert diagnose(data).weight == "fine"


def test_where_the_limit_is_lifted_long_numbers_load():
    data = b"L" + b"7" * 9000 + b"L\n."
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        assert diagnose(data).weight == "fine"
        assert brinery.loads(data) == pickle.loads(data)
    finally:
        sys.set_int_max_str_digits(limit)
    assert "sys.set_int_max_str_digits(0)" in diagnose(data).findings[0].advice


@pytest.mark.parametrize("loads", [brinery.loads, python_loads])
@pytest.mark.parametrize("opcode", [b"L%sL\n.", b"L%s\n.", b"Np%s\n.", b"g%s\n."])
def test_a_number_of_too_many_digits_is_told_in_the_words_of_c_pickle(loads, opcode):
    data = opcode % (b"7" * 5000)
    with pytest.raises(ValueError, match="Exceeds the limit") as expected:
        pickle.loads(data)
    with pytest.raises(ValueError, match="Exceeds the limit") as raised:
        loads(data)
    assert str(raised.value) == str(expected.value)
    assert not any("no pickle" in note for note in raised.value.__notes__)


def test_keys_that_share_tuples_take_no_time():
    shared = ()
    for _ in range(60):
        shared = (shared, shared)
    assert diagnose(pickle.dumps([shared], 4)).weight == "fine"
    data = b"\x80\x04}N" + b"\x85\x94h\x00\x86" + b"".join(b"\x94h%c\x86" % i for i in range(1, 60)) + b"Ns."
    assert diagnose(data).weight == "fine"
