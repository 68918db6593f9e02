"""Functions and classes by value, written by brinery and read by the standard library alone."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import enum
import fractions
import functools
import json
import pickle
import subprocess
import sys
import types
import typing
import warnings

import pytest

import brinery
from brinery import engine, recipes
from brinery.errors import PluginError, PluginWarning

PROFILE = brinery.Profile(["functions"])
PLAIN = brinery.Profile.plain()
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def module(name, source, monkeypatch):
    """A module of that name, as if it had been imported."""
    made = types.ModuleType(name)
    exec(compile(source, f"{name}.py", "exec"), vars(made))
    monkeypatch.setitem(sys.modules, name, made)
    return made


def copied(obj, protocol=None, profile=PROFILE):
    return pickle.loads(profile.dumps(obj, protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
class TestByValue:
    def test_a_lambda(self, protocol):
        assert copied(lambda n: n + 1, protocol)(2) == 3

    def test_a_closure_and_defaults(self, protocol):
        def adder(number):
            def add(other, *, times=2):
                """Adds."""
                return (number + other) * times

            add.note = "kept"
            return add

        add = copied(adder(3), protocol)
        assert (add(4), add(4, times=1), add.__doc__, add.note) == (14, 7, "Adds.", "kept")

    def test_a_function_that_calls_itself(self, protocol):
        def factorial(n):
            return n * factorial(n - 1) if n else 1

        assert copied(factorial, protocol)(5) == 120

    def test_a_class_with_all_that_classes_have(self, protocol):
        class Base(abc.ABC):
            @abc.abstractmethod
            def parent(self):
                return "abstract"

        class Local(Base):
            kind = "local"

            def __init__(self, number):
                self._number = number

            @property
            def number(self):
                return self._number

            @classmethod
            def make(cls):
                return cls(7)

            @staticmethod
            def twice(n):
                return 2 * n

            def parent(self):
                return super().parent() + repr(self)

        obj, cls = copied([Local(3), Local], protocol)
        assert (obj.number, obj.twice(2), cls.make().number, cls.kind) == (3, 4, 7, "local")
        assert obj.parent().startswith("abstract<")
        with pytest.raises(TypeError, match="abstract"):
            cls.__base__()

    def test_an_enum(self, protocol):
        class Colour(enum.Enum):
            RED = 1

        red, colour = copied([Colour.RED, Colour], protocol)
        assert red is colour.RED

    def test_what_uses_modules(self, protocol):
        assert copied(lambda text: json.loads(text), protocol)("[1]") == [1]
        assert copied([json], protocol) == [json]

    def test_partials_and_methods(self, protocol):
        class Local:
            def method(self, n):
                return n + 1

        Local.nameless = lambda self: 3
        method, nameless, partial = copied(
            [Local().method, Local().nameless, functools.partial(lambda a, b: a - b, 5)], protocol
        )
        assert (method(1), nameless(), partial(3)) == (2, 3, 2)


def test_a_dataclass():
    @dataclasses.dataclass
    class Order:
        number: int
        items: list = dataclasses.field(default_factory=list)

    order = copied(Order(3))
    assert (order.number, order.items) == (3, [])
    assert dataclasses.replace(order, number=4).number == 4


def test_a_generic_class():
    T = typing.TypeVar("T")

    class Box(typing.Generic[T]):
        pass

    assert copied(Box[int]).__args__ == (int,)


def test_a_class_that_is_read_where_it_was_written_is_the_same():
    class Local:
        pass

    assert copied(Local) is Local


def test_functions_of_one_namespace_share_it_again(monkeypatch):
    counter = module(
        "counter", "n = 0\ndef up():\n    global n\n    n += 1\ndef now():\n    return n\n", monkeypatch
    )
    up, now = copied([counter.up, counter.now], profile=brinery.Profile(["functions"], options=BY_VALUE))
    up()
    assert (now(), counter.n) == (1, 0)
    # but what is written another time does not
    assert copied(counter.now, profile=brinery.Profile(["functions"], options=BY_VALUE))() == 0


BY_VALUE = {"functions": {"modules": ["counter"]}}


def test_another_namespace_in_the_place_of_one_that_is_gone():
    """The namespaces that are kept are known by the addresses of dicts, which come again."""
    for number in range(2000):
        space = {"__name__": f"module_{number}"}
        exec("def f(): return __name__", space)
        made = copied(space["f"])
        assert made() == f"module_{number}"
        del space, made


class TestByName:
    OBJECTS = (
        json.dumps,
        fractions.Fraction,
        len,
        dict,
        type(None),
        fractions.Fraction(1, 3).limit_denominator,
        typing.AnyStr,
    )

    @pytest.mark.parametrize("obj", OBJECTS, ids=repr)
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_what_can_be_imported_is_written_as_without_the_plugin(self, obj, protocol):
        assert PROFILE.dumps([obj], protocol) == PLAIN.dumps([obj], protocol)

    def test_the_streams_of_plain_data_do_not_change(self):
        data = {"a": [fractions.Fraction(1, 3), functools.partial(json.loads, "[1]")]}
        assert PROFILE.dumps(data) == PLAIN.dumps(data)

    def test_cloudpickle_is_not_imported_for_that(self, run):
        assert (
            run("""
            import sys, json, brinery
            brinery.Profile(["functions"]).dumps([json.loads, json.JSONDecoder, {}])
            print("cloudpickle" in sys.modules)
        """)
            == "False"
        )


class TestOptions:
    SOURCE = "def outer():\n    return inner() + 1\ndef inner():\n    return 1\nclass Thing:\n    pass\n"

    def test_functions_and_classes_of_a_module(self, monkeypatch):
        shop = module("shop.stock", self.SOURCE, monkeypatch)
        profile = brinery.Profile(["functions"], options={"functions": {"modules": ["shop"]}})
        data = profile.dumps([shop.outer, shop.Thing])
        monkeypatch.delitem(sys.modules, "shop.stock")
        outer, thing = pickle.loads(data)
        assert (outer(), thing.__name__) == (2, "Thing")

    def test_another_profile_does_not_know(self, monkeypatch):
        module("shop", "", monkeypatch)
        shop = module("shop.stock", self.SOURCE, monkeypatch)
        brinery.Profile(["functions"], options={"functions": {"modules": ["shop"]}}).dumps(shop.outer)
        assert PROFILE.dumps(shop.outer) == PLAIN.dumps(shop.outer)

    def test_a_module_of_a_similar_name_is_another(self, monkeypatch):
        shopping = module("shopping", self.SOURCE, monkeypatch)
        module("shop", "", monkeypatch)
        profile = brinery.Profile(["functions"], options={"functions": {"modules": ["shop"]}})
        assert profile.dumps(shopping.outer) == PLAIN.dumps(shopping.outer)

    def test_a_module_as_a_whole(self, monkeypatch):
        stock = module("stock", self.SOURCE, monkeypatch)
        profile = brinery.Profile(["functions"], options={"functions": {"modules": ["stock"]}})
        data = profile.dumps(stock)
        monkeypatch.delitem(sys.modules, "stock")
        assert pickle.loads(data).outer() == 2

    def test_main_by_name(self, run):
        program = """
            import pickle, sys, brinery

            def here():
                return 1

            profile = brinery.Profile(["functions"], options={"functions": {"main": %s}})
            print(b"cloudpickle" in profile.dumps(here), pickle.loads(profile.dumps(here)) is here)
        """
        assert run(program % "False") == "False True"
        assert run(program % "True") == "True False"

    @pytest.mark.parametrize(
        "options", [{"modules": "shop"}, {"modules": [json]}, {"main": "yes"}, {"module": ["shop"]}], ids=str
    )
    def test_a_wrong_option_is_an_error(self, options):
        with pytest.raises(PluginError, match="option"):
            brinery.Profile(["functions"], options={"functions": options})


class TestOtherProcesses:
    WRITER = """
        import brinery, sys

        offset = 10

        def helper(n):
            return n + offset

        class Order:
            def total(self):
                return helper(self.amount)

        order = Order()
        order.amount = 5
        with open("data.pickle", "wb") as file:
            brinery.dump({"order": order, "fee": lambda n: helper(n) * 2}, file)
    """

    def test_what_main_holds_is_read_by_a_process_with_another_main(self, run):
        run(self.WRITER)
        reader = """
            import pickle, sys

            with open("data.pickle", "rb") as file:
                data = pickle.load(file)
            assert "brinery" not in sys.modules
            print(data["order"].total(), data["fee"](1))
        """
        assert run(reader) == "15 22"

    def test_a_process_pool(self, run):
        program = """
            import brinery, concurrent.futures, multiprocessing

            class Call:  # to read it is to call the function: a number is what comes back
                def __reduce__(self):
                    return (lambda n: n * factor), (21,)

            if __name__ == "__main__":
                factor = 2
                context = multiprocessing.get_context("spawn")
                with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
                    print(executor.submit(brinery.loads, brinery.dumps(Call())).result())
        """
        assert run(program) == "42"


def test_it_is_part_of_the_default_profile():
    assert brinery.loads(brinery.dumps(lambda: 3))() == 3
    with pytest.raises((AttributeError, pickle.PicklingError)):
        brinery.Profile(without={"functions"}).dumps(lambda: 3)


MAIN = """
import functools, pickle, sys, typing
import brinery

