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
