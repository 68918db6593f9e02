"""brinery.dumps and the rest use the default profile, which an application may set."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from throwaway import Installation, declaring

import brinery
from brinery import NameTable, Profile, Reducer

HALF = Fraction(1, 2)


def saying(text: str) -> Profile:
    def reduce(obj: object) -> tuple[object, ...]:
        return str, (text,)

    return Profile(
        [declaring(text, Reducer(Fraction, reduce), NameTable(text, {"moved": f"{__name__}.{text}"}))]
    )


ONE, TWO = saying("one"), saying("two")


@pytest.fixture(autouse=True)
def plain_at_first() -> Iterator[None]:
    with brinery.set_default_profile(Profile.plain()):
        yield


def everywhere(obj: object) -> list[object]:
    """`obj` through each of the functions and classes of the drop-in face."""
    files = [io.BytesIO() for _ in range(3)]
    brinery.dump(obj, files[0])
    brinery.Pickler(files[1]).dump(obj)
    brinery._dump(obj, files[2])
    streams = [brinery.dumps(obj), brinery._dumps(obj), *(file.getvalue() for file in files)]
    return [brinery.loads(data) for data in streams]


def test_setting_it_counts_from_the_next_call_on_everywhere() -> None:
    assert everywhere(HALF) == [HALF] * 5
    brinery.set_default_profile(ONE)
    assert everywhere(HALF) == ["one"] * 5
    brinery.set_default_profile(TWO)
    assert everywhere(HALF) == ["two"] * 5
    assert brinery.default_profile() is TWO


def test_loading_uses_it_too() -> None:
    stream = b"cmoved\nname\n."
    loaders = [
        lambda: brinery.loads(stream),
        lambda: brinery.load(io.BytesIO(stream)),
        lambda: brinery.Unpickler(io.BytesIO(stream)).load(),
        lambda: brinery._loads(stream),
        lambda: brinery._load(io.BytesIO(stream)),
    ]
    with brinery.set_default_profile(ONE):
        for load in loaders:
            with pytest.raises(ModuleNotFoundError, match=rf"{__name__}\.one|{__name__.split('.')[0]}"):
                load()
    for load in loaders:
        with pytest.raises(ModuleNotFoundError, match="moved"):
            load()


def test_as_a_context_manager_it_puts_the_old_one_back() -> None:
    with brinery.set_default_profile(ONE):
        with brinery.set_default_profile(TWO):
            assert brinery.loads(brinery.dumps(HALF)) == "two"
        assert brinery.loads(brinery.dumps(HALF)) == "one"
        with pytest.raises(KeyError), brinery.set_default_profile(TWO):
            raise KeyError
        assert brinery.loads(brinery.dumps(HALF)) == "one"
    assert brinery.loads(brinery.dumps(HALF)) == HALF


def test_a_pickler_keeps_the_profile_that_it_was_made_with() -> None:
    file = io.BytesIO()
    with brinery.set_default_profile(ONE):
        pickler = brinery.Pickler(file)
    pickler.dump(HALF)
    assert brinery.loads(file.getvalue()) == "one"


def test_a_subclass_uses_it_as_well() -> None:
    class Pickler(brinery.Pickler):
        pass

    file = io.BytesIO()
    with brinery.set_default_profile(ONE):
        Pickler(file).dump(HALF)
    assert brinery.loads(file.getvalue()) == "one"


def test_none_is_all_installed_plugins_again() -> None:
    with brinery.set_default_profile(None):
        assert brinery.default_profile() is brinery.default_profile()
        assert brinery.loads(brinery.dumps(HALF)) == HALF


@pytest.mark.parametrize("wrong", ["labkit", ["labkit"], Profile, 3])
def test_anything_but_a_profile_is_a_type_error_at_once(wrong: object) -> None:
    with pytest.raises(TypeError, match="wants a Profile or None"):
        brinery.set_default_profile(wrong)  # type: ignore[arg-type]
    assert brinery.loads(brinery.dumps(HALF)) == HALF


def test_a_plugins_name_is_shown_how_to_make_a_profile_of_it() -> None:
    with pytest.raises(TypeError, match=r"set_default_profile\(brinery.Profile\(\['labkit'\]\)\)"):
        brinery.set_default_profile("labkit")  # type: ignore[arg-type]


def test_what_comes_between_its_composition_has_no_plugins_and_what_follows_has(tmp_path: Path) -> None:
    """A signal's handler, or a finalizer, may pickle while the default profile is composed."""
    code = """
        import io
        import brinery
        from brinery import profile
        class Interrupted(profile.Profile):
            def __init__(self):
                brinery.dumps(1), brinery.loads(b"N.")
                brinery.Pickler(io.BytesIO()), brinery.Unpickler(io.BytesIO())
                super().__init__([])
        profile.Profile = Interrupted
        composed = brinery.default_profile()
        print(brinery.Pickler._plan_source() is composed.write_plan)
        print(brinery.Unpickler._plan_source() is composed.read_plan)
        """
    assert Installation(tmp_path).out(textwrap.dedent(code)).split() == ["True", "True"]
