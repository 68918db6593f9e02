"""Exceptions of real libraries, raised by these libraries, that the standard library does not bring back."""

from __future__ import annotations

import argparse
import asyncio
import copyreg
import email.message
import http.client
import importlib
import pickle
import sys
import types
import urllib.error
import xmlrpc.client

import pytest

import brinery

# From Python 3.14 on, an HTTPError, which is a file too, warns where nobody closes it; nor does anybody close
# the copies that are made to see what survives.
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <HTTPError:ResourceWarning")

lib = types.SimpleNamespace()


@pytest.fixture(autouse=True, scope="module")
def libraries():
    """Imported for these tests only, as some of them change the whole process (see conftest)."""
    before = copyreg.dispatch_table.copy()
    # A library may have no release yet for a Python that is not out. Else it has to be there.
    needed = pytest.importorskip if sys.version_info >= (3, 15) else importlib.import_module
    for name in ("botocore.session", "botocore.exceptions", "httpx", "pint", "pydantic", "requests"):
        needed(name)
        vars(lib)[name.partition(".")[0]] = sys.modules[name.partition(".")[0]]
    yield
    copyreg.dispatch_table.clear()
    copyreg.dispatch_table.update(before)


PROFILE = brinery.Profile(["exceptions"])
NOBODY = "http://127.0.0.1:9/"


def caught(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except Exception as exc:
        return exc
    raise AssertionError("it raised nothing")


def no_such_key():
    """botocore makes the classes of a service's errors when the service's client is made."""
    client = lib.botocore.session.Session().create_client(
        "s3", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    answer = {"Error": {"Code": "NoSuchKey", "Message": "the key does not exist"}}
    return client.exceptions.NoSuchKey(answer, "GetObject")


def no_status():
    return lib.httpx.Response(404, request=lib.httpx.Request("GET", "http://example.org")).raise_for_status()


def invalid():
    class Order(lib.pydantic.BaseModel):
        number: int

    return Order(number="x")


LOST = {
    "xmlrpc, protocol": lambda: xmlrpc.client.ProtocolError("http://example.org", 503, "no", {"a": "b"}),
    "xmlrpc, fault": lambda: xmlrpc.client.Fault(3, "no such method"),
    "urllib": lambda: urllib.error.HTTPError("http://x", 404, "no", email.message.Message(), None),
    "requests": lambda: caught(lib.requests.get, NOBODY),
    "httpx": lambda: caught(no_status),
    "botocore": no_such_key,
    "pydantic": lambda: lib.pydantic.errors.PydanticUserError("no", code="schema-for-unknown-type"),
}
KEPT = {
    "requests, status": lambda: lib.requests.HTTPError("404", response=lib.requests.Response()),
    "requests, JSON": lambda: caught(lib.requests.Response().json),
    "httpx, connection": lambda: caught(lib.httpx.get, NOBODY),
    "botocore, base": lambda: lib.botocore.exceptions.EndpointConnectionError(
        endpoint_url="u", error=OSError(1)
    ),
    "pint, units": lambda: caught((1 * lib.pint.UnitRegistry().meter).to, "second"),
    "pint, name": lambda: caught(lib.pint.UnitRegistry().parse_expression, "fooo"),
    "pydantic, validation": lambda: caught(invalid),
    "argparse": lambda: argparse.ArgumentError(None, "no"),
    "asyncio": lambda: asyncio.IncompleteReadError(b"part", 30),
    "http": lambda: http.client.IncompleteRead(b"part"),
}


@pytest.mark.parametrize("make", [*LOST.values(), *KEPT.values()], ids=[*LOST, *KEPT])
def test_it_says_what_it_said(make):
    exc = make()
    made = pickle.loads(PROFILE.dumps(exc))
    assert str(made) == str(exc)
    assert type(made).__name__ == type(exc).__name__
    assert vars(made).keys() - {"__notes__"} == vars(exc).keys()


@pytest.mark.parametrize("make", LOST.values(), ids=LOST)
def test_the_standard_library_loses_it(make):
    exc = make()
    try:
        made = pickle.loads(pickle.dumps(exc))
    except Exception:
        return
    assert (type(made).__name__, str(made)) != (type(exc).__name__, str(exc))


def test_httpx_keeps_request_and_response():
    made = pickle.loads(PROFILE.dumps(caught(no_status)))
    assert (made.response.status_code, made.request.url) == (404, "http://example.org")


def test_requests_keeps_the_reason():
    made = pickle.loads(PROFILE.dumps(caught(lib.requests.get, NOBODY)))
    assert made.request.url == NOBODY
    assert "refused" in str(made.args[0].reason)


def test_the_classes_that_botocore_makes_are_caught_by_their_base():
    made = pickle.loads(PROFILE.dumps(no_such_key()))
    assert isinstance(made, lib.botocore.exceptions.ClientError)
    assert made.response["Error"]["Code"] == "NoSuchKey"
    assert made.operation_name == "GetObject"


def test_pydantic_keeps_the_errors():
    exc = caught(invalid)
    made = pickle.loads(PROFILE.dumps(exc))
    assert made.errors() == exc.errors()


def test_pint_keeps_the_units():
    exc = caught((1 * lib.pint.UnitRegistry().meter).to, "second")
    made = pickle.loads(PROFILE.dumps(exc))
    assert (made.units1, made.units2) == (exc.units1, exc.units2)
