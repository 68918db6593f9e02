"""A profile travels as its recipe, to pools and other processes; what cannot travel says so."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
import types
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
from engines import Wire
from throwaway import Installation, declaring

import brinery
from brinery import PersistentScheme, Profile, Reducer, Store, hookimpl, recipes
from brinery.errors import PluginLoadError
from brinery.persistence.sqlite import SqliteStore, Table
from brinery.persistence.stores import Dump, DumpContext, Load, LoadContext
from brinery.testing import profile_of

PLUGIN = """
from brinery import Option, Reducer, hookimpl

@hookimpl
def brinery_options():
    yield Option("word", str, "hello", "what a fraction becomes")

@hookimpl
def brinery_reducers(options):
    yield Reducer("fractions:Fraction", lambda fraction: (str, (options["word"],)))
"""
MAKE = "import brinery, fractions, pickle, sys\n"


class Item:
    def __init__(self, id: int) -> None:
        self.id = id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Item) and other.id == self.id


def reduce(obj: object) -> tuple[object, ...]:
    return str, ("reduced",)


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    """A plugin in a module of its own, as other processes that fork find it too."""
    plugin = declaring("brinery_test_travelling", Reducer(Fraction, reduce))
    sys.modules[plugin.__name__] = plugin
    yield plugin
    del sys.modules[plugin.__name__]


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    made = Installation(tmp_path)
    made.add("brinery-greeting", "1.2", plugins={"greeting": "greeting_plugin"}, greeting_plugin=PLUGIN)
    return made


@pytest.mark.parametrize("protocol", range(6))
def test_a_recipe_makes_an_equal_profile(wire: Wire, module: types.ModuleType, protocol: int) -> None:
    profile = Profile([module], engine=wire.name)
    again = pickle.loads(pickle.dumps(profile, protocol))
    assert again.fingerprint == profile.fingerprint
    assert again._engine == wire.name
    assert again.loads(again.dumps(Fraction(1, 2))) == "reduced"
    assert brinery.loads(brinery.dumps(profile, protocol)) is again


@pytest.mark.parametrize("name", ["dumps", "loads", "dump", "load"])
def test_a_method_travels_with_its_profile(wire: Wire, module: types.ModuleType, name: str) -> None:
    profile = Profile([module], engine=wire.name)
    method = pickle.loads(pickle.dumps(getattr(profile, name)))
    assert method.__name__ == name
    if name == "dumps":
        assert pickle.loads(method(Fraction(1, 2))) == "reduced"
    if name == "loads":
        assert method(profile.dumps(Fraction(1, 2))) == "reduced"


def test_the_plain_profile_is_the_readers_own(wire: Wire) -> None:
    plain = Profile.plain(engine=wire.name)
    assert pickle.loads(pickle.dumps(plain)) is plain


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_a_pool_maps_a_profiles_loads(wire: Wire, module: types.ModuleType) -> None:
    profile = Profile([module], engine=wire.name)
    blobs = [profile.dumps([Fraction(1, 2), number]) for number in range(20)]
    expected = [["reduced", number] for number in range(20)]
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        assert pool.map(profile.loads, blobs, chunksize=1) == expected
        assert [pickle.loads(blob) for blob in pool.map(profile.dumps, expected)] == expected
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        assert list(executor.map(profile.loads, blobs)) == expected


def test_installed_plugins_travel_by_name_with_what_was_said_to_them(installation: Installation) -> None:
    made = "brinery.Profile(options={'greeting': {'word': 'salve'}})"
    data = installation.out(f"{MAKE}print(pickle.dumps({made}).hex())")
    read = f"""
        profile = pickle.loads(bytes.fromhex({data!r}))
        print(profile.loads(profile.dumps(fractions.Fraction(1, 2))), profile)
        print(pickle.loads(bytes.fromhex({data!r})) is profile)
        """
    out = installation.out(MAKE + "\n".join(line.strip() for line in read.splitlines()))
    assert out.splitlines() == ["salve <Profile: greeting>", "True"]


def test_a_reader_that_lacks_a_plugin_says_which(installation: Installation, tmp_path: Path) -> None:
    data = installation.out(MAKE + "print(pickle.dumps(brinery.default_profile()).hex())")
    (tmp_path / "elsewhere").mkdir()
    code = MAKE + f"profile = pickle.loads(bytes.fromhex({data!r}))\nprint('read')\nprofile.loads(b'N.')"
    done = Installation(tmp_path / "elsewhere").run(code)
    assert done.stdout == "read\n"
    assert (
        "PluginLoadError: the profile that was pickled has plugins that are not installed here: "
        "'greeting' (brinery-greeting 1.2)" in done.stderr
    )


POOLS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

class Stranger:
    def __init__(self, data):
        self.data = bytes.fromhex(data)
    def __reduce__(self):
        return pickle.loads, (self.data,)
    def __call__(self):
        pass

if __name__ == "__main__":
    for data in sys.argv[1:]:
        with multiprocessing.get_context("fork").Pool(1) as pool:
            try:
                pool.map_async(Stranger(data), [b"N."]).get(30)
            except brinery.errors.PluginLoadError as error:
                print("Pool", error)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as executor:
            print("Executor", repr(executor.submit(Stranger(data), b"N.").exception(30)))
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
@pytest.mark.parametrize("name", ["dumps", "loads"])
def test_a_pool_whose_workers_lack_a_plugin_is_told(
    installation: Installation, tmp_path: Path, name: str
) -> None:
    data = installation.out(MAKE + f"print(pickle.dumps(brinery.default_profile().{name}).hex())")
    (tmp_path / "elsewhere").mkdir()
    code = MAKE + POOLS.replace("sys.argv[1:]", repr([data]))
    out = Installation(tmp_path / "elsewhere").out(code)
    wanted = "plugins that are not installed here: 'greeting' (brinery-greeting 1.2)"
    assert [line.split()[0] for line in out.splitlines() if wanted in line] == ["Pool", "Executor"]


def test_a_profile_that_cannot_be_used_says_so_wherever_it_is_used(module: types.ModuleType) -> None:
    profile = Profile([module])
    data = pickle.dumps(profile), pickle.dumps(profile.loads), pickle.dumps(profile.bind())
    del sys.modules[module.__name__]
    try:
        read, method, bound = map(pickle.loads, data)
        assert isinstance(read, Profile)
        assert "cannot be used here: the profile that was pickled has the module" in repr(read)
        for use in (
            lambda: read.dumps(1),
            lambda: read.Pickler,
            lambda: read.fingerprint,
            read.report,
            read.check,
            lambda: read.explain("a:b"),
            lambda: read.bind(),
            lambda: read.open_store("sqlite:"),
            lambda: method(b"N."),
            lambda: bound.loads(b"N."),
            lambda: bound.using(),
        ):
            with pytest.raises(PluginLoadError, match="which cannot be imported here"):
                use()
        with bound:
            pass
        again = pickle.loads(pickle.dumps([read, method]))
        sys.modules[module.__name__] = module
        read, method = pickle.loads(pickle.dumps(again))
        assert read.loads(read.dumps(Fraction(1, 2))) == "reduced"
        assert method(b"N.") is None
    finally:
        sys.modules[module.__name__] = module


def test_other_plugins_of_the_reader_take_no_part(installation: Installation, tmp_path: Path) -> None:
    data = installation.out(MAKE + "print(pickle.dumps(brinery.default_profile()).hex())")
    installation.add("brinery-other", plugins={"other": "other_plugin"}, other_plugin=PLUGIN)
    code = MAKE + f"print(pickle.loads(bytes.fromhex({data!r})))"
    assert installation.out(code) == "<Profile: greeting>"
    assert installation.out(code, BRINERY_PLUGINS="") == "<Profile: greeting>"


def test_other_versions_are_a_warning(installation: Installation, tmp_path: Path) -> None:
    data = installation.out(MAKE + "print(pickle.dumps(brinery.default_profile()).hex())")
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Installation(tmp_path / "elsewhere")
    elsewhere.add("brinery-greeting", "1.3", plugins={"greeting": "greeting_plugin"}, greeting_plugin=PLUGIN)
    done = elsewhere.run(MAKE + f"print(pickle.loads(bytes.fromhex({data!r})))")
    assert done.stdout.strip() == "<Profile: greeting>"
    assert "PluginWarning: a profile was pickled with other versions" in done.stderr
    assert "'greeting' (brinery-greeting 1.3), not 1.2" in done.stderr


def test_what_disagrees_there_still_disagrees_here(installation: Installation) -> None:
    """A conflict that nobody met is no error when the profile is read either."""
    installation.add("brinery-other", plugins={"other": "other_plugin"}, other_plugin=PLUGIN)
    code = MAKE + (
        "profile = pickle.loads(pickle.dumps(brinery.default_profile()))\n"
        "print(profile.loads(profile.dumps(1)))\n"
        "try: profile.dumps(fractions.Fraction(1, 2))\n"
        "except brinery.errors.PluginConflict: print('conflict')"
    )
    assert installation.out(code).splitlines() == ["1", "conflict"]


# Stores


def test_stores_that_were_opened_by_url_travel(wire: Wire, tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "shop.db", [Table("items", Item)]) as store:
        store.save(*[Item(number) for number in range(5)])
    with Profile.plain(engine=wire.name).bind(shop=f"sqlite:///{tmp_path}/shop.db") as bound:
        data = bound.dumps(Item(3))
        again = pickle.loads(pickle.dumps(bound))
        assert again.loads(data) == Item(3)
        loads = pickle.loads(pickle.dumps(bound.loads))
        assert loads(data) == Item(3)
        assert loads.__self__ is again.loads.__self__
    again.close()
    anew = pickle.loads(pickle.dumps(bound))
    assert anew.loads(data) == Item(3)
    anew.close()


# What cannot travel


def test_an_object_of_main_cannot_travel(installation: Installation) -> None:
    code = MAKE + (
        "class Plugin:\n"
        "    __name__ = 'mine'\n"
        "    @brinery.hookimpl\n"
        "    def brinery_reducers(self): return []\n"
        "@brinery.hookimpl\n"
        "def brinery_overrides(): return []\n"
        "for plugin in (Plugin(), sys.modules['__main__']):\n"
        "    try: pickle.dumps(brinery.Profile([plugin]))\n"
        "    except TypeError as failure: print(failure)\n"
    )
    first, second = installation.out(code).splitlines()
    assert first.startswith("cannot pickle a Profile whose plugin 'mine' is an object of __main__ (Plugin): ")
    assert second.startswith("cannot pickle a Profile whose plugin '__main__' is the module '__main__'")


def test_a_live_store_cannot_travel() -> None:
    class Store:
        claims = ()

        def persistent_id(self, obj: object) -> None:
            return None

        def persistent_load(self, key: object) -> None:
            return None

    text = r"cannot pickle a Profile with a live store: the store bound as 'users' .* Bind it by its URL"
    with Profile.plain().bind(users=Store()) as bound:
        with pytest.raises(TypeError, match=text):
            pickle.dumps(bound)
        with pytest.raises(TypeError, match=text):
            brinery.dumps(bound.loads)


def test_a_module_that_is_not_there_is_named(
    module: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pickle.dumps(Profile([module]))
    monkeypatch.delitem(sys.modules, module.__name__)
    recipes._profiles.clear()
    with pytest.raises(PluginLoadError, match="'brinery_test_travelling' as a plugin"):
        pickle.loads(data).dumps(1)


class Sessions(Store):
    """A store with an option; what it holds does not matter here."""

    claims = ("fractions:Fraction",)
    options = ("session",)

    def begin_dump(self, context: DumpContext) -> Dump:
        raise NotImplementedError

    def begin_load(self, context: LoadContext) -> Load:
        raise NotImplementedError


def open_sessions(url: str) -> Sessions:
    return Sessions()


@pytest.fixture
def sessions() -> Iterator[types.ModuleType]:
    plugin = declaring("brinery_test_sessions", PersistentScheme("sessions", open_sessions))
    sys.modules[plugin.__name__] = plugin
    yield plugin
    del sys.modules[plugin.__name__]


def test_options_for_stores_travel_where_they_are_values(sessions: types.ModuleType) -> None:
    bound = Profile([sessions]).bind(shop="sessions://x")
    given = pickle.loads(pickle.dumps(bound.using(session=3)))
    again = recipes.recipe_of(given._made())
    assert again.store_options == {"session": 3}
    assert pickle.loads(pickle.dumps(given.loads))(b"N.") is None
    given.close()
    for cannot in (bound.using(session=object()), bound.using(session=[1]).loads):
        with pytest.raises(
            TypeError, match=r"given an object of this process: session is a .*using\(session=…\)"
        ):
            pickle.dumps(cannot)


def test_a_function_that_takes_options_raises_what_is_wrong_when_it_is_called(
    sessions: types.ModuleType,
) -> None:
    data = pickle.dumps(Profile([sessions]).bind(shop="sessions://x").loads)
    recipes._profiles.clear()
    del sys.modules[sessions.__name__]
    try:
        method = pickle.loads(pickle.dumps(pickle.loads(data)))
        with pytest.raises(PluginLoadError, match="which cannot be imported here"):
            method(b"N.")
    finally:
        sys.modules[sessions.__name__] = sessions
    assert pickle.loads(pickle.dumps(method))(b"N.") is None


def test_a_function_that_takes_options_also_checks(sessions: types.ModuleType) -> None:
    bound = Profile([sessions]).bind(shop="sessions://x")
    assert bound.loads(bound.dumps([1], check=True)) == [1]


class Kit:
    """A plugin that holds its records."""

    __name__ = "kit"

    def __init__(self) -> None:
        self.records = [Reducer("fractions:Fraction", reduce)]

    @hookimpl
    def brinery_reducers(self) -> list[Reducer]:
        return self.records


def test_a_plugin_that_holds_records_travels() -> None:
    for profile in (Profile([Kit()]), profile_of(Reducer("fractions:Fraction", reduce))):
        again = pickle.loads(pickle.dumps(profile))
        assert again.loads(again.dumps(Fraction(1, 2))) == "reduced"
        assert again.fingerprint == profile.fingerprint


def test_a_plugin_of_a_class_within_a_function_says_that_it_cannot() -> None:
    class Local(Kit):
        pass

    with pytest.raises(TypeError, match="whose plugin 'kit' is an object of a class within a function"):
        pickle.dumps(Profile([Local()]))
