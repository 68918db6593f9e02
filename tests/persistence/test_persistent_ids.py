"""Persistent IDs: every key comes back as it was, at every protocol, and nothing else is taken for one."""

from __future__ import annotations

import datetime
import uuid
from functools import reduce

import pytest

from brinery.errors import UnboundStore, UnpicklingError, WriteError
from brinery.persistent_ids import is_key, read_key, store_name, unbound, write_id

KEYS = [
    "",
    "anna",
    "anna b",
    "42",
    "#42",
    "$x",
    "(a,)",
    "a:b,c(d)e%20",
    "line\nbreak\r",
    "größer € 🥒",
    "\ud800",
    0,
    42,
    -7,
    2**80,
    b"",
    b"\x00\xff\n",
    b"plain",
    (),
    ("",),
    ("", ""),
    ("orders", 7),
    ("orders", "7"),
    ("lines", (1, b"x", ("deep", ()))),
    None,
    uuid.UUID("12345678-1234-5678-1234-567812345678"),
    datetime.date(2024, 2, 29),
    datetime.date.min,
    ("uuid", (uuid.UUID(int=0), None)),
    "*",
    "&@",
    ("uuid", "00"),
    reduce(lambda inner, _: (inner,), range(31), "as deep as it may be"),
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_a_key_comes_back_as_it_was(key: object, protocol: int) -> None:
    pid = write_id("shop", key, protocol)
    assert store_name(pid) == "shop"
    back = read_key(pid)
    assert back == key
    assert repr(back) == repr(key)


def test_from_protocol_1_on_an_id_is_the_pair() -> None:
    assert [write_id("shop", 42, protocol) for protocol in range(1, 6)] == [("shop", 42)] * 5


def test_at_protocol_0_an_id_is_one_line_of_ascii() -> None:
    assert write_id("shop", "anna b", 0) == "shop:anna%20b"
    assert write_id("shop", 42, 0) == "shop:#42"
    assert write_id("shop", b"\x00\xff", 0) == "shop:$%00%FF"
    assert write_id("shop", ("orders", 7), 0) == "shop:(orders,#7,)"
    for key in KEYS:
        text = write_id("shop", key, 0)
        assert isinstance(text, str)
        assert text.isascii()
        assert text.isprintable()


def test_what_would_be_a_call_in_the_stream_is_named_instead() -> None:
    assert write_id("shop", (1, b"x"), 2) == ("shop", (1, (True, "bytes", "78")))
    assert write_id("shop", (1, b"x"), 3) == ("shop", (1, b"x"))
    assert write_id("shop", uuid.UUID(int=7), 5) == ("shop", (True, "uuid", "0" * 31 + "7"))
    assert write_id("shop", datetime.date(2024, 2, 29), 5) == ("shop", (True, "date", "2024-02-29"))
    assert write_id("shop", datetime.date(2024, 2, 29), 0) == "shop:@2024-02-29"


@pytest.mark.parametrize(
    "key",
    [
        True,
        (True,),
        (True, "uuid"),
        (True, "uuid", "0"),
        (True, "uuid", 7),
        (True, "uuid", "{" + "0" * 30 + "}"),
        (True, "date", "yesterday"),
        (True, "bytes", "0"),
        (True, "float", "1"),
        ("a", (False, "date", "2024-02-29")),
        (1.5,),
    ],
    ids=repr,
)
def test_what_names_nothing_is_an_unpickling_error(key: object) -> None:
    with pytest.raises(UnpicklingError, match="carries no key"):
        read_key(("shop", key))


def test_a_name_may_be_anything_that_is_not_empty() -> None:
    for name in ("läden", "my shop", "a:b", "50%"):
        for protocol in (0, 4):
            assert store_name(write_id(name, 1, protocol)) == name


class Text(str):
    pass


@pytest.mark.parametrize(
    "key", [True, 1.5, [1], Text("x"), ("a", True), datetime.datetime(2024, 2, 29), object], ids=repr
)
def test_what_would_not_come_back_exactly_is_no_key(key: object) -> None:
    assert not is_key(key)
    with pytest.raises(WriteError, match=r"str, int, bytes, UUID, date or None, or a tuple"):
        write_id("shop", key, 4)


def test_a_tuple_out_of_a_stream_is_measured_before_it_is_hashed() -> None:
    deep: tuple[object, ...] = ()
    wide: tuple[object, ...] = ("x",)
    for _ in range(100_000):
        deep = (deep,)
    for _ in range(30):
        wide = (wide, wide)  # a billion parts, if each is visited for each place
    for key in (deep, wide):
        assert not is_key(key)
        with pytest.raises(UnpicklingError, match="carries no key"):
            read_key(("shop", key))
    with pytest.raises(UnpicklingError, match="nested too deeply"):
        read_key("shop:" + "(" * 100_000)


@pytest.mark.parametrize(
    "text",
    [
        "#",
        "#x",
        "# 4",
        "#4_2",
        "(",
        "(a",
        "(a)",
        "a)",
        "(a,))",
        "a,b",
        "#" + "9" * 5000,
        "%FF",
        "&0",
        "@1",
    ],
)
def test_a_text_without_a_key_is_an_unpickling_error(text: str) -> None:
    with pytest.raises(UnpicklingError, match="carries no key"):
        read_key(f"shop:{text}")


@pytest.mark.parametrize(
    "pid", [7, b"shop:1", "plain", ":x", "a b:1", ("shop",), ("shop", 1, 2), (1, 2), None], ids=repr
)
def test_other_programs_ids_are_not_taken_for_ours(pid: object) -> None:
    assert store_name(pid) is None


def test_the_error_for_an_unbound_store_says_what_to_write() -> None:
    error = unbound(("shop", 42))
    assert isinstance(error, UnboundStore)
    assert "profile.bind(shop=store)" in str(error)
    assert "profile.bind(shop=store)" in str(unbound("shop:#42"))
    assert "profile.bind(**{'my shop': store})" in str(unbound(("my shop", 42)))
    assert "profile.bind(bare=store)" in unbound(b"\x00oid").__notes__[0]
