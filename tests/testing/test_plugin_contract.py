"""brinery.testing: a sound plugin passes, and each check fails where it should, with words that help."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import threading
import types
import unittest
from fractions import Fraction
from pathlib import Path

import pytest

import brinery
from brinery import Option, Override, Profile, Reducer
from brinery.testing import PluginContract, declaring, plugin_contract, profile_of
from brinery.testing.dangerous import is_dangerous


class Colour:
    def __init__(self, name):
        self.name = name


class Odd(Colour):
    pass


def make_colour(name):
    return Colour(name)


def make_other(name):
    return Colour(name.upper())


def by_function(colour):
    return make_colour, (colour.name,)


HERE = __name__


def contract(*records, **attributes):
    """An instance of a contract for a plugin with these records."""
    default = {"plugin": declaring(*records), "examples": {"red": Colour("red")}, "golden": os.devnull}
    return type("Contract", (PluginContract,), {"__module__": HERE, **default, **attributes})()


def sound(**attributes):
    records = attributes.pop("records", None)
    return contract(*(records or [Reducer(Colour, by_function, emits=[f"{HERE}:make_colour"])]), **attributes)


def checks():
    return [name for name in vars(PluginContract) if name.startswith("test_")]


@pytest.mark.parametrize("check", checks())
def test_a_sound_plugin_passes(check, tmp_path, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    getattr(sound(golden=tmp_path, may_import={HERE.partition(".")[0]}, _module=lambda self: "json"), check)()


def failing(made, check):
    with pytest.raises(AssertionError) as caught:
        getattr(made, check)()
    return str(caught.value)


class TestEachCheckCanFail:
    def test_no_plugin(self):
        assert "plugin = …" in failing(contract(plugin=None), "test_the_plugin_declares_something")

    def test_no_declarations(self):
        empty = types.SimpleNamespace(__name__="empty")
        assert "hookimpl" in failing(contract(plugin=empty), "test_the_plugin_declares_something")

    def test_no_examples(self):
        assert "examples" in failing(sound(examples={}), "test_there_are_examples")

    def test_a_misspelt_target(self):
        made = contract(Reducer(f"{HERE}:Color", by_function))
        said = failing(made, "test_every_declaration_is_used")
        assert f"no example has anything that the reducer for {HERE}:Color" in said
        assert "test_plugin_contract.py:" in said
        assert f"unasked = ['{HERE}:Color']" in said

    def test_one_of_several_that_no_example_reaches(self):
        made = sound(records=[Reducer(Colour, by_function), Reducer(Odd, by_function)])
        assert f"reducer for {HERE}:Odd" in failing(made, "test_every_declaration_is_used")
        made.unasked = [f"{HERE}:Odd"]
        made.test_every_declaration_is_used()
        made.unasked = [f"{HERE}:Odd", f"{HERE}:Colour"]
        assert "an example has such an object" in failing(made, "test_every_declaration_is_used")
        made.unasked = [f"{HERE}:Odd", f"{HERE}:Even"]
        assert "declares nothing" in failing(made, "test_every_declaration_is_used")

    def test_an_override_that_leaves_everything_alone(self):
        made = contract(Override(Colour, lambda colour: NotImplemented))
        assert f"override for {HERE}:Colour" in failing(made, "test_every_declaration_is_used")

    def test_an_example_that_the_plugin_has_no_part_in(self):
        made = sound(examples={"red": Colour("red"), "text": "red"})
        assert "no part in how text is written" in failing(made, "test_every_declaration_is_used")

    def test_what_is_not_written(self):
        made = contract(Reducer(Colour, lambda colour: (make_colour, (threading.Lock(),))))
        said = failing(made, "test_examples_survive_at_every_protocol_on_both_engines")
        assert "protocol 0: red is not written: " in said

    def test_what_is_not_read(self):
        made = contract(Reducer(Colour, lambda colour: (make_colour, ())))
        said = failing(made, "test_examples_survive_at_every_protocol_on_both_engines")
        assert "protocol 0: red is not read: TypeError" in said

    def test_what_is_read_as_something_else(self):
        made = contract(Reducer(Colour, lambda colour: (make_other, (colour.name,))))
        said = failing(made, "test_examples_survive_at_every_protocol_on_both_engines")
        assert "red does not survive: root.name is read as 'RED', and was 'red'" in said

    def test_one_protocol_that_fails(self):
        def reduce(colour, protocol):
            return make_colour if protocol < 5 else make_other, (colour.name,)

        said = failing(
            contract(Reducer(Colour, reduce, protocol=True)),
            "test_examples_survive_at_every_protocol_on_both_engines",
        )
        assert "protocol 5: red" in said

    def test_bytes_that_change(self):
        counter = iter(range(1000))
        made = contract(Reducer(Colour, lambda colour: (make_colour, (f"{next(counter)}",))))
        assert "protocol 0: the engines write red" in failing(made, "test_both_engines_write_the_same_bytes")

    def test_where_one_engine_is_missing_nothing_is_compared(self, monkeypatch):
        monkeypatch.setattr(plugin_contract, "_engines", lambda: ("python",))
        with pytest.raises(unittest.SkipTest, match="brinery --version says why"):
            sound().test_both_engines_write_the_same_bytes()

    def test_what_the_standard_library_does_not_read(self, monkeypatch):
        # Names that only a name table knows.
        moved = brinery.NameTable("moved", {"colours_of_old": HERE}, write={HERE: "colours_of_old"})
        made = sound(records=[Reducer(Colour, by_function, emits=["colours_of_old:make_colour"]), moved])
        said = failing(made, "test_the_standard_library_reads_it")
        assert "pickle.loads does not read red: ModuleNotFoundError" in said
        made.standard_library_reads = False
        made.test_the_standard_library_reads_it()
        made.standard_library_reads = {"green"}
        made.test_the_standard_library_reads_it()

    def test_what_does_not_say_what_it_names(self):
        said = failing(contract(Reducer(Colour, by_function)), "test_it_names_only_what_it_declares")
        assert f"emits=['{HERE}:make_colour']" in said
        assert "test_plugin_contract.py:" in said

    def test_what_names_more_than_it_says(self):
        made = contract(Reducer(Colour, by_function, emits=[f"{HERE}:make_other"]))
        said = failing(made, "test_it_names_only_what_it_declares")
        assert f"names {HERE}:make_colour, which no emits= of the plugin declares" in said

    def test_what_the_examples_hold_themselves_may_be_said(self):
        made = sound(examples={"half": Colour(Fraction(1, 2))})
        assert "fractions:Fraction" in failing(made, "test_it_names_only_what_it_declares")
        made.brings = {"fractions:Fraction"}
        made.test_it_names_only_what_it_declares()

    def test_what_names_something_dangerous(self):
        made = contract(Reducer(Colour, lambda colour: (eval, ("1",)), emits=["builtins:eval"]))
        assert "builtins:eval: whoever can name" in failing(made, "test_it_names_nothing_dangerous")
        made.dangerous = {"builtins:eval"}
        made.test_it_names_nothing_dangerous()

    def test_what_would_be_dangerous_is_so_where_it_is_declared_only(self):
        made = contract(Reducer(Colour, by_function, emits=["os:system"]))
        assert "os:system" in failing(made, "test_it_names_nothing_dangerous")

    @pytest.mark.parametrize(
        ("imports", "said"), [("import sqlite3", "sqlite3"), ("import _pytest", "_pytest")]
    )
    def test_an_import_that_costs(self, tmp_path, monkeypatch, imports, said):
        (tmp_path / "costly_plugin.py").write_text(f"{imports}\nimport costly_plugin_part\n")
        (tmp_path / "costly_plugin_part.py").write_text("")
        monkeypatch.syspath_prepend(tmp_path)
        made = sound(_module=lambda self: "costly_plugin", may_import={"costly_plugin_part"})
        assert f"imports {said}" in failing(made, "test_importing_it_is_cheap")
        made.may_import = {said, "costly_plugin_part", "pytest", "iniconfig"}
        assert "pluggy" not in made.may_import

    def test_a_hook_that_imports(self, tmp_path, monkeypatch):
        (tmp_path / "late_plugin.py").write_text(
            textwrap.dedent("""
            from brinery import hookimpl

            @hookimpl
            def brinery_reducers():
                import sqlite3
                return []
            """)
        )
        monkeypatch.syspath_prepend(tmp_path)
        made = sound(_module=lambda self: "late_plugin")
        assert "imports sqlite3" in failing(made, "test_importing_it_is_cheap")

    def test_a_module_that_cannot_be_imported_alone(self):
        made = sound(_module=lambda self: "no_such_plugin")
        assert "cannot be imported alone" in failing(made, "test_importing_it_is_cheap")


class TestGoldenFiles:
    CHECK = "test_streams_of_earlier_versions_load"

    def made(self, tmp_path, **attributes):
        return sound(golden=tmp_path / "golden", version="1.0", **attributes)

    def test_missing_ones_are_written_and_kept(self, tmp_path, monkeypatch):
        monkeypatch.delenv("CI", raising=False)
        self.made(tmp_path).test_streams_of_earlier_versions_load()
        path = tmp_path / "golden" / "red@1.0.pickle"
        data = path.read_bytes()
        assert data == profile_of(Reducer(Colour, by_function)).dumps(Colour("red"))
        later = self.made(tmp_path)
        later.version = "2.0"
        later.test_streams_of_earlier_versions_load()
        assert path.read_bytes() == data
        assert (tmp_path / "golden" / "red@2.0.pickle").exists()

    def test_in_ci_a_missing_one_is_a_failure(self, tmp_path, monkeypatch):
        monkeypatch.setenv("CI", "true")
        assert "commit it" in failing(self.made(tmp_path), self.CHECK)
        assert not (tmp_path / "golden").exists()

    def test_one_that_is_read_otherwise(self, tmp_path, monkeypatch):
        monkeypatch.delenv("CI", raising=False)
        self.made(tmp_path).test_streams_of_earlier_versions_load()
        said = failing(self.made(tmp_path, examples={"red": Colour("crimson")}), self.CHECK)
        assert "red@1.0.pickle is read otherwise: root.name is read as 'red'" in said

    def test_one_that_cannot_be_read(self, tmp_path, monkeypatch):
        monkeypatch.delenv("CI", raising=False)
        self.made(tmp_path).test_streams_of_earlier_versions_load()
        (tmp_path / "golden" / "red@1.0.pickle").write_bytes(b"cno_such_module\nC\n.")
        assert "red@1.0.pickle is not read: ModuleNotFoundError" in failing(self.made(tmp_path), self.CHECK)

    def test_one_whose_example_is_gone(self, tmp_path, monkeypatch):
        monkeypatch.delenv("CI", raising=False)
        self.made(tmp_path).test_streams_of_earlier_versions_load()
        said = failing(self.made(tmp_path, examples={"green": Colour("green")}), self.CHECK)
        assert "an example that there is not any more: 'red'" in said
        assert "If that version was never released, delete the file" in said

    def test_what_does_not_come_back_is_not_kept(self, tmp_path, monkeypatch):
        monkeypatch.delenv("CI", raising=False)
        broken = self.made(tmp_path, records=[Reducer(Colour, lambda colour: (make_colour, ("grey",)))])
        assert "does not come back: root.name is read as 'grey'" in failing(broken, self.CHECK)
        assert not (tmp_path / "golden").exists()
        getattr(self.made(tmp_path), self.CHECK)()

    @pytest.mark.parametrize("name", ["red@home", 1, ("a", 1), "a/b", "50%", "%40", 'a:"*?<>|\\b', "", ".."])
    def test_every_name_is_the_name_of_a_file(self, tmp_path, monkeypatch, name):
        monkeypatch.delenv("CI", raising=False)
        for version in ("1.0", "1.0", "2.0"):
            made = self.made(tmp_path, examples={name: Colour("red"), "other": Colour("blue")})
            made.version = version
            made.test_streams_of_earlier_versions_load()
        files = [path.name for path in (tmp_path / "golden").iterdir()]
        assert len(files) == 4
        assert not [file for file in files if set(file) & set('/\\:*?"<>|') or file.count("@") != 1]
        said = failing(self.made(tmp_path, examples={name: Colour("crimson")}), self.CHECK)
        assert "is read otherwise" in said or "an example that there is not any more: 'other'" in said

    def test_files_that_were_named_as_they_stand_are_read(self, tmp_path, monkeypatch):
        monkeypatch.delenv("CI", raising=False)
        made = self.made(tmp_path, examples={"red@home": Colour("red"), "50%": Colour("blue")})
        (tmp_path / "golden").mkdir()
        for name, example in made.examples.items():
            (tmp_path / "golden" / f"{name}@0.9.pickle").write_bytes(made._profile().dumps(example))
        made.test_streams_of_earlier_versions_load()

    def test_two_examples_of_one_name(self):
        said = failing(sound(examples={1: Colour("red"), "1": Colour("blue")}), "test_there_are_examples")
        assert "two of the examples have one name: [1, '1']" in said

    def test_a_name_that_is_no_text_may_be_given_elsewhere(self):
        made = sound(
            records=[Reducer(Colour, lambda colour: (make_other, (colour.name,)))],
            examples={1: Colour("red")},
            standard_library_reads={1},
        )
        assert "1 is read otherwise" in failing(made, "test_the_standard_library_reads_it")


class TestItStandsInATestFile:
    """The documentation's own example, and others, where an author puts them."""

    def run(self, folder, **files):
        for name, text in files.items():
            (folder / f"{name}.py").write_text(textwrap.dedent(text))
        environment = {name: value for name, value in os.environ.items() if name != "CI"}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, folder],
            cwd=folder,
            env={**environment, "PYTHONPATH": os.pathsep.join(filter(None, map(os.path.abspath, sys.path)))},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_the_documentations_own(self, tmp_path):
        page = Path(__file__).parents[2] / "docs" / "reference" / "testing.md"
        example = page.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
        done = self.run(tmp_path, test_docs=example)
        assert done.returncode == 0, done.stdout
        assert f"{len(checks())} passed" in done.stdout

    def test_two_contracts_in_one_folder(self, tmp_path):
        text = """
            from fractions import Fraction

            from brinery import Reducer
            from brinery.testing import PluginContract, declaring

            class Contract(PluginContract):
                plugin = declaring(
                    Reducer(Fraction, lambda f: (Fraction, (str(f),)), emits=["fractions:Fraction"])
                )

            class TestOne(Contract):
                examples = {"half": Fraction(1, 2)}

            class TestTwo(Contract):
                examples = {"third": Fraction(1, 3), "half": Fraction(2, 4) + 1}
        """
        for _ in "written", "read":
            done = self.run(tmp_path, test_a=text, test_b=text.replace("1, 3", "2, 3"))
            assert done.returncode == 0, done.stdout

    @pytest.mark.parametrize(("options", "status"), [((), 0), (("-O",), 1)])
    def test_unittest_runs_it_and_nothing_passes_without_assertions(self, tmp_path, options, status):
        text = """
            import unittest
            from fractions import Fraction

            from brinery import Reducer
            from brinery.testing import PluginContract, declaring

            class TestIt(PluginContract, unittest.TestCase):
                plugin = declaring(
                    Reducer(Fraction, lambda f: (Fraction, (str(f),)), emits=["fractions:Fraction"])
                )
                examples = {"half": Fraction(1, 2)}
                golden = False
        """
        (tmp_path / "test_it.py").write_text(textwrap.dedent(text))
        done = subprocess.run(
            [sys.executable, *options, "-m", "unittest", "test_it"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, map(os.path.abspath, sys.path)))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        if options:
            assert "RuntimeError: TestIt would check nothing: python -O" in done.stderr
        else:
            assert f"Ran {len(checks())} tests" in done.stderr

    @pytest.mark.parametrize("contract", ["PluginContract", "StoreContract"])
    def test_no_contract_is_for_python_without_assertions(self, contract):
        code = f"from brinery.testing import {contract}\nclass TestIt({contract}): ..."
        for options, said in ((), ""), (("-O",), "RuntimeError: TestIt would check nothing"):
            done = subprocess.run(
                [sys.executable, *options, "-c", code], capture_output=True, text=True, check=False
            )
            assert said in done.stderr
            assert bool(done.stderr) == bool(said)

    @pytest.mark.parametrize(
        ("body", "failed"),
        [
            ("plugin = Misspelt(); examples = [C()]", "test_the_plugin_declares_something"),
            ("plugin = 'not-installed'; examples = [C()]", "test_the_plugin_declares_something"),
            ("examples = [C()]", "test_the_plugin_declares_something"),
            ("plugin = sound; options = {'x': 1}; examples = [C()]", "test_the_plugin_declares_something"),
            ("plugin = sound", "test_there_are_examples"),
            ("plugin = sound; examples = lambda self: [1 / 0]", "test_there_are_examples"),
        ],
    )
    def test_one_mistake_is_one_failure(self, tmp_path, body, failed):
        text = f"""
            import brinery
            from brinery import Reducer
            from brinery.testing import PluginContract, declaring

            class C: ...

            class Misspelt:
                @brinery.hookimpl
                def brinery_reducer(self):
                    yield Reducer(C, lambda c: (C, ()))

            sound = declaring(Reducer(C, lambda c: (C, ()), emits=["test_it:C"]))

            class TestIt(PluginContract):
                {body}; golden = False
        """
        said = self.run(tmp_path, test_it=text).stdout
        failures = [line for line in said.splitlines() if line.startswith("FAILED")]
        assert [line.partition(" - ")[0].partition("::TestIt::")[2] for line in failures] == [failed], said
        assert re.search(r"1 failed, \d passed, \d skipped", said)

    def test_a_reducer_is_blamed_at_the_authors_own_line(self, tmp_path):
        text = """
            from brinery import Reducer
            from brinery.testing import PluginContract, declaring

            class C: ...

            def reduce_it(c):
                return 5

            class TestIt(PluginContract):
                plugin = declaring(Reducer(C, reduce_it, emits=[]))
                examples = [C()]
                golden = False
        """
        said = self.run(tmp_path, test_it=text).stdout
        blamed = [line for line in said.splitlines() if "has the reducer for test_it:C" in line]
        assert len(blamed) > 1
        assert all("test_it.py:7)" in line and "plugin_contract.py" not in line for line in blamed)


