"""Tasks that fail, in a module of their own: the workers of the pools import it."""

from __future__ import annotations

import dataclasses
import os
import threading
import xmlrpc.client

from brinery_exceptions import surviving


class OrderRefused(Exception):
    """As people write them: keyword-only arguments, and a text made of them."""

    def __init__(self, *, order, reason):
        super().__init__(f"order {order} was refused: {reason}")
        self.order = order
        self.reason = reason


class HoldsALock(Exception):
    def __init__(self, text, /):
        super().__init__(text)
        self.lock = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    """Nobody can give it an attribute, so that most ways to make it anew fail."""

    order: int
    reason: str


class Coded(Exception):
    """Its classes have codes, and are found by them; deriving one without is an error."""

    by_code = {}

    def __init_subclass__(cls, *, code, **keywords):
        super().__init_subclass__(**keywords)
        cls.by_code[code] = cls


@dataclasses.dataclass(frozen=True)
class Denied(Coded, code=4):
    order: int


class Guarded(Coded, code=5):
    """Refuses attributes that it does not know, and is made with a keyword."""

    def __init__(self, *, order):
        self.order = order

    def __setattr__(self, name, value):
        if name != "order":
            raise AttributeError(f"there is no {name} in a Guarded")
        super().__setattr__(name, value)


class Evasive(Exception):
    """Does not even say of which class it is."""

    def __getattribute__(self, name):
        if name == "__class__":
            raise RuntimeError("none of your business")
        return super().__getattribute__(name)


class Last(type):
    """Of a class of this one, no other can be derived."""

    def mro(cls):
        if type(cls.__base__) is Last:
            raise TypeError(f"nothing comes after {cls.__base__.__name__}")
        return super().mro()


class Sealed(Exception, metaclass=Last):
    def __setattr__(self, name, value):
        raise AttributeError(f"there is no {name} in a Sealed")


def raise_a_lock(_):
    raise HoldsALock("busy")


def return_a_lock(_):
    return HoldsALock("busy")


def raise_frozen(order):
    raise Frozen(order, "no stock")


def raise_with_a_cause(_):
    raise RuntimeError("outer") from HoldsALock("inner")


def refuse(order):
    try:
        {}["stock"]
    except KeyError as missing:
        error = OrderRefused(order=order, reason="no stock")
        error.add_note("the warehouse was asked")
        raise error from missing


@surviving
def refuse_and_survive(order):
    refuse(order)


@surviving
def hold_a_lock(_):
    raise HoldsALock("busy")


@surviving
def raise_frozen_and_survive(order):
    raise Frozen(order, "no stock")


@surviving
def raise_denied(order):
    raise Denied(order)


@surviving
def raise_guarded(order):
    raise Guarded(order=order)


@surviving
def raise_evasive(order):
    raise Evasive(order)


@surviving
def raise_sealed(order):
    raise Sealed(order)


class Eager(Exception):
    """Has an answer to every question, and a wrong one."""

    def __getattr__(self, name):
        raise KeyError(name)


@surviving
def raise_eager(order):
    raise Eager(order)


#: Of the interpreter's own classes, what a reducer that knows only args and attributes loses.
BUILT_IN = {
    "not text": lambda: b"ab\xff".decode(),
    "not ASCII": lambda: "\xe9".encode("ascii"),
    "no Python": lambda: compile("a b", "f.py", "exec"),
    "no attribute": lambda: object().zz,
    "no name": lambda: eval("zork"),
    "no file": lambda: os.stat("/nowhere/at/all"),
}


def fail_by_itself(kind):
    BUILT_IN[kind]()


@surviving
def call_a_server(_):
    raise xmlrpc.client.ProtocolError("http://example.org", 503, "unavailable", {})


@surviving
def raise_a_local_class(_):
    class Local(OrderRefused):
        pass

    raise Local(order=3, reason="local")


class Fickle:
    """Can be written as long as it is only tried out."""

    tried = False

    def __reduce__(self):
        if self.tried:
            raise RuntimeError("not again")
        self.tried = True
        return str, ("tried",)


@surviving
async def refuse_async(order):
    refuse(order)


@surviving
def refuse_third(order):
    """Two numbers, what it is sent, and then."""
    yield 1
    sent = yield 2
    try:
        yield sent
    except ValueError as error:
        yield str(error)
    refuse(order)


@surviving
async def refuse_third_async(order):
    yield 1
    sent = yield 2
    try:
        yield sent
    except ValueError as error:
        yield str(error)
    refuse(order)


def await_it(order):
    import asyncio

    return asyncio.run(refuse_async(order))
