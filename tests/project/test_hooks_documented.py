"""Every hook is in the hook reference with its exact signature, and its example is a working plugin."""

from __future__ import annotations

import inspect
import pickle
import re
import sys
import textwrap
import types
import uuid
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

import brinery
from brinery import Profile, hookspecs
from brinery.plugin_host.kinds import KINDS, Kind

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "hooks.md"


def example_code(hook: str) -> str:
    docstring = inspect.getdoc(getattr(hookspecs, hook))
    assert docstring is not None
    return textwrap.dedent(docstring.partition("whole plugin::\n")[2]).strip()


@pytest.mark.parametrize("hook", hookspecs.HOOKS)
def test_the_reference_has_the_hook_with_its_signature(hook: str) -> None:
    parameters = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    assert f"{hook}({parameters})" in REFERENCE.read_text(encoding="utf-8")


@pytest.mark.parametrize("hook", hookspecs.HOOKS)
def test_the_reference_shows_the_docstring_with_its_example(hook: str) -> None:
    assert f"autofunction:: brinery.hookspecs.{hook}" in REFERENCE.read_text(encoding="utf-8")


def test_the_list_of_hooks_is_complete() -> None:
    assert {name for name in vars(hookspecs) if name.startswith("brinery_")} == set(hookspecs.HOOKS)


@pytest.fixture
def example(request: pytest.FixtureRequest) -> Iterator[types.ModuleType]:
    """The whole plugin in a hook's docstring, as a module that can be imported."""
    module = types.ModuleType(f"example_of_{request.param}")
    sys.modules[module.__name__] = module
    exec(compile(example_code(request.param), module.__name__, "exec"), vars(module))
    yield module
    del sys.modules[module.__name__]


def example_of(hook: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("example", [hook], indirect=True)


@example_of("brinery_reducers")
def test_the_example_of_reducers_works(example: types.ModuleType) -> None:
    value = uuid.uuid4()
    data = Profile([example]).dumps(value)
    assert value.hex.encode() in data
    assert value.hex.encode() not in Profile.plain().dumps(value)
    assert pickle.loads(data) == value


@example_of("brinery_overrides")
def test_the_example_of_overrides_works(example: types.ModuleType) -> None:
    profile = Profile([example])
    assert profile.loads(profile.dumps(example.adder(3)))(4) == 7
    assert profile.loads(profile.dumps(re.compile)) is re.compile


@example_of("brinery_persistent_schemes")
def test_the_example_of_persistent_schemes_works(example: types.ModuleType) -> None:
    with Profile([example]).bind(shelf="shelf:") as bound:
        data = bound.dumps([Fraction(1, 2), 3])
        assert b"fractions" not in data
        assert bound.loads(data) == [Fraction(1, 2), 3]


@example_of("brinery_name_tables")
def test_the_example_of_name_tables_works(example: types.ModuleType) -> None:
    people = types.ModuleType("shop.people")
    people.Customer = type("Customer", (), {})  # type: ignore[attr-defined]
    sys.modules["shop"], sys.modules["shop.people"] = types.ModuleType("shop"), people
    try:
        assert Profile([example]).loads(b"cshop.models\nClient\n.") is people.Customer
    finally:
        del sys.modules["shop"], sys.modules["shop.people"]


class Order:
    """What the examples of shapes and text rules are about."""


@pytest.fixture
def shop_models() -> Iterator[None]:
    models = types.ModuleType("shop.models")
    models.Order = Order  # type: ignore[attr-defined]
    sys.modules["shop"], sys.modules["shop.models"] = types.ModuleType("shop"), models
    yield
    del sys.modules["shop"], sys.modules["shop.models"]


@example_of("brinery_shapes")
def test_the_example_of_shapes_works(example: types.ModuleType, shop_models: None) -> None:
    profile = Profile([example])
    old = profile.loads(b"\x80\x02cshop.models\nOrder\n)\x81}X\x05\x00\x00\x00priceK\x03sb.")
    assert vars(old) == {"cents": 300, "currency": "EUR", "notes": []}
    new = profile.loads(
        b"\x80\x02cshop.models\nOrder\n)\x81}(X\x0c\x00\x00\x00shop_versionK\x02X\x05\x00\x00\x00priceK\x03ub."
    )
    assert vars(new) == {"shop_version": 2, "price": 3, "currency": "EUR", "notes": []}


@example_of("brinery_text_rules")
def test_the_example_of_text_rules_works(example: types.ModuleType, shop_models: None) -> None:
    data = b"\x80\x02cshop.models\nOrder\n)\x81}(U\x05photoU\x01\xffU\x04nameU\x02\xc3\xa9U\x01nU\x01\xe9ub."
    assert vars(Profile([example]).loads(data)) == {"photo": b"\xff", "name": "é", "n": "é"}


@example_of("brinery_options")
def test_the_example_of_options_works(example: types.ModuleType) -> None:
    profile = Profile([example], options={example.__name__: {"places": 1}})
    assert profile.loads(profile.dumps(Decimal("2.55"))) == Decimal("2.6")
    profile = Profile([example])
    assert profile.loads(profile.dumps(Decimal("2.555"))) == Decimal("2.56")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_the_table_of_hooks_has_each_kind(kind: Kind) -> None:
    (row,) = [
        line for line in REFERENCE.read_text(encoding="utf-8").splitlines() if f"| `{kind.hook}(" in line
    ]
    assert f"`{kind.hook}({', '.join(kind.offers)})`" in row
    assert f"{{class}}`~{kind.record.__module__}.{kind.record.__name__}`" in row
    assert (f"| `{kind.key}:" in row) is (kind.settles != "alone")


def test_each_hook_has_a_row_in_the_table_of_kinds() -> None:
    assert {kind.hook for kind in KINDS} == set(hookspecs.HOOKS)


def test_brinery_exports_what_the_examples_import() -> None:
    assert brinery.hookimpl is hookspecs.hookimpl
