"""The table of kinds is all that the host knows: one is added by a record, a hook, a row and a place."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping

import pytest

from brinery import Profile, hookimpl, hookspecs
from brinery.errors import DeclarationError, PluginConflict
from brinery.plugin_host import checks, kinds
from brinery.plugin_host.kinds import Kind
from brinery.plugin_host.places import BySubject, Fields
from brinery.records import Record, Statement


class Stamp(Record):
    """A made-up kind: the version that objects of a class are stamped with."""

    __slots__ = ("number", "target")
    __match_args__ = ("target", "number")
    target: str
    number: int

    def __init__(self, target: str, number: int) -> None:
        self._fill(target=target, number=number)

    def statements(self) -> Iterator[Statement]:
        yield Statement(self.target, "", self.number)

    def describe(self) -> str:
        return f"stamp {self.target}: {self.number}"


class Stamps(BySubject):
    """Its place: a mapping that the profile itself uses."""

    def fields(self) -> Fields:
        chosen = {target: self.settled(Stamp, target) for _, target in self._claims}
        return Fields(
            stamps={
                target: settled.chosen[0].declared.number
                for target, settled in chosen.items()
                if settled is not None and settled.chosen
            }
        )


@pytest.fixture(autouse=True)
def stamped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def brinery_stamps(options: Mapping[str, object]) -> Iterable[Stamp]:
        raise NotImplementedError

    hooks = (*hookspecs.HOOKS, "brinery_stamps")
    monkeypatch.setattr(hookspecs, "brinery_stamps", hookspecs.hookspec(brinery_stamps), raising=False)
    monkeypatch.setattr(hookspecs, "HOOKS", hooks)
    monkeypatch.setattr(checks, "HOOKS", hooks)
    row = Kind(
        "stamp",
        "stamp",
        Stamp,
        "brinery_stamps",
        ("options",),
        "a stamp for {subject}",
        "one",
        f"{__name__}:Stamps",
    )
    kinds.KINDS.append(row)
    yield
    kinds.KINDS.remove(row)


def stamping(name: str, *stamps: object) -> types.ModuleType:
    plugin = types.ModuleType(name)
    plugin.brinery_stamps = hookimpl(lambda: list(stamps))  # type: ignore[attr-defined]
    return plugin


A = stamping("a", Stamp("shop:Order", 2))


def test_it_lands_in_the_profile() -> None:
    assert Profile([A])._composition.profile["stamps"] == {"shop:Order": 2}


def test_it_is_reported_fingerprinted_and_explained() -> None:
    profile = Profile([A])
    (report,) = [plugin for plugin in profile.report().plugins if plugin.name == "a"]
    assert report.declares == {"stamp": 1}
    assert report.records == ("stamp shop:Order: 2",)
    assert report.hooks == ("brinery_stamps",)
    assert profile.fingerprint != Profile([stamping("a", Stamp("shop:Order", 3))]).fingerprint
    (say,) = profile.explain("shop:Order").says
    assert (say.kind, say.plugin.name, say.rule) == ("stamp", "a", "the only one")


def test_its_conflicts_are_settled_like_others() -> None:
    b = stamping("b", Stamp("shop:Order", 3))
    with pytest.raises(
        PluginConflict, match=r"a stamp for shop:Order(.|\n)*prefer={'stamp:shop:Order': 'a'}"
    ):
        Profile([A, b])
    settled = Profile([A, b], prefer={"stamp:shop:Order": "b"})
    assert settled._composition.profile["stamps"] == {"shop:Order": 3}


def test_its_records_are_checked() -> None:
    with pytest.raises(DeclarationError, match="brinery_stamps wants a Stamp"):
        Profile([stamping("a", "a text")])
    with pytest.raises(DeclarationError, match="declares a stamp for shop:Order twice"):
        Profile([stamping("a", Stamp("shop:Order", 2), Stamp("shop:Order", 3))])