class TestTheContract:
    def test_examples_may_be_a_list_or_a_method(self):
        class Method(PluginContract):
            plugin = declaring(Reducer(Colour, by_function))

            def examples(self):
                return {"red": Colour("red")}

        Method().test_examples_survive_at_every_protocol_on_both_engines()
        sound(examples=[Colour("red")]).test_examples_survive_at_every_protocol_on_both_engines()

    def test_options_reach_the_hooks(self):
        class Optional:
            __name__ = "optional"

            @brinery.hookimpl
            def brinery_options(self):
                yield Option("loud", bool, False, "in capitals")

            @brinery.hookimpl
            def brinery_reducers(self, options):
                yield Reducer(Colour, lambda c: (make_other if options["loud"] else make_colour, (c.name,)))

        check = "test_examples_survive_at_every_protocol_on_both_engines"
        getattr(contract(plugin=Optional()), check)()
        assert "'RED'" in failing(contract(plugin=Optional(), options={"loud": True}), check)

    def test_another_comparison(self):
        class ByName(PluginContract):
            plugin = declaring(Reducer(Odd, by_function))
            examples = {"odd": Odd("x")}

            def assert_alike(self, original, copy):
                assert original.name == copy.name

        ByName().test_examples_survive_at_every_protocol_on_both_engines()

    def test_it_needs_no_pytest(self):
        code = "import sys, brinery.testing; print('pytest' in sys.modules)"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert out.strip() == "False"


