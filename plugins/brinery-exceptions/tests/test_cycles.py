"""Exceptions that lead back to themselves in all ways, compared with what is read of them."""

from __future__ import annotations

import io
import pickle
import random
import threading
import traceback

import pytest
from brinery_exceptions import prepare

import brinery
from brinery.engine import status

ENGINES = ["python", "compiled"] if status().name == "compiled" else ["python"]
PROFILES = {name: brinery.Profile(["exceptions"], engine=name) for name in ENGINES}
PROFILE = brinery.Profile(["exceptions"])


class Refused(Exception):
    def __init__(self, *, code):
        super().__init__(f"refused with {code}")
        self.code = code


class Slotted(LookupError):
    __slots__ = ("link",)


class Strict(Exception):
    """It lets nobody set an attribute."""

    def __setattr__(self, name, value):
        raise AttributeError(name)


class Multi(Exception):
    """As groups were before there were any: an author's reduction, with a list that is kept."""

    def __init__(self, errors):
        super().__init__("several")
        self.errors = errors

    def __reduce__(self):
        return Multi, (self.errors,)


class KeepsState(Exception):
    state = None

    def __reduce__(self):
        return KeepsState, (), [vars(self).get("state")]

    def __setstate__(self, state):
        if state[0] is not None:
            self.state = state[0]


class Group(BaseExceptionGroup):
    def __new__(cls, errors, code):
        made = super().__new__(cls, f"{code}: several", errors)
        made.errors = errors
        return made

    def __init__(self, errors, code):
        self.code = code


class AuthorsGroup(BaseExceptionGroup):
    def __reduce__(self):
        return AuthorsGroup, (self.message, self.exceptions)


class Holder:
    """No exception, and it has one."""

    def __init__(self, held):
        self.held = held


def link(one, other, how):
    """Let `one` lead to `other` in the way called `how`."""
    match how:
        case "cause":
            BaseException.__setattr__(one, "__cause__", other)
        case "context":
            BaseException.__setattr__(one, "__context__", other)
        case "attribute":
            object.__setattr__(one, "link", other)
        case "list":
            object.__setattr__(one, "link", [1, [other]])
        case "dict":
            vars(one).setdefault("links", {})[len(vars(one))] = {"to": (other,)}
        case "object":
            vars(one)["holder"] = Holder({"error": other})
        case "notes":
            BaseException.__setattr__(one, "__notes__", ["a note", other])
        case "args":
            BaseException.__setattr__(one, "args", ("text", other))
        case "args in a list":
            BaseException.__setattr__(one, "args", ([other], other))
        case "args in an object":
            BaseException.__setattr__(one, "args", (Holder(other),))


LINKS = (
    ["cause", "context", "attribute", "list", "dict", "object", "notes"],
    ["args", "args in a list", "args in an object"],
)


def assert_same(one, other):
    """Compare two graphs: types, values, and which objects are one object."""
    there, back = {}, {}
    ahead = [(one, other, "root")]
    while ahead:
        one, other, path = ahead.pop()
        assert type(one).__qualname__ == type(other).__qualname__, path
        if isinstance(one, (str, int, type(None))):
            assert one == other, path
            continue
        known = id(one) in there
        assert there.setdefault(id(one), id(other)) == id(other), f"{path} became two objects"
        assert back.setdefault(id(other), id(one)) == id(one), f"{path} is what two objects became"
        if not known:
            ahead += ((its, others, f"{path}{name}") for name, its, others in parts_of(one, other, path))


def parts_of(one, other, path):
    if isinstance(one, dict):
        assert list(one) == list(other), path
        yield from ((f"[{key!r}]", one[key], other[key]) for key in one)
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), path
        yield from ((f"[{i}]", a, b) for i, (a, b) in enumerate(zip(one, other, strict=True)))
    else:
        names = [*vars(one)]
        assert sorted(names) == sorted(vars(other)), path
        names += [name for name in ("link",) if isinstance(one, Slotted) and hasattr(one, "link")]
        if isinstance(one, BaseException):
            names += ["__cause__", "__context__", "__suppress_context__", "args"]
            frames = [traceback.extract_tb(each.__traceback__) for each in (one, other)]
            assert [frame.name for frame in frames[0]] == [frame.name for frame in frames[1]], path
        if isinstance(one, BaseExceptionGroup):
            names += ["message", "exceptions"]
        yield from ((f".{name}", getattr(one, name), getattr(other, name)) for name in names)


PLAIN = [ValueError, OSError, Refused, Slotted, Strict, KeepsState, Multi]
GROUPS = [BaseExceptionGroup, Group, AuthorsGroup]


def make_one(cls, number, some):
    """One of the class `cls`; a group of the exceptions `some`."""
    if issubclass(cls, Refused):
        return cls(code=number)
    if cls is OSError:
        return OSError(number, "text", "file")
    if cls is Multi:
        return Multi(list(some))
    if cls is Group:
        return Group(list(some), number)
    if issubclass(cls, BaseExceptionGroup):
        some = [*some, SystemExit(number)] if number % 3 == 0 else some
        return cls("g", tuple(some) if number % 2 else list(some))
    made = cls(number)
    if cls is KeepsState:
        made.state = number
    return made


