"""What holds exceptions is tried out without these at first, and it may want them as they are."""

from __future__ import annotations

import time

import brinery_exceptions
import pytest

from brinery import Profile


@pytest.fixture(params=["compiled", "python"])
def profile(request):
    return Profile([brinery_exceptions], engine=request.param)


class Coded(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Failure:
    """Made of an exception, of which it asks something."""

    def __init__(self, error):
        self.error = error
        self.code = error.code

    def __reduce__(self):
        return Failure, (self.error,)


class Wrapping(Exception):
    """The same, as an exception that its author reduces."""

    def __init__(self, failure):
        super().__init__("wrapped")
        self.failure = failure
        self.code = failure.code

    def __reduce__(self):
        return Wrapping, (self.failure,)


def test_what_is_made_of_an_exception(profile):
    failure = Failure(Coded(3))
    error = RuntimeError(failure)
    error.also = [failure]
    back = profile.loads(profile.dumps(error))
    assert (back.args[0].code, back.args[0].error.code) == (3, 3)
    assert back.also[0] is back.args[0]
    assert not hasattr(back, "__notes__")
    assert profile.loads(profile.dumps(Wrapping(failure))).failure.code == 3
    with_it = brinery_exceptions.prepare(error)
    assert profile.loads(profile.dumps(with_it)).args[0].code == 3


def test_one_within_another_is_tried_out_once():
    """Each is tried out within the one around it; twice at each step would be 2**40 times in all."""
    profile = Profile([brinery_exceptions])
    error = Coded(0)
    for code in range(1, 40):
        outer = Coded(code)
        outer.failure = Failure(error)
        error = outer
    began = time.process_time()
    back = profile.loads(profile.dumps(error))
    assert time.process_time() - began < 30
    for code in range(38, -1, -1):
        back = back.failure.error
        assert back.code == code


class Holder:
    """It wants its exception when its state is set."""

    def __init__(self, error):
        self.error = error

    def __setstate__(self, state):
        self.error = state["error"]
        self.text = self.error.with_traceback(None).args[0]


def test_one_that_leads_back_to_itself(profile):
    error = Coded(1)
    error.holder = Holder(error)
    back = profile.loads(profile.dumps(error))
    assert back.holder.error is back
    assert (back.code, back.holder.text) == (1, 1)


class Blob:
    """It has a dump of its own made of the exception that it holds."""

    sent: list[bytes] = []

    def __init__(self, error):
        self.error = error

    def __getstate__(self):
        self.sent.append(WITHIN.dumps(self.error))
        return self.sent[-1]

    def __setstate__(self, state):
        self.error = WITHIN.loads(state)


WITHIN = Profile([brinery_exceptions])


def test_what_user_code_dumps_meanwhile_is_whole(profile):
    Blob.sent.clear()
    error = RuntimeError("no")
    error.blob = Blob(KeyError("k"))
    back = profile.loads(profile.dumps(error))
    assert repr(back.blob.error) == "KeyError('k')"
    assert {repr(WITHIN.loads(sent)) for sent in Blob.sent} == {"KeyError('k')"}


class OwnGroup(ExceptionGroup):
    def __reduce__(self):
        return OwnGroup, (self.message, self.exceptions)


def test_groups_in_groups_are_searched_in_all_not_each():
    profile = Profile([brinery_exceptions])

    def taken(depth):
        group = OwnGroup("inner", [ValueError(0)])
        for i in range(depth):
            group = OwnGroup(str(i), [group, ValueError(i)])
        began = time.process_time()
        back = profile.loads(profile.dumps(group))
        spent = time.process_time() - began
        for i in reversed(range(depth)):
            assert back.message == str(i)
            back = back.exceptions[0]
        return spent

    assert taken(3000) < 600 * max(taken(30), 0.001)  # 1,900 times and more, where each is searched
