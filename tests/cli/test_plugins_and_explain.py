"""`brinery plugins`, `explain` and `refs --plugins`, in a process where the plugins are installed."""

import json
import os
import subprocess
import sys

import pytest
from throwaway import Installation

import brinery
from brinery.wording import fold

FRACTIONS = """
    from brinery import Reducer, hookimpl

    def reduce_fraction(fraction):
        return type(fraction), (fraction.numerator, fraction.denominator)

    @hookimpl
    def brinery_reducers():
        yield Reducer("fractions:Fraction", reduce_fraction)
"""
OTHERWISE = FRACTIONS.replace("fraction.numerator, fraction.denominator", "str(fraction),")
BROKEN = "import a_module_that_is_nowhere"


@pytest.fixture
def installed(tmp_path):
    """An installation with one plugin that works."""
    installation = Installation(tmp_path)
    installation.add("brinery-ratio", plugins={"ratio": "ratio_plugin"}, ratio_plugin=FRACTIONS)
    return installation


def run(installation, *arguments, **environment):
    """A command line in a fresh process: exit code, output, error output."""
    inherited = {name: value for name, value in os.environ.items() if name != "BRINERY_PLUGINS"}
    done = subprocess.run(
        # -S: the distributions that are installed here must not be seen.
        [sys.executable, "-S", "-W", "error", "-m", "brinery", *arguments],
        env={**inherited, "PYTHONPATH": str(installation.folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def paragraphs(out):
    """The output's parts by their first line."""
    return {part.split("\n")[0]: part for part in out.strip().split("\n\n")}


def test_plugins_lists_what_is_active_and_what_it_declares(installed):
    code, out, err = run(installed, "plugins")
    assert (code, err) == (0, "")
    active = paragraphs(out)["active"]
    assert "ratio            brinery-ratio 1.0        1 reducer\n" in active + "\n"
    assert "sqlite" in active


def test_plugins_says_which_engine_is_in_use_and_why(installed):
    for command in ("plugins", "--version"):
        _, out, _ = run(installed, command, BRINERY_ENGINE="python")
        first, second = out.splitlines()[:2]
        assert first == f"brinery {brinery.__version__}, Python {sys.version.split()[0]}"
        assert second == "the python engine is in use: BRINERY_ENGINE=python asks for it"


def test_plugins_lists_what_is_blocked_and_by_what(installed):
    code, out, _ = run(installed, "plugins", BRINERY_PLUGINS="")
    assert code == 0
    assert "ratio" not in paragraphs(out)["active"]
    assert "BRINERY_PLUGINS does not name it" in paragraphs(out)["blocked"]


def test_plugins_lists_what_is_broken_and_why_and_fails(installed):
    installed.add("brinery-numbers", plugins={"numbers": "numbers_plugin"}, numbers_plugin=BROKEN)
    code, out, err = run(installed, "plugins")
    assert code == 1
    broken = " ".join(paragraphs(out)["broken"].split())
    assert (
        "numbers brinery-numbers 1.0 ModuleNotFoundError: No module named 'a_module_that_is_nowhere'"
        in broken
    )
    assert "numbers_plugin.py:1" in broken.replace(" ", "")
    assert "ratio" in paragraphs(out)["active"]
    assert err.startswith("brinery plugins: broken: numbers.")


def test_plugins_as_json(installed):
    _, out, _ = run(installed, "plugins", "--json", BRINERY_ENGINE="python")
    found = json.loads(out)
    assert found["brinery"] == brinery.__version__
    assert found["engine"] == "python"
    (ratio,) = [plugin for plugin in found["plugins"] if plugin["name"] == "ratio"]
    assert ratio["state"] == "active"
    assert ratio["distribution"] == "brinery-ratio"
    assert ratio["declares"] == {"reducer": 1}


@pytest.mark.parametrize("command", [["plugins"], ["explain", "fractions:Fraction"]])
def test_plugins_that_do_not_go_together_are_a_problem_that_says_what_to_do(installed, command):
    installed.add("brinery-other", "2.0", plugins={"other": "other_plugin"}, other_plugin=OTHERWISE)
    code, out, err = run(installed, *command)
    assert code == 1
    assert "more than one plugin declares a reducer for fractions:Fraction" in out
    assert "'other' (brinery-other 2.0)" in out
    assert "Profile(prefer={'reducer:fractions:Fraction': 'other'})" in out
    assert 'BRINERY_PREFER="reducer:fractions:Fraction=other"' in out
    assert err.startswith(f"brinery {command[0]}: ")
    assert "Traceback" not in err
    settled = run(installed, *command, BRINERY_PREFER="reducer:fractions:Fraction=other")
    assert (settled[0], settled[2]) == (0, "")


@pytest.mark.parametrize("name", ["BRINERY_STRICT", "BRINERY_PLUGINS"])
def test_they_are_listed_where_they_are_an_error_for_programs(installed, name):
    installed.add("brinery-other", "2.0", plugins={"other": "other_plugin"}, other_plugin=OTHERWISE)
    code, out, _ = run(installed, "plugins", **{name: "1" if name == "BRINERY_STRICT" else "ratio,other"})
    assert code == 1
    assert "in conflict" in out
    assert "ratio" in paragraphs(out)["active"]


def test_a_plugin_is_told_all_about(installed):
    source = """
        from brinery import NameTable, Option, hookimpl

        @hookimpl
        def brinery_options():
            yield Option("places", int, 2, "digits behind the point")

        @hookimpl
        def brinery_name_tables(options):
            yield NameTable("moved", {"old": "new", "old:Name": "new:Name"})
        """
    installed.add("brinery-busy", "3.1", plugins={"busy": "busy_plugin"}, busy_plugin=source)
    code, out, err = run(installed, "plugins", "busy")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "busy (brinery-busy 3.1), busy_plugin",
        "  state     active: installed",
        "  hooks     brinery_options",
        "            brinery_name_tables",
        "  options   option places: int = 2, digits behind the point",
        "  declares  name table 'moved': 2 names read, 0 written, at every protocol",
    ]
    found = json.loads(run(installed, "plugins", "busy", "--json")[1])
    assert found["options"] == ["option places: int = 2, digits behind the point"]
    code, out, err = run(installed, "plugins", "bussy")
    assert (code, out) == (1, "")
    assert "there is no plugin 'bussy'; did you mean 'busy'?" in err


def test_plugins_that_do_not_go_together_are_listed_all_the_same(installed):
    installed.add("brinery-other", "2.0", plugins={"other": "other_plugin"}, other_plugin=OTHERWISE)
    _, out, _ = run(installed, "plugins")
    active = paragraphs(out)["active"]
    assert "ratio" in active
    assert "other            brinery-other 2.0        1 reducer" in active


def test_explain_tells_of_a_broken_plugin_where_nobody_has_a_say(installed):
    installed.add("brinery-numbers", plugins={"numbers": "numbers_plugin"}, numbers_plugin=BROKEN)
    _, out, _ = run(installed, "explain", "decimal:Decimal")
    assert "plugin 'numbers' (brinery-numbers 1.0) is installed but was skipped: " in " ".join(out.split())
    assert "no plugin has a say" in out
    assert "'a_module_that_is_nowhere'" in " ".join(out.split())
    _, out, _ = run(installed, "explain", "fractions:Fraction")
    assert "numbers" not in out


def test_explain_names_the_winner_and_the_rule(installed):
    code, out, err = run(installed, "explain", "fractions:Fraction")
    assert (code, err) == (0, "")
    assert out == (
        "fractions:Fraction\n"
        "  * ratio (brinery-ratio 1.0): reducer for fractions:Fraction: ratio_plugin:reduce_fraction\n"
        "      rule: the only one\n"
    )


def test_explain_shows_both_sides_of_a_conflict_and_neither_wins(installed):
    installed.add("brinery-other", "2.0", plugins={"other": "other_plugin"}, other_plugin=OTHERWISE)
    code, out, err = run(installed, "explain", "fractions:Fraction")
    assert code == 1
    assert out.startswith(
        "fractions:Fraction\n"
        "    other (brinery-other 2.0): reducer for fractions:Fraction: other_plugin:reduce_fraction\n"
        "      rule: in conflict: nothing says which is meant\n"
        "    ratio (brinery-ratio 1.0): reducer for fractions:Fraction: ratio_plugin:reduce_fraction\n"
        "      rule: in conflict: nothing says which is meant\n"
    )
    assert err == "brinery explain: plugins disagree about this name\n"
    code, out, _ = run(installed, "explain", "fractions:Fraction", "--json")
    assert code == 1
    assert json.loads(out)["conflict"].startswith("more than one plugin declares")


def test_explain_tells_of_other_names_as_if_there_were_no_conflict(installed):
    installed.add("brinery-other", "2.0", plugins={"other": "other_plugin"}, other_plugin=OTHERWISE)
    code, out, err = run(installed, "explain", "__builtin__:xrange")
    assert (code, err) == (0, "")
    assert "* python2-names (built-in): __builtin__:xrange is read as builtins:range" in out


def test_explain_finds_a_conflict_that_only_the_class_shows(installed):
    """Two names of one class, which is not imported when the profile is composed."""
    second = OTHERWISE.replace("fractions:Fraction", "ratio_names:Ratio")
    installed.add(
        "brinery-other",
        "2.0",
        plugins={"other": "other_plugin"},
        other_plugin=second,
        ratio_names="from fractions import Fraction as Ratio",
    )
    code, out, err = run(installed, "explain", "ratio_names:Ratio")
    assert code == 1
    assert out.count("in conflict: nothing says which is meant") == 2
    assert "more than one plugin declares a reducer for fractions:Fraction" in out
    assert err == "brinery explain: plugins disagree about this name\n"


def test_explain_prints_what_the_function_gives(installed):
    code = "import brinery; print(brinery.default_profile().explain('fractions:Fraction'))"
    printed = installed.out(code)
    assert run(installed, "explain", "fractions:Fraction")[1].strip() == printed


def test_explain_finds_what_is_declared_beneath_a_module(installed):
    installed.add("brinery-moved", plugins={"moved": "moved_plugin"}, moved_plugin=TABLES)
    _, out, _ = run(installed, "explain", "oldshop")
    assert "oldshop is read as newshop at every protocol" in out
    assert "oldshop:Order is read as newshop.orders:Order" in out
    _, out, _ = run(installed, "explain", "fractions")
    assert "reducer for fractions:Fraction" in out


def test_explain_takes_a_key_of_prefer(installed):
    _, out, _ = run(installed, "explain", "reducer:fractions:Fraction")
    assert "* ratio" in out
    _, out, _ = run(installed, "explain", "scheme:sqlite")
    assert "* sqlite" in out


def test_explain_takes_a_dot_for_the_colon(installed):
    assert run(installed, "explain", "fractions.Fraction") == run(installed, "explain", "fractions:Fraction")


def test_explain_as_json(installed):
    _, out, _ = run(installed, "explain", "fractions:Fraction", "--json")
    (say,) = json.loads(out)["says"]
    assert (say["kind"], say["plugin"]["name"], say["wins"]) == ("reducer", "ratio", True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("__builtin__:xrange", "__builtin__:xrange is read as builtins:range below protocol 3"),
        ("Queue", "Queue is read as queue below protocol 3"),
        ("sqlite:", "scheme sqlite"),
        ("int", "one of the format's own data types"),
        ("decimal.Decimal", "no plugin has a say"),
    ],
)
def test_explain_knows_old_names_schemes_and_builtins(installed, name, words):
    code, out, _ = run(installed, "explain", name)
    assert code == 0
    assert words in out


@pytest.mark.parametrize(
    "name", ["nowhere:Thing", "nowhere.Thing", "fractions:Nothing", "nothing", "gopher:", "::"]
)
def test_explain_refuses_a_name_that_is_nothing(installed, name):
    code, out, err = run(installed, "explain", name)
    assert (code, out) == (1, "")
    assert err.startswith(f"brinery explain: {name!r} is no class")


def test_an_engine_that_is_not_there_is_an_error_that_names_the_variable(installed):
    code, _, err = run(installed, "plugins", BRINERY_ENGINE="turbo")
    assert code != 0
    assert "BRINERY_ENGINE=turbo cannot be used: no engine is called 'turbo'" in err


def test_a_long_text_goes_on_under_its_own_beginning():
    first, second, *_ = fold("rule: ", "word " * 40).splitlines()
    assert first.startswith("rule: word")
    assert second.startswith("      word")


def test_output_is_at_most_100_columns_wide(installed):
    installed.add(
        "brinery-long", plugins={"long": "long_plugin"}, long_plugin="raise ValueError('very ' * 100)"
    )
    for command in (["plugins"], ["explain", "fractions:Fraction"], ["--help"]):
        _, out, _ = run(installed, *command)
        assert max(len(line) for line in out.splitlines() if str(installed.folder) not in line) <= 100


TABLES = """
    from brinery import NameTable, hookimpl

    @hookimpl
    def brinery_name_tables():
        yield NameTable("moved", {"oldshop": "newshop", "oldshop:Order": "newshop.orders:Order"})
        yield NameTable("ours", {"copy_reg:ours": "oldshop:Order"}, era="python2")
"""


def test_refs_shows_names_as_the_plugins_tables_have_them_read(installed, tmp_path):
    installed.add("brinery-moved", plugins={"moved": "moved_plugin"}, moved_plugin=TABLES)
    path = tmp_path / "data.pickle"
    path.write_bytes(b"(coldshop\nOrder\ncoldshop\nCart\nccopy_reg\nours\nccopy_reg\nother\nl.")
    code, out, err = run(installed, "refs", str(path), "--plugins")
    assert (code, err) == (0, "")
    assert out == (
        "1 pickle\n"
        "\n"
        "4 globals\n"
        "       1  oldshop.Order  →  newshop.orders.Order  (not found here: no module newshop.orders)\n"
        "       1  oldshop.Cart  →  newshop.Cart  (not found here: no module newshop)\n"
        "       1  copy_reg.ours  →  newshop.orders.Order  (not found here: no module newshop.orders)\n"
        "       1  copy_reg.other  →  copyreg.other  (not found here: no name other)\n"
        "\n"
        "no persistent IDs\n"
    )
    _, out, _ = run(installed, "refs", str(path), "--plugins", "--json")
    assert [found["loads_as"] for found in json.loads(out)["globals"]][:2] == [
        "newshop.orders.Order",
        "newshop.Cart",
    ]
    _, out, _ = run(installed, "refs", str(path))
    assert "newshop" not in out
    assert "copy_reg.other  →  copyreg.other" in out


def test_refs_needs_plugins_that_agree_only_about_the_names_that_it_asks_for(installed, tmp_path):
    installed.add("brinery-moved", plugins={"moved": "moved_plugin"}, moved_plugin=TABLES)
    other = TABLES.replace("newshop", "novashop")
    installed.add("brinery-other", "2.0", plugins={"other": "other_plugin"}, other_plugin=other)
    path = tmp_path / "data.pickle"
    path.write_bytes(b"cfractions\nFraction\n.")
    assert run(installed, "refs", str(path), "--plugins")[0] == 0
    path.write_bytes(b"coldshop\nOrder\n.")
    assert run(installed, "refs", str(path))[0] == 0
    code, out, err = run(installed, "refs", str(path), "--plugins")
    assert (code, out) == (1, "")
    assert err.startswith("brinery refs: more than one plugin declares")


OLD = """
    from brinery import NameTable, Reducer, Shape, TextRule, hookimpl

    @hookimpl
    def brinery_shapes():
        yield Shape("shop.models:Order", defaults={"currency": "EUR"})

    @hookimpl
    def brinery_text_rules():
        yield TextRule("shop.other:Photo", {"raw": "bytes"})

    @hookimpl
    def brinery_name_tables():
        yield NameTable("moved", {"oldhome:Sample": "newhome:Sample", "oldest": "newest"})
"""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shop.models.Order", "shape of shop.models:Order: 1 default"),
        ("shop.other.Photo", "text of shop.other:Photo: raw is bytes"),
        ("oldhome.Sample", "oldhome:Sample is read as newhome:Sample"),
        ("oldest", "oldest is read as newest"),
    ],
)
def test_explain_takes_a_dot_for_whatever_is_declared(installed, name, words):
    installed.add("brinery-old", plugins={"old": "old_plugin"}, old_plugin=OLD)
    code, out, err = run(installed, "explain", name)
    assert (code, err) == (0, "")
    assert words in out


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("fractions.Fracton", "fractions:Fraction"),
        ("fractions:Fracton", "fractions:Fraction"),
        ("shop.models.Oder", "shop.models:Order"),
        ("oldhome:Sampel", "oldhome:Sample"),
        ("sqlit:", "sqlite:"),
    ],
)
def test_explain_names_the_nearest(installed, name, meant):
    installed.add("brinery-old", plugins={"old": "old_plugin"}, old_plugin=OLD)
    code, _, err = run(installed, "explain", name)
    assert code == 1
    assert f"did you mean {meant!r}?" in err


@pytest.mark.parametrize("name", ["BRINERY_STRICT", "BRINERY_PLUGINS"])
def test_what_the_environment_settles_is_not_listed_beside_what_is_in_conflict(installed, name):
    """Where programs get an error."""
    more = OTHERWISE.replace("fractions:Fraction", "decimal:Decimal") + OTHERWISE.replace(
        "def brinery_reducers", "def more"
    ).replace("@hookimpl", "@hookimpl(specname='brinery_reducers')")
    for plugin in ("one", "two"):
        source = more.replace("str(fraction)", f"'{plugin}'")
        installed.add(
            f"brinery-{plugin}", plugins={plugin: f"{plugin}_plugin"}, **{f"{plugin}_plugin": source}
        )
    variables = {
        name: "1" if name == "BRINERY_STRICT" else "one,two",
        "BRINERY_PLUGINS": "one,two",
        "BRINERY_PREFER": "reducer:fractions:Fraction=two",
    }
    code, out, _ = run(installed, "plugins", **variables)
    assert code == 1
    assert "a reducer for decimal:Decimal" in out
    assert "a reducer for fractions:Fraction" not in out
    code, out, _ = run(installed, "explain", "fractions:Fraction", **variables)
    assert code == 0
