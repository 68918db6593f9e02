"""Name tables become the plans' name maps: by era, by direction, and by module or by single name."""

from __future__ import annotations

import _compat_pickle
import fractions
import functools

import pluggy
import pytest
from throwaway import declaring

from brinery import NameTable, Profile, hookspecs
from brinery.plan import NameMap
from brinery.plugin_host.builtin import python2_names, sqlite


def test_the_built_in_names_of_python_2_are_the_standard_librarys() -> None:
    profile = Profile.plain()
    assert profile.read_plan.era_names == NameMap(_compat_pickle.NAME_MAPPING, _compat_pickle.IMPORT_MAPPING)
    assert profile.write_plan.era_names == NameMap(
        _compat_pickle.REVERSE_NAME_MAPPING, _compat_pickle.REVERSE_IMPORT_MAPPING
    )


def test_the_built_in_names_are_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    era_names = Profile.plain().read_plan.era_names
    assert era_names is not None
    monkeypatch.setitem(_compat_pickle.NAME_MAPPING, ("no", "such"), ("name", "here"))
    assert ("no", "such") not in era_names.names


@pytest.mark.parametrize("plugin", [python2_names, sqlite])
def test_a_built_in_plugin_keeps_the_contract_of_the_hooks(plugin: object) -> None:
    manager = pluggy.PluginManager("brinery")
    manager.add_hookspecs(hookspecs)
    hooks = [name for name in dir(plugin) if name.startswith("brinery_")]
    assert hooks
    assert set(hooks) <= set(hookspecs.HOOKS)


def test_a_plugin_may_add_names_of_python_2() -> None:
    table = NameTable("shop 1", {"Shop:Client": "shop:Customer"}, era="python2")
    era_names = Profile([declaring("shop", table)]).read_plan.era_names
    assert era_names is not None
    assert era_names.apply("Shop", "Client") == ("shop", "Customer")
    assert era_names.apply("copy_reg", "_reconstructor") == ("copyreg", "_reconstructor")


def test_names_of_the_era_are_not_used_from_protocol_3_on() -> None:
    profile = Profile([declaring("p", NameTable("p", {"old": "fractions"}, era="python2"))])
    assert profile.loads(b"\x80\x02cold\nFraction\n.") is fractions.Fraction
    with pytest.raises(ModuleNotFoundError):
        profile.loads(b"\x80\x03cold\nFraction\n.")
    with pytest.raises(ModuleNotFoundError):
        profile.loads(b"\x80\x02cold\nFraction\n.", fix_imports=False)


@pytest.mark.parametrize("protocol", range(6))
def test_names_of_always_are_used_at_every_protocol(protocol: int) -> None:
    written = Profile(
        [declaring("p", NameTable("p", {}, write={"fractions": "old", "functools:reduce": "a:b"}))]
    )
    data = written.dumps([fractions.Fraction, functools.reduce], protocol, fix_imports=False)
    assert b"fractions" not in data
    read = Profile([declaring("p", NameTable("p", {"old": "fractions", "a:b": "functools:reduce"}))])
    assert read.loads(data, fix_imports=False) == [fractions.Fraction, functools.reduce]


def test_a_table_without_write_leaves_writing_as_it_is() -> None:
    profile = Profile([declaring("p", NameTable("p", {"old": "fractions"}))])
    assert profile.write_plan.names is None
    assert profile.dumps(fractions.Fraction) == Profile.plain().dumps(fractions.Fraction)


def test_a_single_name_goes_before_its_module() -> None:
    names = Profile([declaring("p", NameTable("p", {"m": "n", "m:A": "x:Y"}))]).read_plan.names
    assert names is not None
    assert names.apply("m", "A") == ("x", "Y")
    assert names.apply("m", "B") == ("n", "B")
