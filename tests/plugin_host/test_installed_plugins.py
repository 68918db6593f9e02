"""Installed distributions, in processes of their own: what is found, chosen, broken, and said about it."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from throwaway import Installation

GREETING = """
from brinery import Reducer, hookimpl

def greet(fraction):
    return str, ("hello",)

@hookimpl
def brinery_reducers():
    yield Reducer("fractions:Fraction", greet)
"""

OTHER = """
from brinery import hookimpl

@hookimpl
def brinery_reducers():
    return []
"""

DUMPS = """
import brinery, fractions
print(brinery.loads(brinery.dumps([fractions.Fraction(1, 2)])))
"""

PLAIN = "[Fraction(1, 2)]"
GREETED = "['hello']"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


@pytest.fixture
def greeting(installation: Installation) -> Installation:
    installation.add(
        "brinery-greeting", "1.2", plugins={"greeting": "greeting_plugin"}, greeting_plugin=GREETING
    )
    return installation


@pytest.fixture
def broken(installation: Installation) -> Installation:
    installation.add(
        "brinery-broken", "0.3", plugins={"broken": "broken_plugin"}, broken_plugin="import no_such_module"
    )
    return installation


def test_an_entry_point_to_a_module_without_hooks_is_told(installation: Installation) -> None:
    installation.add("brinery-empty", "1.0", plugins={"empty": "empty_plugin"}, empty_plugin="x = 1\n")
    done = installation.run(DUMPS)
    assert done.stdout.strip() == PLAIN
    assert "PluginWarning: plugin 'empty' (brinery-empty 1.0) is installed but cannot be used" in done.stderr
    assert "the module 'empty_plugin' has no hook" in done.stderr
    named = installation.run("import brinery; brinery.Profile(['empty'])").stderr
    assert "DeclarationError: plugin 'empty' (brinery-empty 1.0): the module 'empty_plugin' has" in named


def test_without_plugins_it_is_the_standard_pickle(installation: Installation) -> None:
    assert installation.out(DUMPS) == PLAIN


def test_installing_a_plugin_changes_what_dumps_does(greeting: Installation) -> None:
    assert greeting.out(DUMPS) == GREETED


class TestWhereNoFolderOfThePathNamesPlugins:
    """Then importlib.metadata is not asked; but what only it can look into is never passed over."""

    def test_a_zip_file_is_looked_into(self, installation: Installation) -> None:
        code = f"""
        import sys, zipfile
        with zipfile.ZipFile({str(installation.folder / "zipped.zip")!r}, "w") as file:
            file.writestr("zipped-1.0.dist-info/METADATA", "Name: zipped\\nVersion: 1.0\\n")
            file.writestr("zipped-1.0.dist-info/entry_points.txt", "[brinery]\\ngreeting = zipped_plugin\\n")
            file.writestr("zipped_plugin.py", {GREETING!r})
        sys.path.append({str(installation.folder / "zipped.zip")!r})
        """
        assert installation.out(textwrap.dedent(code) + DUMPS) == GREETED

    def test_an_egg_is_looked_into(self, installation: Installation) -> None:
        egg = installation.folder / "Greeting-1.0.egg"
        (egg / "EGG-INFO").mkdir(parents=True)
        (egg / "EGG-INFO" / "PKG-INFO").write_text("Name: greeting\nVersion: 1.0\n")
        (egg / "EGG-INFO" / "entry_points.txt").write_text("[brinery]\ngreeting = egg_plugin\n")
        (egg / "egg_plugin.py").write_text(GREETING)
        assert installation.out(f"import sys; sys.path.append({str(egg)!r})\n{DUMPS}") == GREETED

    def test_a_finder_of_the_programs_own_is_asked(self, installation: Installation) -> None:
        (installation.folder / "found_plugin.py").write_text(GREETING)
        code = """
        import importlib.metadata, sys
        class Found(importlib.metadata.Distribution):
            def read_text(self, name):
                points = "[brinery]\\ngreeting = found_plugin"
                return {"METADATA": "Name: found\\nVersion: 1", "entry_points.txt": points}.get(name)
            def locate_file(self, path):
                raise NotImplementedError
        class Finder:
            find_spec = staticmethod(lambda *args: None)
            find_distributions = staticmethod(lambda context: [Found()])
        sys.meta_path.append(Finder)
        """
        assert installation.out(textwrap.dedent(code) + DUMPS) == GREETED

    @pytest.mark.parametrize(
        "odd", ["pathlib.Path('/no/such')", "b'/no/such'", "'/no/such'", "sys.executable"]
    )
    def test_an_odd_entry_of_the_path_does_no_harm(self, installation: Installation, odd: str) -> None:
        assert installation.out(f"import pathlib, sys; sys.path.append({odd})\n{DUMPS}") == PLAIN


def test_an_empty_switch_undoes_it(greeting: Installation) -> None:
    assert greeting.out(DUMPS, BRINERY_PLUGINS="") == PLAIN


def test_the_switch_names_the_plugins_to_take(greeting: Installation) -> None:
    greeting.add("brinery-other", plugins={"other": "other_plugin"}, other_plugin=OTHER)
    assert greeting.out(DUMPS, BRINERY_PLUGINS="other") == PLAIN
    assert greeting.out(DUMPS, BRINERY_PLUGINS="other, greeting") == GREETED


def test_the_switch_stands_in_for_installed_but_not_for_names_in_the_program(greeting: Installation) -> None:
    code = """
        import brinery, fractions
        print(len(brinery.Profile(["greeting"]).report().plugins), brinery.Profile(["greeting"]))
        """
    assert greeting.out(code, BRINERY_PLUGINS="") == "3 <Profile: greeting>"


def test_a_plugin_object_is_found_behind_a_colon(installation: Installation) -> None:
    source = """
        from brinery import Reducer, hookimpl

        class Plugin:
            @hookimpl
            def brinery_reducers(self):
                yield Reducer("fractions:Fraction", "builtins:str")

        plugin = Plugin()
        """
    installation.add("brinery-object", plugins={"object": "object_plugin:plugin"}, object_plugin=source)
    out = installation.out("import brinery; print(brinery.default_profile())")
    assert out == "<Profile: object>"


def test_a_name_that_is_not_installed_is_an_error_that_says_what_is(greeting: Installation) -> None:
    done = greeting.run("import brinery; brinery.Profile(['greting'])")
    assert (
        "PluginLoadError: Profile(plugins=…) asks for plugin 'greting', which is not installed" in done.stderr
    )
    assert "did you mean 'greeting'?" in done.stderr
    done = greeting.run("import brinery; brinery.Profile(['redis'])")
    assert "'redis', which is not installed: pip install brinery-redis" in done.stderr
    done = greeting.run(DUMPS, BRINERY_PLUGINS="greting")
    assert "PluginLoadError: BRINERY_PLUGINS asks for plugin 'greting'" in done.stderr


# Broken plugins neither kill nor vanish


def test_an_installed_plugin_that_cannot_be_loaded_is_skipped_with_a_warning(broken: Installation) -> None:
    done = broken.run(DUMPS)
    assert done.stdout.strip() == PLAIN
    in_the_program = "<string>:3: PluginWarning: plugin 'broken' (brinery-broken 0.3)"
    assert in_the_program in done.stderr
    assert "No module named 'no_such_module'" in done.stderr
    assert "broken_plugin.py:1" in done.stderr


def test_it_warns_once_however_many_profiles_are_made(broken: Installation) -> None:
    code = """
        import warnings; warnings.simplefilter("always")
        import brinery
        for _ in range(3): brinery.Profile()
        """
    assert broken.run(code).stderr.count("PluginWarning") == 1


def test_the_others_work_on(broken: Installation) -> None:
    broken.add("brinery-greeting", plugins={"greeting": "greeting_plugin"}, greeting_plugin=GREETING)
    assert broken.run(DUMPS).stdout.strip() == GREETED


def test_it_is_named_again_where_something_cannot_be_pickled(broken: Installation) -> None:
    code = """
        import brinery, threading
        for obj in [threading.Lock(), lambda: 0]:
            try:
                brinery.dumps({"key": obj})
            except Exception as failure:
                print(failure.__notes__)
        """
    lines = broken.run(code).stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert "plugin 'broken' (brinery-broken 0.3) is installed but was skipped" in line


def test_asked_for_by_name_it_is_an_error(broken: Installation) -> None:
    done = broken.run("import brinery; brinery.Profile(['broken'])")
    assert "PluginLoadError: plugin 'broken' (brinery-broken 0.3) cannot be loaded" in done.stderr
    assert "PluginLoadError" in broken.run(DUMPS, BRINERY_PLUGINS="broken").stderr


def test_where_strict_is_set_it_is_an_error_too(broken: Installation) -> None:
    assert "PluginLoadError" in broken.run(DUMPS, BRINERY_STRICT="1").stderr
    assert broken.run(DUMPS, BRINERY_STRICT="0").stdout.strip() == PLAIN


def test_left_out_it_is_not_even_loaded(broken: Installation) -> None:
    code = """
        import brinery, sys
        for profile in (brinery.Profile(without={"broken"}), brinery.Profile(["broken"], without={"broken"})):
            state = {plugin.name: plugin.state for plugin in profile.report().plugins}["broken"]
            print(profile, state, "broken_plugin" in sys.modules)
        """
    assert broken.out(code).splitlines() == ["<Profile: plain> blocked False"] * 2


MAKES_ONE = """
import brinery, types
other = types.ModuleType("other")
other.brinery_reducers = brinery.hookimpl(lambda: [])
brinery.Profile([other])
"""
MAKES_ONE_IN_A_THREAD = MAKES_ONE.replace(
    "brinery.Profile([other])",
    """