class TestProfiles:
    def test_records_and_plugins(self):
        profile = profile_of(Reducer(Colour, by_function), declaring(name="other"))
        assert profile.loads(profile.dumps(Colour("red"))).name == "red"
        assert [plugin.name for plugin in profile.report().plugins if plugin.origin == "given"] == [
            "other",
            "declared",
        ]

    def test_nothing_that_is_installed_takes_part(self, monkeypatch):
        monkeypatch.setenv("BRINERY_PLUGINS", "not-installed")
        assert isinstance(profile_of(), Profile)

    def test_what_is_no_record(self):
        with pytest.raises(TypeError, match="declares records"):
            declaring(by_function)

    def test_all_kinds_of_records(self):
        plugin = declaring(
            Override(types.FunctionType, lambda function: NotImplemented),
            brinery.NameTable("t", {"a": "b"}),
            brinery.PersistentScheme("shelf", lambda url: None),
            Option("n", int, 1, "a number"),
        )
        (report,) = [plugin for plugin in profile_of(plugin).report().plugins if plugin.origin == "given"]
        assert dict(report.declares) == {"override": 1, "scheme": 1, "name table": 1, "option": 1}


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "posix:system",
        "builtins:eval",
        "subprocess:Popen",
        "importlib:import_module",
        "os.path:join",
        "operator:call",
        "asyncio:run",
        "doctest:testmod",
        "unittest.mock:patch",
        "unittest.mock:patch.object",
        "atexit:register",
        "logging.config:dictConfig",
        "sqlite3:connect",
        "pathlib:Path.unlink",
        "pathlib:PosixPath.write_text",
        "pathlib._local:Path.rmdir",
        "brinery:load_file",
        "brinery:loads",
    ],
)
def test_dangerous(name):
    assert is_dangerous(name)


@pytest.mark.parametrize(
    "name", ["osier:system", "builtins:complex", "pathlib:Path", "pathlib:Path.joinpath", "datetime:date"]
)
def test_harmless(name):
    assert not is_dangerous(name)