calls = []

@functools.lru_cache(maxsize=7)
def cached(n):
    return n * factor

@functools.cache
def factorial(n):
    return n * factorial(n - 1) if n else 1

factor = 2
Id = typing.NewType("Id", int)
uses = lambda n: Id(cached(n))
profile = brinery.Profile(["functions"])
with open(sys.argv[1], "wb") as file:
    for obj in (cached, factorial, Id, uses):
        profile.dump(obj, file)
P = typing.ParamSpec("P")
try:
    profile.dumps([P])
except pickle.PicklingError as error:
    print(error)
"""


def test_caches_and_new_types_of_main(run, tmp_path):
    """Read by a process that has another __main__."""
    said = run(MAIN, "written.pickle")
    assert said.startswith("__main__.P, a ParamSpec, cannot be written by value")
    with open(tmp_path / "written.pickle", "rb") as file:
        cached, factorial, new, uses = (pickle.load(file) for _ in range(4))
    assert (cached(21), cached(21), cached.cache_info().hits) == (42, 42, 1)
    assert cached.cache_parameters() == {"maxsize": 7, "typed": False}
    assert cached.__name__ == "cached"
    assert factorial(5) == 120
    assert (new.__name__, new.__supertype__, new.__module__, new(3)) == ("Id", int, "__main__", 3)
    assert uses(4) == 8


def test_caches_and_new_types_that_can_be_imported_are_names(monkeypatch):
    made = module(
        "caches",
        "import functools, typing\n@functools.cache\ndef f(n): return n\nId = typing.NewType('Id', int)\n",
        monkeypatch,
    )
    made.Id.__module__ = "caches"
    assert PROFILE.dumps([made.f, made.Id]) == PLAIN.dumps([made.f, made.Id])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_cached_property_of_a_class(monkeypatch, protocol):
    made = module(
        "cached",
        "import functools\nclass C:\n    @functools.cached_property\n    def p(self): return [3]\n",
        monkeypatch,
    )
    data = brinery.Profile(["functions"], options={"functions": {"modules": ["cached"]}}).dumps(
        made.C, protocol
    )
    # Read in another process, where that class is another.
    code = "import pickle, sys; c = pickle.load(sys.stdin.buffer)(); print(c.p is c.p, vars(c))"
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert done.stdout.split(None, 1) == [b"True", b"{'p': [3]}\n"]


@pytest.mark.parametrize("name", ["my experiment", "", "a..b", "a:b", 3])
def test_names_of_modules_that_are_none(name):
    with pytest.raises(brinery.errors.ChoiceError, match="option modules"):
        brinery.Profile(["functions"], options={"functions": {"modules": [name]}})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("fractoins", "did you mean 'fractions'"),
        ("json.decodr", "did you mean 'json.decoder'"),
        ("my_experiment_of_tomorrow", ""),
        ("json.nothing_like_it", ""),
        ("nowhere.at.all", ""),
    ],
)
def test_a_module_that_is_not_there_is_told_at_the_programs_line(name, meant):
    with pytest.warns(PluginWarning, match=f"names '{name}', and there is no such module here") as warned:
        profile = brinery.Profile(["functions"], options={"functions": {"modules": [name]}})
    assert (warned[0].filename, meant in str(warned[0].message)) == (__file__, True)
    # Where it travels to, the module need not be.
    recipes._profiles.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pickle.loads(pickle.dumps(profile)).dumps(1)


def test_modules_that_can_be_imported_are_told_nothing_of_and_not_imported(monkeypatch):
    made = module("made_by_hand", "def f(): return 3\n", monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names = [made.__name__, "xml.dom.minidom", "json.tool", "this"]
        brinery.Profile(["functions"], options={"functions": {"modules": names}})
    assert "this" not in sys.modules


class Unwritten:
    def __reduce_ex__(self, protocol):
        raise TypeError("not to be written")


class Unread:
    """It is written, and cannot be read."""

    def __reduce__(self):
        return len, ()


class Changed:
    def __init__(self):
        self.number = 1

    def __setstate__(self, state):
        self.number = 2


def with_variable(bad):
    first = 1

    def inner():
        return first, bad

    return inner


def with_part_of_a_variable(bad):
    data = {"x": [0, bad]}
    return lambda: data


def with_function_in_a_variable(bad):
    def inner():
        return bad

    return lambda: inner()


def with_default(bad):
    return lambda first, second=bad: None


def with_keyword_only_default(bad):
    return lambda *, second=bad: None


def with_attribute(bad):
    def inner():
        pass

    inner.kept = bad
    return inner


def with_global(bad):
    made = types.FunctionType(
        (lambda: HELD).__code__,  # noqa: F821
        {"HELD": bad, "__name__": "nowhere"},
    )
    made.__module__ = "nowhere"
    return made


def with_partial(bad):
    return functools.partial(lambda: bad)


def with_cache(bad):
    return functools.lru_cache(lambda: bad)


def with_property(bad):
    class Local:
        held = property(lambda self: bad)

    return Local


def with_method(bad):
    class Local:
        def method(self):
            return bad

    return Local().method


#: Where what cannot be written or read is in a function: of these, which one a reader is told by name.
IN_FUNCTIONS = [
    (with_variable, "<variable bad>"),
    (with_part_of_a_variable, "<variable data>['x'][1]"),
    (with_function_in_a_variable, "<variable inner><variable bad>"),
    (with_default, ".__defaults__[0]"),
    (with_keyword_only_default, ".__kwdefaults__['second']"),
    (with_attribute, ".kept"),
    (with_global, ".__globals__['HELD']"),
    (with_partial, ".func<variable bad>"),
    (with_cache, ".__wrapped__<variable bad>"),
    (with_property, ".held.fget<variable bad>"),
    (with_method, ".__self__.__class__.method<variable bad>"),
]


def engines():
    """Those that are built here."""
    for name in engine.ENGINES:
        with contextlib.suppress(ImportError):
            engine.get(name)
            yield name


@pytest.mark.parametrize("engine_name", list(engines()))
class TestWhereInAFunction:
    @pytest.mark.parametrize(("made", "step"), IN_FUNCTIONS)
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_what_is_not_written(self, engine_name, made, step, protocol):
        profile = brinery.Profile(["functions"], engine=engine_name)
        if protocol < 2 and made is with_method:
            pytest.skip("copyreg's own constructor is given the class")
        with pytest.raises(TypeError, match="not to be written") as caught:
            profile.dumps([made(Unwritten())], protocol)
        assert caught.value.pickle_path == f"root[0]{step}"
        assert caught.value.pickle_type == f"{__name__}.Unwritten"
        assert "plugin " not in "\n".join(caught.value.__notes__)

    @pytest.mark.parametrize(("made", "step"), IN_FUNCTIONS[:9])
    def test_what_is_not_read(self, engine_name, made, step):
        class Fresh(Unread):  # of which the first dump is not like the second: cloudpickle notes the class
            pass

        profile = brinery.Profile(["functions"], engine=engine_name)
        with pytest.raises(brinery.errors.CheckError) as caught:
            brinery.check([made(Fresh())], profile=profile)
        assert caught.value.pickle_path == f"root[0]{step}"

    @pytest.mark.parametrize(("made", "step"), IN_FUNCTIONS[:7])
    def test_what_is_read_as_something_else(self, engine_name, made, step):
        profile = brinery.Profile(["functions"], engine=engine_name)
        with pytest.raises(brinery.errors.CheckError) as caught:
            brinery.check([made(Changed())], profile=profile)
        assert caught.value.pickle_path == f"root[0]{step}.number"


def test_functions_that_survive_are_found_to():
    def even(number):
        return number == 0 or odd(number - 1)

    def odd(number):
        return number != 0 and even(number - 1)

    shared = [1, 2]
    pair = [
        lambda: shared,
        lambda extra=shared: (extra, shared),
        even,
        with_variable(fractions.Fraction(1, 3)),
    ]
    brinery.check(pair, profile=PROFILE)
    brinery.check([with_attribute(shared), shared, lambda: json.dumps(shared)], profile=PROFILE)