import threading
thread = threading.Thread(target=brinery.Profile, args=([other],))
thread.start()
thread.join()
""",
)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("from brinery import hookimpl\n@hookimpl\ndef brinery_reducer(): return []", "'brinery_reducers'"),
        (
            "from brinery import hookimpl\n@hookimpl\ndef brinery_reducers(): return [1/0]",
            "ZeroDivisionError",
        ),
        ("import brinery\nbrinery.dumps(1)", "Profile.plain()"),
        ("import brinery, fractions\nbrinery.Profile([fractions], without=())\nbrinery.dumps(1)", "no hook"),
        (f"{MAKES_ONE}\nbrinery.dumps(1)", "Profile.plain()"),
        (f"{MAKES_ONE_IN_A_THREAD}\nbrinery.dumps(1)", "Profile.plain()"),
        (GREETING.replace("fractions:Fraction", "builtins:dict"), "own data types"),
    ],
    ids=[
        "exits",
        "misspelt",
        "raises",
        "uses brinery while it is loaded",
        "makes what is no profile",
        "makes a profile before it uses brinery",
        "lets a thread make one before",
        "declares a data type by name",
    ],
)
def test_however_it_is_broken(installation: Installation, source: str, text: str) -> None:
    installation.add("brinery-bad", plugins={"bad": "bad_plugin"}, bad_plugin=source)
    done = installation.run(DUMPS)
    assert done.stdout.strip() == PLAIN
    assert "PluginWarning: plugin 'bad' (brinery-bad 1.0)" in done.stderr
    assert text in done.stderr
    assert "bad_plugin.py:" in done.stderr


# Conflicts between distributions


def test_two_distributions_with_one_plugin_name_are_both_broken(greeting: Installation) -> None:
    greeting.add("brinery-greeting-fork", "9.9", plugins={"greeting": "other_plugin"}, other_plugin=GREETING)
    done = greeting.run(DUMPS)
    assert done.stdout.strip() == PLAIN
    assert done.stderr.count("PluginWarning: plugin 'greeting'") == 2
    assert "the plugin name 'greeting' is used by brinery-greeting 1.2" in done.stderr
    for environment in ({"BRINERY_STRICT": "1"}, {"BRINERY_PLUGINS": "greeting"}):
        done = greeting.run(DUMPS, **environment)
        assert "Error: " in done.stderr
        assert "the plugin name 'greeting' is used by" in done.stderr
        assert "brinery-greeting 1.2" in done.stderr
        assert "brinery-greeting-fork 9.9" in done.stderr
    assert greeting.out(DUMPS, BRINERY_PLUGINS="") == PLAIN
    assert greeting.out("import brinery; print(brinery.Profile(without={'greeting'}))") == "<Profile: plain>"


def test_a_conflict_names_both_distributions_and_versions(greeting: Installation) -> None:
    other = GREETING.replace("hello", "goodbye")
    greeting.add("brinery-farewell", "4.5", plugins={"farewell": "farewell_plugin"}, farewell_plugin=other)
    done = greeting.run(DUMPS)
    assert "PluginConflict" in done.stderr
    assert "'farewell' (brinery-farewell 4.5)" in done.stderr
    assert "'greeting' (brinery-greeting 1.2)" in done.stderr
    line = "Profile(prefer={'reducer:fractions:Fraction': 'farewell'})"
    assert line in done.stderr
    preferring = f"import brinery; brinery.set_default_profile(brinery.{line})"
    assert greeting.out(f"{preferring}\n{DUMPS}") == "['goodbye']"


def test_one_distribution_found_twice_on_the_path_is_one(greeting: Installation) -> None:
    code = f"import sys; sys.path.append({str(greeting.folder)!r} + '/')\n{DUMPS}"
    assert greeting.out(code) == GREETED


# What is said about them


def test_the_report_lists_active_blocked_and_broken_plugins_and_why(broken: Installation) -> None:
    broken.add("brinery-greeting", "1.2", plugins={"greeting": "greeting_plugin"}, greeting_plugin=GREETING)
    broken.add("brinery-shy", "2.0", plugins={"shy": "shy_plugin"}, shy_plugin="")
    code = """
        import json, warnings
        import brinery
        warnings.simplefilter("ignore")
        print(json.dumps(brinery.Profile(without={"shy"}).report().as_dict()))
        """
    plugins = {plugin["name"]: plugin for plugin in json.loads(broken.out(code))["plugins"]}
    assert plugins["greeting"] == {
        "name": "greeting",
        "origin": "installed",
        "distribution": "brinery-greeting",
        "version": "1.2",
        "where": "greeting_plugin",
        "state": "active",
        "reason": "installed",
        "declares": {"reducer": 1},
        "hooks": ["brinery_reducers"],
        "options": [],
        "records": ["reducer for fractions:Fraction: greeting_plugin:greet"],
    }
    assert plugins["shy"]["state"] == "blocked"
    assert plugins["shy"]["reason"] == "left out by Profile(without=…)"
    assert plugins["broken"]["state"] == "broken"
    assert "no_such_module" in plugins["broken"]["reason"]
    assert plugins["sqlite"]["origin"] == "built-in"


def test_a_plugin_that_the_switch_does_not_name_is_reported_as_blocked(greeting: Installation) -> None:
    code = "import brinery; print(*brinery.default_profile().report().plugins, sep='\\n')"
    assert "greeting (brinery-greeting 1.2): blocked, BRINERY_PLUGINS does not name it" in greeting.out(
        code, BRINERY_PLUGINS=""
    )


def test_the_fingerprint_tells_versions_apart_and_not_processes(tmp_path: Path) -> None:
    prints = []
    for number, version in enumerate(("1.0", "1.0", "1.1")):
        folder = tmp_path / str(number)
        folder.mkdir()
        installation = Installation(folder)
        installation.add(
            "brinery-greeting", version, plugins={"greeting": "greeting_plugin"}, greeting_plugin=GREETING
        )
        prints.append(installation.out("import brinery; print(brinery.default_profile().fingerprint)"))
    assert prints[0] == prints[1] != prints[2]
