"""Exceptions through brinery.dumps, where brinery-exceptions is installed."""

from __future__ import annotations

import dataclasses
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import traceback

import pytest
from brinery_exceptions import prepare, trying

import brinery

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
PROFILE = brinery.Profile(["exceptions"])


class Refused(Exception):
    def __init__(self, *, code):
        super().__init__(f"refused with {code}")
        self.code = code


class Named(Exception):
    def __init__(self, name):
        super().__init__(f"there is no {name}")


class Two(LookupError):
    def __init__(self, where, what):
        self.where, self.what = where, what


class Slotted(Exception):
    __slots__ = ("code",)

    def __init__(self, *, code):
        self.code = code


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int
    reason: str = "none"


class Strict(ImportError):
    def __init__(self, module, *, hint):
        super().__init__(f"no {module}", name=module, path="/nowhere")
        self.hint = hint


class NewWants(Exception):
    def __new__(cls, *, code):
        return super().__new__(cls, code)

    def __init__(self, *, code):
        super().__init__(f"code {code}")


class Group(ExceptionGroup):
    def __new__(cls, errors, code):
        made = super().__new__(cls, f"{code}: several", errors)
        made.code = code
        return made

    def derive(self, errors):
        return Group(errors, self.code)


class KeywordGroup(ExceptionGroup):
    def __new__(cls, *, errors):
        return super().__new__(cls, "several", errors)

    def __init__(self, *, errors):
        pass


class DropsTheReason(Exception):
    """As urllib3's: the author leaves out what might not be picklable."""

    def __init__(self, pool, reason):
        super().__init__(f"{pool} failed")
        self.pool, self.reason = pool, reason

    def __reduce__(self):
        return type(self), (None, None)


class InheritsAReductionThatFails(DropsTheReason):
    def __init__(self, pool, reason, times):
        super().__init__(pool, reason)
        self.times = times


class ArgsOfItsOwn(Exception):
    """As some wrappers have it: what is shown is not what it was made with."""

    @property
    def args(self):
        return ("shown",)


class KeepsState(Exception):
    def __init__(self, *, code):
        self.code = code

    def __reduce__(self):
        return make_keeps_state, (), ("state", self.code)

    def __setstate__(self, state):
        assert state[0] == "state"
        self.code = state[1]


def make_keeps_state():
    return KeepsState(code=None)


def caught(function):
    try:
        function()
    except BaseException as exc:
        return exc
    raise AssertionError("it raised nothing")


def like(exc):
    """What two exceptions have in common if one is the other's copy."""
    return type(exc), str(exc), repr(exc.args), {name: repr(value) for name, value in vars(exc).items()}


