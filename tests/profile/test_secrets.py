"""A password in a URL is never in a message, a repr, a report, an explanation or a fingerprint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from throwaway import declaring, make_plugin

import brinery
from brinery import NameTable, Option, PersistentScheme, Profile, Reducer, Shape, TextRule
from brinery.errors import PluginError, StoreError
from brinery.urls import redacted

SECRET = "hunter2"


class Shop:
    claims = ("fractions:Fraction",)

    def persistent_id(self, obj: object) -> None:
        return None

    def persistent_load(self, key: object) -> None:
        return None


URLS = [
    f"shop://anna:{SECRET}@host/db",
    f"shop://:{SECRET}@host/db",
    f"shop://anna:{SECRET}%20more@host",
    f"shop://anna:a@{SECRET}/b@host/db",
    f"shop://host/db?user=anna&password={SECRET}",
    f"shop://host/db?sslmode=require;access_token={SECRET}&x=1",
    f"shop://host/db?pw={SECRET}",
    f"shop://host/db?sig={SECRET}&x=1",
    f"shop://host/db?auth={SECRET}",
    f"shop://{SECRET}@host/db",
    f"shop://host/db#{SECRET}",
    f"shop+tls://anna:{SECRET}@[::1]:5432/db?api_key={SECRET}",
]


@pytest.fixture
def profile() -> Profile:
    return Profile(
        [
            declaring(
                "shop",
                PersistentScheme("shop", lambda url: Shop()),
                PersistentScheme("shop+tls", lambda url: Shop()),
                PersistentScheme("list", lambda url: [url]),
            )
        ]
    )


@pytest.mark.parametrize("url", URLS)
def test_it_is_in_nothing_that_is_shown(profile: Profile, url: str) -> None:
    with profile.bind(shop=url) as bound:
        shown = [
            repr(bound),
            str(bound.report()),
            str(bound.explain("fractions:Fraction")),
            repr(bound.report()),
        ]
        shown.append(repr(bound.explain("fractions:Fraction")))
    assert not any(SECRET in text for text in shown)
    assert "***" in shown[0]
    assert "***" in shown[-1]


@pytest.mark.parametrize("url", URLS)
def test_it_is_in_no_error(profile: Profile, url: str) -> None:
    for wrong in (
        url.replace("shop", "shoop", 1),
        f"list{url.removeprefix('shop').removeprefix('+tls')}",
        url[7:],
    ):
        with pytest.raises(StoreError) as caught:
            profile.open_store(wrong)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", [f"sqlite://anna:{SECRET}@host/db", f"sqlite:///a.db?password={SECRET}"])
def test_it_is_in_no_error_of_the_embedded_store(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        Profile.plain().open_store(url)
    assert SECRET not in str(caught.value)


def test_it_is_in_no_report_of_options() -> None:
    plugin = make_plugin("p", options=lambda: [Option("url", str, f"redis://:{SECRET}@host", "where")])
    assert SECRET not in repr(Profile([plugin]).report())


def test_a_fingerprint_tells_urls_apart_but_not_by_their_passwords(profile: Profile) -> None:
    prints = []
    for url in ("shop://anna:one@host/db", "shop://anna:two@host/db", "shop://anna:one@other/db"):
        with profile.bind(shop=url) as bound:
            prints.append(bound.fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_an_option_that_is_a_url_is_one_whatever_its_password() -> None:
    def reducers(options: object) -> Iterator[Reducer]:
        yield Reducer("fractions:Fraction", str)

    plugin = make_plugin("p", options=lambda: [Option("url", str, "", "where")], reducers=reducers)
    prints = [
        Profile([plugin], options={"p": {"url": f"redis://:{word}@host"}}).fingerprint for word in ("a", "b")
    ]
    assert prints[0] == prints[1]


def test_whatever_the_query_is_called(profile: Profile) -> None:
    with profile.bind(shop=f"shop://host/db?anything={SECRET}") as bound:
        assert repr(bound).endswith("stores: shop=shop://host/db?anything=***>")


class Odd(Exception):
    def __init__(self, url: str) -> None:
        super().__init__("odd")
        self.url = url

    def __str__(self) -> str:
        return f"odd: {self.url}"


def failing(kind: str, url: str) -> None:
    if kind == "odd":
        raise Odd(url)
    if kind == "part":
        raise OSError(5, f"no login with {SECRET}")
    try:
        raise ConnectionError(f"cannot reach {url}")
    except ConnectionError as error:
        error.add_note(f"it was {url}")
        raise ValueError(url) from (error if kind == "cause" else None)


@pytest.mark.parametrize("kind", ["odd", "part", "cause", "context"])
def test_it_is_in_no_error_of_the_opener(kind: str) -> None:
    import traceback

    profile = Profile([declaring("shop", PersistentScheme("shop", lambda url: failing(kind, url)))])
    with pytest.raises(Exception, match=r"\*\*\*") as caught:
        profile.bind(shop=f"shop://anna:{SECRET}@host/db")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert type(caught.value) is {"odd": StoreError, "part": StoreError}.get(kind, ValueError)


URL = f"redis://anna:{SECRET}@host/0"
SCHEMES = declaring("a", PersistentScheme("redis", "a:b"))

IN_THE_PLACE_OF_A_NAME: dict[str, Any] = {
    "a scheme": lambda: PersistentScheme(URL, "a:b"),
    "an opener": lambda: PersistentScheme("redis", URL),
    "a class": lambda: Reducer(URL, "a:b"),
    "a module": lambda: NameTable("moved", {URL: "a"}),
    "a shape's class": lambda: Shape(URL, defaults={"x": 1}),
    "an encoding": lambda: TextRule("a:B", {"x": URL}),
    "a number": lambda: Option("x", int, URL, "what for"),
    "a key of prefer": lambda: Profile([SCHEMES], prefer={f"scheme:{URL}": "a"}),
    "a plugin in prefer": lambda: Profile([SCHEMES], prefer={"scheme:redis": URL}),
    "prefer": lambda: Profile([SCHEMES], prefer=URL),  # type: ignore[arg-type]
    "a plugin in without": lambda: Profile([SCHEMES], without={URL}),
    "without": lambda: Profile([SCHEMES], without=URL),
    "a plugin": lambda: Profile([URL]),
    "plugins": lambda: Profile(URL),
    "a plugin in options": lambda: Profile([SCHEMES], options={URL: {}}),
    "an option": lambda: Profile([SCHEMES], options={"a": {URL: 1}}),
    "a plugin's own name": lambda: Profile([declaring(URL, PersistentScheme("redis", "a:b"))]),
    "an engine": lambda: Profile([SCHEMES], engine=URL),
    "a profile": lambda: brinery.set_default_profile(URL),  # type: ignore[arg-type]
    "a profile to check with": lambda: brinery.check(1, profile=URL),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("act", IN_THE_PLACE_OF_A_NAME.values(), ids=IN_THE_PLACE_OF_A_NAME)
def test_it_is_in_no_error_where_a_url_was_given_in_the_place_of_something_else(act: Any) -> None:
    with pytest.raises((PluginError, TypeError, ValueError)) as caught:
        act()
    assert SECRET not in str(caught.value)
    assert "***" in str(caught.value)


def test_it_is_in_no_repr_of_a_record_and_in_no_explanation() -> None:
    assert SECRET not in repr(Option("url", str, URL, "where"))
    for name in (URL, f"scheme:{URL}"):
        explanation = Profile([SCHEMES]).explain(name)
        assert SECRET not in str(explanation)
        assert SECRET not in repr(explanation)


def test_what_is_no_secret_stays() -> None:
    for text in ("sqlite:///shop.db?on_new=insert", "redis://host:6379/0", "just words", "a=b", "anna@host"):
        assert redacted(text) == text