def random_graph(seed):
    """Exceptions of all kinds, and links of all kinds between any two of them."""
    rng = random.Random(seed)

    class Local(Refused):
        pass

    made = []
    for number in range(rng.randint(2, 9)):
        some = rng.choices(made, k=rng.randint(1, 4)) if made else []
        cls = rng.choice([*PLAIN, Local, *(2 * GROUPS if some else ())])
        made.append(make_one(cls, number, some))
        if rng.random() < 0.3:
            raise_it(made[-1])
    for _ in range(rng.randint(0, 2 * len(made))):
        one, other = rng.choice(made), rng.choice(made)
        hows = LINKS[0] if isinstance(one, (BaseExceptionGroup, OSError, Multi)) else LINKS[0] + LINKS[1]
        link(one, other, rng.choice(hows))
    rng.shuffle(made)
    return made if rng.random() < 0.5 else made[0]


def raise_it(exc):
    context = exc.__context__
    try:
        raise exc
    except BaseException:
        BaseException.__setattr__(exc, "__context__", context)


def written(graph, protocol):
    return {name: profile.dumps(graph, protocol) for name, profile in PROFILES.items()}


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_any_graph(first):
    for seed in range(first, first + 50):
        graph = random_graph(seed)
        for protocol in (seed % 6, 5):
            streams = written(graph, protocol)
            assert len(set(streams.values())) == 1
            data = streams["python"]
            for loads in (pickle.loads, *(profile.loads for profile in PROFILES.values())):
                try:
                    assert_same(graph, loads(data))
                except BaseException as failure:
                    failure.add_note(f"seed {seed}, protocol {protocol}, {loads}")
                    raise


class TestGroups:
    @pytest.mark.parametrize(
        "how", ["cause", "context", "attribute", "object", "notes", "args", "args in an object"]
    )
    @pytest.mark.parametrize("name", ENGINES)
    def test_all_of_a_large_group_lead_back(self, name, how):
        """Each exception of the group is written once, so that a large group is no deep or long stream."""
        sizes = []
        for count in (2_000, 4_000):
            errors = [ValueError(number) for number in range(count)]
            group = ExceptionGroup("several", errors)
            for error in errors:
                link(error, group, how)
            data = PROFILES[name].dumps(group)
            assert_same(group, pickle.loads(data))
            sizes.append(len(data))
        assert sizes[1] < 2.2 * sizes[0]

    def test_groups_in_groups(self):
        inner = leaf = KeyError("leaf")
        links = vars(leaf).setdefault("links", [])
        for number in range(300):
            inner = ExceptionGroup(f"level {number}", [inner, Refused(code=number)])
            links.append(inner)
        data = PROFILE.dumps(inner)
        assert_same(inner, pickle.loads(data))
        assert len(data) < 100_000

    def test_the_list_that_a_group_was_made_of_is_shared(self):
        errors = [Refused(code=1)]
        group = Group(errors, 1)
        errors[0].group = group
        made = pickle.loads(PROFILE.dumps([errors, group]))
        assert made[0] is made[1].errors is made[1].args[1]

    @pytest.mark.parametrize("first", [0, 1])
    def test_an_exception_that_wants_another_whole(self, first):
        """What an author's reduction is given can be asked for its attributes, also in such a group."""
        inner = Refused(code=7)
        wrapper = Wraps(inner)
        group = ExceptionGroup("several", [ValueError(1), *[inner, wrapper][:: 1 - 2 * first]])
        group.exceptions[0].__context__ = inner.__context__ = group
        made = pickle.loads(PROFILE.dumps(group))
        assert_same(group, made)

    def test_without_cycles_nothing_but_the_class_is_named(self):
        group = ExceptionGroup("several", [Refused(code=1), ExceptionGroup("inner", [KeyError(1)])])
        group.exceptions[0].__context__ = group.exceptions[1]
        assert b"brinery_exceptions" not in PROFILE.dumps([group, group])

    @pytest.mark.parametrize("name", ENGINES)
    def test_without_a_memo_a_group_that_is_met_twice_is_whole_twice(self, name):
        group = ExceptionGroup("several", [Refused(code=1)])
        group.exceptions[0].__cause__ = KeyError("cause")
        group.exceptions[0].multi = Multi([ValueError(1)])
        file = io.BytesIO()
        pickler = PROFILES[name].Pickler(file)
        pickler.fast = True
        pickler.dump((group, group))
        for made in pickle.loads(file.getvalue()):
            assert made.exceptions[0].code == 1
            assert repr(made.exceptions[0].__cause__) == "KeyError('cause')"
            assert repr(made.exceptions[0].multi.errors) == "[ValueError(1)]"

    def test_prepared(self):
        inner = ValueError("inner")
        inner.group = ExceptionGroup("several", [inner])
        made = pickle.loads(pickle.dumps(prepare(inner.group)))
        assert made.exceptions[0].group is made

    def test_what_cannot_be_pickled_in_it_is_told(self):
        group = ExceptionGroup("several", [Refused(code=1), Refused(code=2)])
        for error in group.exceptions:
            error.group, error.lock = group, threading.Lock()
        made = pickle.loads(PROFILE.dumps(group))
        for error in made.exceptions:
            assert error.group is made
            assert error.lock.startswith("<unlocked")
            assert "lock could not be pickled" in error.__notes__[0]


class Wraps(Exception):
    def __init__(self, inner):
        super().__init__(f"wraps code {inner.code}")
        self.inner = inner

    def __reduce__(self):
        return Wraps, (self.inner,)
