"""Installed plugins that disagree: an error where it matters, and everything else works."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from engines import engines_under_test
from throwaway import Installation

PLUGIN = """
from brinery import NameTable, Override, PersistentScheme, Reducer, hookimpl

def reduce(obj):
    return str, ("NAME",)

def override(obj):
    return str, ("NAME",)

class Store:
    claims = ()
    def persistent_id(self, obj): pass
    def persistent_load(self, key): pass

@hookimpl
def brinery_reducers():
    yield Reducer("fractions:Fraction", reduce)

@hookimpl
def brinery_overrides():
    yield Override("decimal:Decimal", override)

@hookimpl
def brinery_persistent_schemes():
    yield PersistentScheme("redis", lambda url: Store())

@hookimpl
def brinery_name_tables():
    yield NameTable("moved", {"gone:NAME": "array:array", "gone:Sample": "NAME_home:Sample"},
        write={"collections:OrderedDict": "NAME_home:Dict"})
"""

TRY = """
import collections, decimal, fractions, io, json
import brinery

class Sub(fractions.Fraction):
    pass

def outcome(act):
    try:
        return str(act())
    except Exception as failure:
        return [type(failure).__name__, getattr(failure, "pickle_path", None), getattr(failure, "keys", None)]

def table(cls):
    pickler = brinery.Pickler(io.BytesIO())
    pickler.dispatch_table = {fractions.Fraction: lambda obj: (str, ("mine",))}
    pickler.dump(cls(1, 2))

print(json.dumps({
    "plain": outcome(lambda: brinery.loads(brinery.dumps([1, {"a": 2}]))),
    "subclass": outcome(lambda: brinery.dumps(Sub) and "written"),
    "reducer": outcome(lambda: brinery.dumps({"rows": [1, fractions.Fraction(1, 2)]})),
    "override": outcome(lambda: brinery.dumps([decimal.Decimal(1)])),
    "own table": outcome(lambda: table(fractions.Fraction)),
    "read": outcome(lambda: brinery.loads(b"cgone\\nSample\\n.")),
    "read at 4": outcome(lambda: brinery.loads(b"\\x80\\x04\\x8c\\x04gone\\x8c\\x06Sample\\x93.")),
    "another name": outcome(lambda: brinery.loads(b"cgone\\none\\n.").__name__),
    "written": outcome(lambda: brinery.dumps([collections.OrderedDict])),
    "written at 2": outcome(lambda: brinery.dumps([collections.OrderedDict], 2)),
    "scheme": outcome(lambda: brinery.default_profile().open_store("redis://host")),
    "other scheme": outcome(lambda: brinery.default_profile().open_store("sqlite://").close()),
}))
"""


@pytest.fixture
def disagreeing(tmp_path: Path) -> Installation:
    installation = Installation(tmp_path)
    for name in ("one", "two"):
        plugin = PLUGIN.replace("NAME", name)
        installation.add(f"brinery-{name}", plugins={name: f"{name}_plugin"}, **{f"{name}_plugin": plugin})
    return installation


def conflict(path: str | None, key: str) -> list[object]:
    return ["PluginConflict", path, [key]]


@pytest.mark.parametrize("engine", engines_under_test())
def test_it_is_raised_where_it_is_met_and_nowhere_else(disagreeing: Installation, engine: str) -> None:
    found = ast.literal_eval(disagreeing.out(TRY, BRINERY_ENGINE=engine).replace("null", "None"))
    assert found == {
        "plain": "[1, {'a': 2}]",
        "subclass": str(found["subclass"]),
        "reducer": conflict("root['rows'][1]", "reducer:fractions:Fraction"),
        "override": conflict("root[0]", "override:decimal:Decimal"),
        "own table": "None",
        "read": conflict(None, "name:gone:Sample"),
        "read at 4": conflict(None, "name:gone:Sample"),
        "another name": "array",
        "written": conflict("root[0]", "name:collections:OrderedDict"),
        "written at 2": conflict("root[0]", "name:collections:OrderedDict"),
        "scheme": conflict(None, "scheme:redis"),
        "other scheme": ["StoreError", None, None],  # it wants tables
    }
    assert isinstance(found["subclass"], str)


def test_the_line_of_the_message_settles_it_from_outside_the_program(disagreeing: Installation) -> None:
    code = "import brinery, fractions\nprint(brinery.loads(brinery.dumps(fractions.Fraction(1, 2))))"
    done = disagreeing.run(code)
    assert "PluginConflict" in done.stderr
    assert "one_plugin.py:" in done.stderr
    (variable,) = re.findall(r'BRINERY_PREFER="(.*?)"', done.stderr)
    assert variable == "reducer:fractions:Fraction=one"
    assert disagreeing.out(code, BRINERY_PREFER=variable) == "one"
    assert disagreeing.out(code, BRINERY_PREFER=variable.replace("one", "two")) == "two"


def test_check_and_strict_tell_all_at_once_each_with_its_line(disagreeing: Installation) -> None:
    for code, environment in (
        ("import brinery; brinery.default_profile().check()", {}),
        ("import brinery; brinery.dumps(1)", {"BRINERY_STRICT": "1"}),
        ("import brinery; brinery.dumps(1)", {"BRINERY_PLUGINS": "one,two"}),
        ("import brinery; brinery.Profile(['one', 'two'])", {}),
    ):
        done = disagreeing.run(code, **environment)
        assert "plugins are in conflict about 5 things" in done.stderr
        lines = re.findall(r'BRINERY_PREFER="(.*?)"', done.stderr)
        assert len(lines) == 5
        assert disagreeing.out(code, **environment, BRINERY_PREFER=";".join(lines)) == ""


def test_a_misspelt_variable_is_an_error_that_names_the_nearest_key(disagreeing: Installation) -> None:
    done = disagreeing.run(
        "import brinery; brinery.dumps(1)", BRINERY_PREFER="reducer:fractions:Fractoin=one"
    )
    assert "BRINERY_PREFER has the key 'reducer:fractions:Fractoin', which settles nothing" in done.stderr
    assert "did you mean 'reducer:fractions:Fraction'?" in done.stderr


def test_a_program_with_plugins_of_its_own_is_not_bothered_by_the_variable(disagreeing: Installation) -> None:
    code = "import brinery; brinery.Profile(['one']); brinery.Profile.plain(); print('made')"
    assert disagreeing.out(code, BRINERY_PREFER="reducer:fractions:Fraction=two") == "made"


def test_nor_is_a_profile_that_leaves_out_whom_the_variable_prefers(disagreeing: Installation) -> None:
    code = "import brinery; brinery.dumps(brinery.Profile(without={'two'}).report()); print('made')"
    keys = "reducer:fractions:Fraction=two; scheme:redis=two; reducer:a:B=two"
    assert disagreeing.out(code.replace("brinery.dumps", "str"), BRINERY_PREFER=keys) == "made"
