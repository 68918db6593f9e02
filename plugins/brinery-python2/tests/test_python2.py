"""What a real Python 2.7 wrote (``write_python2.py``) loads without an encoding; and packages' own rules are
read."""

from __future__ import annotations

import base64
import datetime
import json
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import brinery
from brinery.errors import PluginWarning

WRITTEN = json.loads((Path(__file__).parent / "python2.json").read_text())

EXPECTED = {
    "set": {1, 2},
    "datetime": datetime.datetime(2016, 2, 3, 4, 5, 6, 234567),
    "date": datetime.date(2200, 12, 31),
    "time": datetime.time(23, 59, 58, 200),
    "function": urllib.parse.quote,
}


@pytest.fixture(params=["python", "compiled"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def read(engine: str, name: str) -> Iterator[Any]:
    profile = brinery.Profile(["python2"], engine=engine)
    for data in WRITTEN[name]:
        yield profile.loads(base64.b64decode(data))


@pytest.mark.parametrize("name", EXPECTED)
def test_it_loads_as_what_it_was(name: str, engine: str) -> None:
    assert list(read(engine, name)) == [EXPECTED[name]] * 6


def test_text_in_memory_keeps_its_place(engine: str) -> None:
    for file in read(engine, "io"):
        assert (file.tell(), file.read(), file.getvalue()) == (2, "cdef", "abcdef")


def test_a_message_can_be_written_as_text(engine: str) -> None:
    for mail in read(engine, "mail"):
        assert mail.get_content_type() == "text/plain"
        assert mail.as_string().endswith("\n\nhello")


def test_what_left_a_module_within_python_3_is_found() -> None:
    profile = brinery.Profile(["python2"])
    found = profile.loads(b"\x80\x04\x8c\x0bcollections\x8c\x07Mapping\x93.")
    assert found is sys.modules["collections.abc"].Mapping


def test_what_is_gone_is_refused_with_the_reason() -> None:
    with pytest.raises(ModuleNotFoundError) as refused:
        brinery.Profile(["python2"]).loads(b"csets\nImmutableSet\n.")
    assert "frozenset" in "\n".join(refused.value.__notes__)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that ships entry points for zodbupdate, as packages of Plone do."""
    (tmp_path / "py2shop_rules.py").write_text(
        "renames = {'py2shop.old Order': 'py2shop_classes Order'}\n"
        "decodes = {'py2shop.old Order photo': 'binary', 'py2shop_classes Order name': 'utf-8'}\n"
    )
    (tmp_path / "py2shop_classes.py").write_text("class Order:\n    pass\n")
    information = tmp_path / "py2shop-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: py2shop\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[zodbupdate]\nrenames = py2shop_rules:renames\n\n"
        "[zodbupdate.decode]\ndecodes = py2shop_rules:decodes\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("py2shop_rules", "py2shop_classes"):
        sys.modules.pop(name, None)


def test_the_entry_points_of_zodbupdate_are_read_as_they_are(shipped: None, engine: str) -> None:
    profile = brinery.Profile(["python2"], engine=engine)
    data = b"\x80\x02cpy2shop.old\nOrder\n)\x81}(U\x05photoU\x02\xc3\xa9U\x04nameU\x02\xc3\xa9ub."
    order = profile.loads(data)
    assert type(order).__module__ == "py2shop_classes"
    assert vars(order) == {"photo": b"\xc3\xa9", "name": "é"}


def test_an_entry_point_that_cannot_be_loaded_is_left_out_with_a_warning(
    shipped: None, tmp_path: Path
) -> None:
    (tmp_path / "py2shop_rules.py").write_text("decodes = {}\n")
    with pytest.warns(PluginWarning, match="'renames' of 'zodbupdate'"):
        brinery.Profile(["python2"])
