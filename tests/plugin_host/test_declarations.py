"""Records are frozen, equal by their fields, and refuse what cannot be meant with an error that teaches."""

from __future__ import annotations

import copy
import functools
import linecache
import pickle
import re
import types
from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from pickle import PickleBuffer
from typing import Protocol
from unittest import mock

import pytest

from brinery import NameTable, Option, Override, PersistentScheme, Reducer, Shape, TextRule
from brinery.errors import DeclarationError
from brinery.plan import NATIVE_TYPES
from brinery.records import Record


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
    assert repr(record) == (
        "Reducer(target='fractions:Fraction', reduce='builtins:str', subclasses=False, "
        "protocol=False, emits=None)"
    )


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


# Where a record was made


@pytest.mark.parametrize(
    "make",
    [
        lambda: Reducer(dict, reduce),
        lambda: Override(3, reduce),  # type: ignore[arg-type]
        lambda: PersistentScheme("A", reduce),
        lambda: NameTable("", {}),
        lambda: NameTable("t", {"a": 3}),  # type: ignore[dict-item]
        lambda: Option("x", int, "1", "help"),
    ],
)
def test_a_refusal_names_the_file_and_line_of_the_plugin(make: Callable[[], object]) -> None:
    line = make.__code__.co_firstlineno
    with pytest.raises(DeclarationError, match=re.escape(f"(at {__file__}:{line})")):
        make()


def test_a_record_knows_where_it_was_made_and_is_equal_all_the_same() -> None:
    one = Reducer(Fraction, reduce)
    two = Reducer(Fraction, reduce)
    file, _, line = one.place.rpartition(":")
    assert file == __file__
    assert "one = Reducer" in (linecache.getline(file, int(line)))
    assert one.place != two.place
    assert one == two


# What can be seen when a record is made


def test_a_class_where_a_module_is_meant_is_shown_both_ways_to_write_it() -> None:
    with pytest.raises(
        DeclarationError,
        match=r"For a class write 'oldhome:Sample'; if it is a module, write 'oldhome\.Sample:'",
    ):
        NameTable("x", {"oldhome.Sample": "newhome.Sample"})
    assert NameTable("x", {"oldhome.Sample:": "newhome.Sample:"}).read == {"oldhome.Sample": "newhome.Sample"}
    assert NameTable("x", {"oldhome:Sample": "newhome:Sample"}).read == {"oldhome:Sample": "newhome:Sample"}


@pytest.mark.parametrize("module", ["Queue", "PIL.Image", "xml.dom", "numpy.core", "a.HTML"])
def test_what_does_not_look_like_a_class_is_a_module(module: str) -> None:
    assert NameTable("x", {module: module}).read == {module: module}


@pytest.mark.parametrize("name", ["a..b", ".a", "a:", "a b", "a:b c", "a:b..c"])
def test_a_name_has_no_empty_parts_and_no_blanks(name: str) -> None:
    with pytest.raises(DeclarationError):
        NameTable("x", {name: "a:b"})


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda: "", "called with the object"),
        (lambda a, b: "", "with protocol=True it is given the protocol too"),
        (lambda a, *, b: "", "does not fit"),
        (lambda a, b, c: "", "does not fit"),
    ],
)
def test_a_function_takes_what_it_will_be_called_with(function: Callable[..., object], text: str) -> None:
    with pytest.raises(DeclarationError, match=text):
        Reducer(Fraction, function)


@pytest.mark.parametrize(
    "function",
    [
        lambda a: "",
        lambda a, b=1: "",
        lambda *a: "",
        lambda a, *, b=1: "",
        str,
        len,
        functools.partial(pow, 2),
    ],
)
def test_whatever_can_be_called_so_is_accepted(function: Callable[..., object]) -> None:
    Reducer(Fraction, function)


def test_with_the_protocol_it_takes_two() -> None:
    Reducer(Fraction, lambda a, protocol: "", protocol=True)
    with pytest.raises(DeclarationError, match="the object and the protocol"):
        Reducer(Fraction, lambda a: "", protocol=True)
    with pytest.raises(DeclarationError, match="True or False"):
        Reducer(Fraction, lambda a: "", protocol=5)  # type: ignore[arg-type]


def test_a_function_that_is_async_or_yields_is_refused() -> None:
    async def slow(obj: object) -> str:
        return ""

    def yielding(obj: object) -> object:
        yield ""

    with pytest.raises(DeclarationError, match="async"):
        Reducer(Fraction, slow)
    with pytest.raises(DeclarationError, match="it yields"):
        Override(Fraction, yielding)


def test_a_method_is_counted_without_its_object() -> None:
    class Plugin:
        def reduce(self, obj: object) -> str:
            return ""

    Reducer(Fraction, Plugin().reduce)