EXCEPTIONS = {
    "built-in": ValueError("x", 3),
    "of the system": caught(lambda: os.stat("/no/such/file")),
    "of the system with two files": OSError(18, "cross-device", "a", None, "b"),
    "syntax": caught(lambda: compile("(", "f.py", "exec")),
    "unicode": caught(lambda: b"\xff".decode()),
    "stop": StopIteration(3),
    "exit": SystemExit(3),
    "keyword-only": Refused(code=7),
    "another text than args": Named("x"),
    "args not passed on": Two("here", "that"),
    "keywords of a built-in class": Strict("shop", hint="install it"),
    "keywords of __new__": NewWants(code=3),
    "group": ExceptionGroup("g", [Refused(code=1), ExceptionGroup("inner", [Named("x")])]),
    "group of BaseExceptions": BaseExceptionGroup("g", [KeyboardInterrupt()]),
    "group with a __new__": Group([Refused(code=1)], 3),
    "group with keywords": KeywordGroup(errors=[Refused(code=1)]),
    "state of its own": KeepsState(code=3),
    "a reduction that was inherited and fails": InheritsAReductionThatFails("p", "r", 3),
    "args of its own": ArgsOfItsOwn("x"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("exc", EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_it_survives(exc, protocol):
    exc.extra = [1, {"of": "whatever kind"}]
    data = PROFILE.dumps([exc, exc], protocol)
    for loads in (pickle.loads, PROFILE.loads):
        made, again = loads(data)
        assert made is again
        assert like(made) == like(exc)
        if isinstance(exc, BaseExceptionGroup):
            assert [like(inner) for inner in made.exceptions] == [like(inner) for inner in exc.exceptions]


@pytest.mark.parametrize(
    "exc", [ValueError("x"), Refused(code=7), Named("x"), Two(1, 2), Strict("a", hint="b")], ids=type
)
def test_the_stream_names_nothing_of_this_plugin(exc):
    exc.__cause__ = KeyError("k")
    assert b"brinery_exceptions" not in PROFILE.dumps(exc)
    assert b"tblib" not in PROFILE.dumps(exc)


def test_fields_of_built_in_classes():
    made = PROFILE.loads(PROFILE.dumps(Strict("shop", hint="x")))
    assert (made.name, made.path, made.msg, made.hint) == ("shop", "/nowhere", "no shop", "x")
    missing = caught(lambda: [].nonesuch)
    made = PROFILE.loads(PROFILE.dumps(missing))
    assert (made.name, made.obj) == ("nonesuch", None)  # the object may be anything, as in CPython


def test_slots():
    made = PROFILE.loads(PROFILE.dumps(Slotted(code=3)))
    assert made.code == 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_frozen_dataclass(protocol):
    def refuse():
        raise Frozen(3) from KeyError(1)

    exc = caught(refuse)
    made = PROFILE.loads(PROFILE.dumps(exc, protocol))
    assert (made.code, made.reason, repr(made.__cause__)) == (3, "none", "KeyError(1)")


class TestSurroundings:
    @staticmethod
    def chained():
        def inner():
            {}["key"]

        def outer():
            try:
                inner()
            except KeyError as missing:
                error = Refused(code=1)
                error.add_note("a note")
                raise error from missing

        def outermost():
            try:
                outer()
            except Refused:
                raise Named("thing")  # noqa: B904  # a context without a cause

        return caught(outermost)

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_cause_context_notes_and_traceback(self, protocol):
        exc = self.chained()
        made = pickle.loads(PROFILE.dumps(exc, protocol))
        assert made.__cause__ is None
        assert not made.__suppress_context__
        assert made.__context__.__notes__ == ["a note"]
        assert made.__context__.__suppress_context__
        assert repr(made.__context__.__cause__) == "KeyError('key')"
        functions = [frame.name for frame in traceback.extract_tb(made.__traceback__)]
        assert functions == [frame.name for frame in traceback.extract_tb(exc.__traceback__)]
        assert functions[-1] == "outermost"

    def test_it_is_reported_as_before(self):
        exc = self.chained()
        made = PROFILE.loads(PROFILE.dumps(exc))
        markers = str.maketrans("", "", "~^")

        def report(exc):
            lines = "".join(traceback.format_exception(exc)).splitlines()
            return [line for line in lines if line.translate(markers).strip()]

        assert report(made) == report(exc)

    def test_a_context_that_is_suppressed_with_no_cause(self):
        exc = self.chained()
        exc.__suppress_context__ = True
        assert PROFILE.loads(PROFILE.dumps(exc)).__suppress_context__

    def test_a_cycle_of_contexts(self):
        first, second = Refused(code=1), Refused(code=2)
        first.__context__, second.__context__ = second, first
        made = PROFILE.loads(PROFILE.dumps(first))
        assert made.__context__.__context__ is made

    def test_an_exception_that_refers_to_itself(self):
        exc = Refused(code=1)
        exc.me = [exc]
        made = PROFILE.loads(PROFILE.dumps(exc))
        assert made.me[0] is made

    @pytest.mark.parametrize("protocol", range(6))
    @pytest.mark.parametrize("cls", [ValueError, OSError, Two, KeyError])
    def test_an_exception_that_is_among_its_arguments(self, protocol, cls):
        """The standard library's recursion does not end; it is as if __new__ was called with itself."""
        exc = cls("one", "two")
        exc.args = (exc, "text", {"in": [exc]})
        made = pickle.loads(PROFILE.dumps(exc, protocol))
        assert type(made) is cls
        assert made.args[0] is made is made.args[2]["in"][0]
        assert made.args[1] == "text"

    def test_exceptions_that_are_each_other_s_arguments(self):
        one, other = ValueError(1), KeyError(2)
        one.args, other.args = (other,), ([one],)
        made = pickle.loads(PROFILE.dumps(one))
        assert type(made.args[0]) is KeyError
        assert made.args[0].args[0][0] is made

    def test_a_traceback_alone(self):
        exc = self.chained()
        made = pickle.loads(PROFILE.dumps(exc.__traceback__))
        assert traceback.extract_tb(made)[-1].line == traceback.extract_tb(exc.__traceback__)[-1].line

    def test_a_traceback_without_its_columns(self, tmp_path):
        """As the page says: without carets both show the same."""
        program = textwrap.dedent("""
            import pickle, traceback, brinery

            def divide(x):
                return 1 + (x["a"] / x["b"]) + 2

            try:
                divide({"a": 1, "b": 0})
            except ZeroDivisionError as exc:
                print("".join(traceback.format_exception(exc)), end="\\0")
                made = pickle.loads(brinery.Profile(["exceptions"]).dumps(exc))
                print("".join(traceback.format_exception(made)), end="")
        """)
        # In a file: from Python 3.13 on, a traceback shows the lines of -c too, of which nobody else knows.
        path = tmp_path / "program.py"
        path.write_text(program, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-X", "no_debug_ranges", str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
        written, read = done.stdout.split("\0")
        assert written == read
        assert "in divide" in read

    def test_a_long_traceback(self):
        def endless():
            endless()

        made = PROFILE.loads(PROFILE.dumps(caught(endless)))
        assert len(traceback.extract_tb(made.__traceback__)) > 500

    def test_a_long_chain_of_causes(self):
        exc = None
        for number in range(3000):
            last, exc = exc, Refused(code=number)
            exc.__cause__ = last
        made, length = PROFILE.loads(PROFILE.dumps(exc)), 0
        while made is not None:
            made, length = made.__cause__, length + 1
        assert length == 3000


class TestReductionsOfTheAuthor:
    def test_what_it_leaves_out_is_kept_where_it_can_be(self):
        made = pickle.loads(PROFILE.dumps(DropsTheReason("the pool", KeyError("reason"))))
        assert str(made) == "the pool failed"
        assert repr(made.reason) == "KeyError('reason')"

    def test_what_cannot_be_pickled_stays_left_out(self):
        made = pickle.loads(PROFILE.dumps(DropsTheReason(threading.Lock(), "r")))
        assert made.pool is None
        assert "failed" in str(made)
        assert not hasattr(made, "__notes__")

    def test_a_state_that_is_no_dict_goes_through_setstate(self):
        exc = KeepsState(code=3)
        exc.__cause__ = KeyError(1)
        made = PROFILE.loads(PROFILE.dumps(exc))
        assert (made.code, repr(made.__cause__)) == (3, "KeyError(1)")


class TestWhatCannotBePickled:
    def test_an_attribute_becomes_its_repr_and_a_note_says_so(self):
        exc = Refused(code=1)
        exc.lock = threading.Lock()
        made = pickle.loads(PROFILE.dumps(exc))
        assert made.lock.startswith("<unlocked _thread.lock")
        assert made.__notes__ == [f"lock could not be pickled; it was {exc.lock!r}"]
        assert type(exc.lock) is not str
        assert not hasattr(exc, "__notes__")

    def test_an_argument_becomes_its_repr(self):
        exc = ValueError("text", lambda: 3)
        made = pickle.loads(PROFILE.dumps(exc))
        assert made.args == ("text", repr(exc.args[1]))

    def test_what_can_be_written_but_not_read_counts(self):
        class Unreadable:
            def __reduce__(self):
                return int, ("no number",)

            def __repr__(self):
                return "<unreadable>"

        assert pickle.loads(PROFILE.dumps(ValueError(Unreadable()))).args == ("<unreadable>",)

    def test_a_repr_that_fails_does_not_matter(self):
        class Shy:
            def __reduce__(self):
                raise RuntimeError

            def __repr__(self):
                raise RuntimeError

        assert "Shy object at" in pickle.loads(PROFILE.dumps(ValueError(Shy()))).args[0]

    def test_of_a_long_repr_beginning_and_end_are_kept(self):
        class Wordy:
            def __reduce__(self):
                raise RuntimeError

            def __repr__(self):
                return "<wordy " + "x" * 100_000 + " at the end>"

        exc = ValueError(Wordy())
        exc.batch = [list(range(100_000)), threading.Lock()]
        data = PROFILE.dumps(exc)
        made = pickle.loads(data)
        assert len(data) < 5000
        assert made.args[0].startswith("<wordy xxx")
        assert "<… 99,519 characters …>" in made.args[0]
        assert made.args[0].endswith("x at the end>")
        assert made.batch.startswith("[[0, 1, 2, ")
        assert "<unlocked _thread.lock" in made.batch
        assert made.__notes__[0] == f"args[0] could not be pickled; it was {made.args[0]}"

    @pytest.mark.parametrize("make", [list, tuple, set, frozenset, dict.fromkeys])
    def test_plain_containers_are_not_tried_out(self, make, monkeypatch):
        monkeypatch.setattr(
            trying.Trials, "_is_brought_back", lambda self, value: type(value) in (type, tuple)
        )
        exc = Refused(code=1)
        exc.plain = make(["a", 1, 1.5, None, True, b"b"])
        assert pickle.loads(PROFILE.dumps(exc)).plain == exc.plain

    @pytest.mark.parametrize(
        "make", [lambda x: [1, x], lambda x: (x,), lambda x: {x}, lambda x: {1: x}, lambda x: {x: 1}]
    )
    def test_containers_of_something_else_are(self, make):
        exc = Refused(code=1)
        exc.mixed = make(threading.Lock())
        assert "unlocked" in pickle.loads(PROFILE.dumps(exc)).__notes__[0]

    def test_what_exceptions_share_is_tried_once_when_they_are_prepared(self):
        tried = []

        class Counting:
            def __reduce__(self):
                tried.append(self)
                return str, ("counted",)

        shared = Counting()
        errors = [Refused(code=number) for number in range(20)]
        for error in errors:
            error.shared = shared
        prepare(ExceptionGroup("several", errors))
        assert len(tried) < 5  # once while trying the group, once while trying it, and when it is written
        tried.clear()
        prepare(errors[0])
        assert tried  # nothing is remembered of the time before

    def test_what_is_plain_and_shared_is_looked_through_once_then(self, monkeypatch):
        looked = []
        look = trying._holds_leaves
        monkeypatch.setattr(trying, "_holds_leaves", lambda value: looked.append(value) or look(value))
        shared = [1, 2, 3]
        errors = [Refused(code=number) for number in range(20)]
        for error in errors:
            error.shared = shared
        prepare(ExceptionGroup("several", errors))
        assert sum(value is shared for value in looked) == 1

    def test_exceptions_in_exceptions_are_tried_once_each(self):
        tried = []

        class Counting:
            def __reduce__(self):
                tried.append(self)
                return str, ("counted",)

        exc = ValueError(Counting())
        for _ in range(20):
            exc = ValueError([exc])
        PROFILE.dumps(exc)
        assert len(tried) < 10  # without care it would be 2**20

    def test_a_class_that_cannot_be_imported_has_a_stand_in(self):
        class Local(Two):
            pass

        made, other = pickle.loads(PROFILE.dumps([Local("here", "that"), Local(1, 2)]))
        assert isinstance(made, Two)
        assert type(made) is type(other)
        assert (type(made).__name__, made.where) == ("Local", "here")
        assert type(made).__qualname__ == Local.__qualname__

    def test_the_exception_is_not_changed(self):
        exc = caught(lambda: os.stat("/no/such/file"))
        before = str(exc), vars(exc).copy(), exc.__traceback__, exc.args
        PROFILE.dumps(exc)
        assert (str(exc), vars(exc), exc.__traceback__, exc.args) == before


def test_it_is_part_of_the_default_profile():
    made = brinery.loads(brinery.dumps(Refused(code=7)))
    assert made.code == 7
    with pytest.raises(TypeError, match="positional argument"):
        pickle.loads(brinery.Profile(without={"exceptions"}).dumps(Refused(code=7)))


def test_a_profile_may_leave_it_out():
    exc = ValueError("x", 3)
    exc.__cause__ = KeyError(1)
    data = brinery.Profile(without={"exceptions"}).dumps(exc)
    assert data == pickle.dumps(exc) != PROFILE.dumps(exc)
