"""Records are frozen, equal by their fields, and refuse what cannot be meant with an error that teaches."""

from __future__ import annotations

import types
from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from pickle import PickleBuffer
from typing import Protocol
from unittest import mock

import pytest

from brinery import NameTable, Override, PersistentScheme, Reducer
from brinery.errors import DeclarationError
from brinery.plan import NATIVE_TYPES


def reduce(obj: object) -> str:
    return ""


def test_records_are_frozen() -> None:
    record = Reducer(Fraction, reduce)
    with pytest.raises(AttributeError, match="frozen"):
        record.target = int  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        del record.target


def test_records_with_equal_fields_are_equal_and_hash_alike() -> None:
    assert Reducer(Fraction, reduce) == Reducer(Fraction, reduce)
    assert hash(Reducer(Fraction, reduce)) == hash(Reducer(Fraction, reduce))
    assert Reducer(Fraction, reduce) != Reducer(Fraction, reduce, subclasses=True)
    assert Override(Fraction, reduce) != Reducer(Fraction, reduce)
    assert NameTable("t", {"a": "b"}) == NameTable("t", {"a": "b"})
    assert Reducer(Fraction, reduce) == mock.ANY  # what it knows nothing of is asked too


def test_a_record_can_be_matched_by_position() -> None:
    match Override(Fraction, reduce):
        case Override(target, function):
            assert (target, function) == (Fraction, reduce)
        case _:
            pytest.fail("no match")


def test_a_record_shows_its_fields() -> None:
    record = Reducer("fractions:Fraction", "builtins:str")
    assert repr(record) == "Reducer(target='fractions:Fraction', reduce='builtins:str', subclasses=False)"


def test_a_name_table_keeps_a_copy_that_cannot_be_changed() -> None:
    names = {"old": "new"}
    table = NameTable("t", names)
    names["old"] = "newer"
    assert table.read == {"old": "new"}
    with pytest.raises(TypeError):
        table.read["x"] = "y"  # type: ignore[index]


@pytest.mark.parametrize("kind", [Reducer, Override])
@pytest.mark.parametrize("own", sorted(NATIVE_TYPES, key=lambda cls: cls.__name__))
def test_the_formats_own_data_types_are_refused(kind: Callable[..., object], own: type) -> None:
    with pytest.raises(DeclarationError, match=f"{own.__name__} is one of the format's own data types"):
        kind(own, reduce)


def test_a_subclass_of_a_data_type_may_be_declared() -> None:
    assert Reducer(OrderedDict, reduce).target is OrderedDict


@pytest.mark.parametrize("never_asked", [types.FunctionType, type])
def test_a_reducer_that_would_never_be_asked_is_refused_and_named_an_override(never_asked: type) -> None:
    with pytest.raises(DeclarationError, match="declare an Override"):
        Reducer(never_asked, reduce)
    Override(never_asked, reduce)


def test_a_target_without_a_colon_is_shown_how_to_write_it() -> None:
    with pytest.raises(DeclarationError, match="'numpy:ndarray'"):
        Reducer("numpy.ndarray", reduce)
    with pytest.raises(DeclarationError, match=r"no dotted name; write it as in 'package\.module:Class'"):
        Reducer("numpy:", reduce)


def test_a_function_is_no_target() -> None:
    with pytest.raises(DeclarationError, match=r"Override\(types.FunctionType"):
        Override(reduce, reduce)  # type: ignore[arg-type]


def test_a_protocol_that_is_not_for_run_time_is_no_target() -> None:
    class Closing(Protocol):
        def close(self) -> None: ...

    with pytest.raises(DeclarationError, match="does not tell which classes belong to it"):
        Reducer(Closing, reduce, subclasses=True)


@pytest.mark.parametrize("wrong", [3, None, "no_colon"])
def test_a_reducer_wants_a_function_or_its_dotted_name(wrong: object) -> None:
    with pytest.raises(DeclarationError, match=r"package\.module:function"):
        Reducer(Fraction, wrong)  # type: ignore[arg-type]


def test_subclasses_is_a_bool() -> None:
    with pytest.raises(DeclarationError, match="True or False"):
        Reducer(Fraction, reduce, subclasses="yes")  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["", "SQLite", "1a", "a:b", "a b", 3])
def test_a_scheme_has_the_form_that_urls_want(wrong: str) -> None:
    with pytest.raises(DeclarationError, match="no name for a PersistentScheme"):
        PersistentScheme(wrong, reduce)


def test_a_scheme_wants_an_opener() -> None:
    with pytest.raises(DeclarationError, match=r"PersistentScheme\(open=3\): it wants a function"):
        PersistentScheme("redis", 3)  # type: ignore[arg-type]


def test_a_scheme_may_have_digits_and_signs() -> None:
    assert PersistentScheme("s3+https", reduce).name == "s3+https"


@pytest.mark.parametrize("names", [{"a": ""}, {"a:b:c": "a:b"}, {"a": "b:c"}, {"a:b": "c"}, {3: "a"}, ["a"]])
def test_a_name_goes_to_a_name_of_its_kind(names: object) -> None:
    with pytest.raises(DeclarationError, match=r"NameTable\(read=…\)"):
        NameTable("t", names)  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match=r"NameTable\(write=…\)"):
        NameTable("t", {}, write=names)  # type: ignore[arg-type]


def test_an_era_is_one_of_two() -> None:
    with pytest.raises(DeclarationError, match="'always' or 'python2'"):
        NameTable("t", {}, era="python3")  # type: ignore[arg-type]


def test_a_name_table_wants_a_title() -> None:
    with pytest.raises(DeclarationError, match="title"):
        NameTable("", {})


def test_pickle_buffers_are_data() -> None:
    with pytest.raises(DeclarationError):
        Override(PickleBuffer, reduce)