def test_an_opener_takes_the_url_and_perhaps_more() -> None:
    PersistentScheme("redis", lambda url: None)
    PersistentScheme("redis", lambda url, *, database=0, **more: None)
    PersistentScheme("redis", lambda url, tables: None)
    with pytest.raises(DeclarationError, match="called with the URL"):
        PersistentScheme("redis", lambda: None)


def test_emits_is_a_list_of_dotted_names() -> None:
    assert Reducer(Fraction, reduce, emits=["fractions:Fraction"]).emits == ("fractions:Fraction",)
    assert Override(Fraction, reduce).emits is None
    with pytest.raises(DeclarationError, match=r"list of globals' dotted names"):
        Reducer(Fraction, reduce, emits="fractions:Fraction")
    with pytest.raises(DeclarationError, match=r"no dotted name"):
        Reducer(Fraction, reduce, emits=["fractions.Fraction"])


@pytest.mark.parametrize("target", ["builtins:int", "builtins:dict", "builtins:type", "builtins:len"])
def test_a_target_that_will_not_do_is_told_at_once_though_it_is_a_name(target: str) -> None:
    with pytest.raises(DeclarationError, match=r"test_declarations\.py:\d+\)$"):
        Reducer(target, str)


def test_a_name_table_without_a_name() -> None:
    with pytest.raises(DeclarationError, match=r"has no name: .*test_declarations\.py:\d+\)$"):
        NameTable("empty", {})


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: Reducer("a:B"),
            "Reducer(…) wants reduce too: it is made by Reducer(target, reduce, *, subclasses",
        ),  # type: ignore[call-arg]
        (lambda: Reducer(), "wants target and reduce too"),  # type: ignore[call-arg]
        (lambda: Reducer("a:B", "c:d", subclass=True), "has no 'subclass'; did you mean 'subclasses'?"),  # type: ignore[call-arg]
        (lambda: Override("a:B", "c:d", True), "takes 2 values by position, not 3"),  # type: ignore[misc]
        (lambda: Option("level", int, 3), "Option(…) wants help too"),  # type: ignore[call-arg]
        (lambda: Option("level", int, 3, "how deep", name="x"), "is given 'name' twice"),  # type: ignore[misc]
        (lambda: NameTable(), "wants title too"),  # type: ignore[call-arg]
        (lambda: NameTable("moved", reed={}), "has no 'reed'; did you mean 'read'?"),  # type: ignore[call-arg]
        (lambda: PersistentScheme("redis"), "wants open too"),  # type: ignore[call-arg]
        (lambda: Shape(), "wants target too"),  # type: ignore[call-arg]
        (lambda: TextRule("a:B", attribs={}), "has no 'attribs'; did you mean 'attributes'?"),  # type: ignore[call-arg]
    ],
)
def test_a_field_that_is_missing_or_misspelt_is_named_with_the_plugins_line(
    make: Callable[[], object], text: str
) -> None:
    line = make.__code__.co_firstlineno
    with pytest.raises(DeclarationError, match=re.escape(text)) as caught:
        make()
    assert str(caught.value).endswith(f"(at {__file__}:{line})")
    assert caught.value.__context__ is None


def test_a_type_error_within_a_constructor_stays_one() -> None:
    class Stamp(Record):
        def __init__(self, target: str) -> None:
            self._fill(target=len(target))  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="object of type 'int' has no len"):
        Stamp(3)  # type: ignore[arg-type]


RECORDS = [
    Reducer("fractions:Fraction", reduce, emits=["a:b"]),
    Override(Fraction, "a:b"),
    Option("level", dict, {"a": 1}, "how deep"),
    NameTable("moved", {"a:B": "c:D"}, stand_ins={"a:C": reduce}, gone={"a:E": "for good"}),
    PersistentScheme("redis", "a:b"),
    Shape("a:B", defaults={"x": 1}),
    TextRule("a:B", {"x": "bytes"}),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_copied_and_pickled_as_what_it_is(record: Record) -> None:
    assert copy.copy(record) is record
    assert copy.deepcopy([record])[0] is record
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(record, protocol))
        assert again == record
        assert again.place == record.place
        assert repr(again) == repr(record)
        with pytest.raises(AttributeError, match="frozen"):
            again.target = int


def test_a_class_written_with_a_dot_is_no_name_that_is_gone() -> None:
    with pytest.raises(
        DeclarationError, match=r"gone=…\) holds 'shop.models.Order'.*write 'shop.models:Order'"
    ):
        NameTable("shop", gone={"shop.models.Order": "it is a Purchase now"})
    table = NameTable("shop", gone={"PIL.Image:": "renamed"})
    assert dict(table.gone) == {"PIL.Image": "renamed"}
    with pytest.raises(DeclarationError, match="names to reasons"):
        NameTable("shop", gone={"shop:Order": ""})
