"""Instances with state: the compiled engine takes a short way, which must not be told from the long one.

NEWOBJ, SETITEMS and BUILD are one step there, and the dict of the state is not made unless it is asked for.
"""

from __future__ import annotations

import datetime
import gc
import io
import pickle
import sys

import pytest
from engines import Wire
from graphs import Plain, Record, Slotted, SlottedWithDict
from readings import outcome
from shapes import shape


def same_as_c(wire: Wire, data: bytes) -> object:
    ours, theirs = wire.loads(data), pickle.loads(data)
    assert shape(ours) == shape(theirs)
    return ours


def made(cls: type, **attributes: object):
    instance = object.__new__(cls)
    for name, value in attributes.items():
        setattr(instance, name, value)
    return instance


NEW = b"\x80\x04cgraphs\nPlain\n)\x81\x94"  # memo index 0
STATE = NEW + b"}\x94("  # and 1
SLOTS = b"\x80\x04cgraphs\nSlotted\n)\x81\x94N}\x94("
AB = b"\x8c\x01aK\x01\x8c\x01bK\x02"


class TestTheStateIsThereWhereItIsAskedFor:
    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    @pytest.mark.parametrize("kind", [Plain, Slotted, SlottedWithDict])
    def test_with_the_instance_in_one_graph(self, wire: Wire, kind: type, protocol: int):
        instances = [made(kind, left=n, right=[n]) for n in range(4)]
        states = [instance.__getstate__() for instance in instances] if sys.version_info >= (3, 11) else []
        same_as_c(wire, pickle.dumps([instances, states, instances], protocol))

    def test_after_build(self, wire: Wire):
        instance, state = same_as_c(wire, b"\x80\x04(" + STATE[2:] + AB + b"ubh\x01h\x01t.")[:2]
        assert vars(instance) == state == {"a": 1, "b": 2}
        assert vars(instance) is not state

    def test_inside_of_itself(self, wire: Wire):
        instance = same_as_c(wire, STATE + b"\x8c\x01ah\x01\x8c\x01bK\x02ub.")
        assert instance.a["a"] is instance.a

    def test_as_a_pair_for_slots_with_the_same_dict(self, wire: Wire):
        _, pair, state = same_as_c(
            wire, b"\x80\x04(" + SLOTS[2:] + b"\x8c\x04leftK\x01\x8c\x05rightK\x02u\x86\x94bh\x02h\x01t."
        )
        assert pair[1] is state

    def test_where_nothing_is_built_of_it(self, wire: Wire):
        for end in (b"u.", b"u0.", b"1.", b"t.", b"l.", b"d.", b"ube.", b"(ub.", b"u\x85b.", b"0."):
            for items in (AB, b"", b"K\x01"):
                try:
                    theirs = shape(pickle.loads(STATE + items + end))
                except pickle.UnpicklingError:
                    with pytest.raises(pickle.UnpicklingError):
                        wire.loads(STATE + items + end)
                else:
                    assert shape(wire.loads(STATE + items + end)) == theirs

    def test_as_it_was_although_the_instance_has_changed_since(self, wire: Wire):
        # setattr(instance, "a", 99), and then the state of the first and of a later instance
        change = b"cbuiltins\nsetattr\nh\x00\x8c\x01aKc\x87R0"
        for when in (STATE + AB + b"ub" + change, b"\x80\x04N0" + STATE[2:] + AB + b"ub" + change):
            (first, state) = same_as_c(wire, b"\x80\x04(" + when[2:] + b"h\x01t.")
            assert (first.a, state["a"]) == (99, 1)

    def test_in_a_copy_of_the_memo(self, wire: Wire):
        seen = []

        class Looking(wire.Unpickler):
            def persistent_load(self, pid: object) -> object:
                seen.append(dict(self.memo.copy()[1]))
                return pid

        Looking(io.BytesIO(STATE + b"\x8c\x01aNQ\x8c\x01bK\x02ubNQ0.")).load()
        assert seen[0] == {}
        assert seen[1] == {"a": None, "b": 2}

    def test_in_the_memo_that_a_failed_load_leaves(self, wire: Wire):
        unpickler = wire.Unpickler(io.BytesIO(STATE + AB + b"\xff"))
        with pytest.raises(pickle.UnpicklingError):
            unpickler.load()
        assert unpickler.memo.copy()[1] == {}
        unpickler = wire.Unpickler(io.BytesIO(STATE + AB + b"ub.h\x01."))
        unpickler.load()
        assert unpickler.load() == {"a": 1, "b": 2}


class TestStateGoesWhereItAlwaysWent:
    def test_into_the_dict_past_a_property(self, wire: Wire, monkeypatch):
        monkeypatch.setattr(Record, "name", property(lambda self: "computed"), raising=False)
        for record in wire.loads(
            b"\x80\x04]("
            + 3 * b"cgraphs\nRecord\n)\x81\x94}\x94(\x8c\x04nameK\x01\x8c\x05valueK\x02ub"
            + b"e."
        ):
            assert record.name == "computed"
            assert vars(record) == {"name": 1, "value": 2}

    def test_to_a_setstate_that_appears_in_the_middle(self, wire: Wire, monkeypatch):
        given = []
        monkeypatch.setattr(
            Record,
            "appear",
            lambda: setattr(Record, "__setstate__", lambda _, s: given.append(s)),
            raising=False,
        )
        one = b"cgraphs\nRecord\n)\x81\x94}\x94(\x8c\x04nameK\x01\x8c\x05valueK\x02ub"
        try:
            wire.loads(b"\x80\x04](" + 2 * one + b"cgraphs\nRecord.appear\n)R" + one + b"e.")
        finally:
            del Record.__setstate__
        assert given == [{"name": 1, "value": 2}]

    def test_to_a_setstate_of_the_instance(self, wire: Wire):
        # the first state gives the instance a __setstate__, to which the second goes
        data = NEW + b"}\x8c\x0c__setstate__cbuiltins\nlist\nsb" + b"}(\x8c\x01aK\x01\x8c\x01bK\x02ub."
        assert vars(same_as_c(wire, data)) == {"__setstate__": list}

    def test_with_interned_names(self, wire: Wire):
        name = "".join(["a_name_that", "_is_not_interned"])
        for loaded in wire.loads(pickle.dumps([made(Plain, **{name: n, "b": n}) for n in range(3)])):
            assert next(iter(vars(loaded))) is sys.intern(name)

    def test_when_names_come_twice(self, wire: Wire):
        same_as_c(wire, b"\x80\x04](" + 3 * (STATE[2:] + b"\x8c\x01aK\x01\x8c\x01aK\x02ub") + b"e.")

    @pytest.mark.parametrize("key", [b"K\x01", b"N", b"\x8c\x00", b"\x8c\x08__dict__", b"\x8c\x09__class__"])
    def test_whatever_the_name(self, wire: Wire, key: bytes):
        data = b"\x80\x04](" + 3 * (STATE[2:] + key + b"K\x01\x8c\x01bK\x02ub") + b"e."
        try:
            theirs = [vars(each) for each in pickle.loads(data)]
        except Exception as refused:
            with pytest.raises(type(refused)):
                wire.loads(data)
        else:
            assert [vars(each) for each in wire.loads(data)] == theirs


class TestClassesAreCalled:
    def test_and_init_must_return_none(self, wire: Wire, monkeypatch):
        monkeypatch.setattr(Record, "__init__", lambda self, *args: args or None)
        assert type(wire.loads(b"cgraphs\nRecord\n)R.")) is Record
        with pytest.raises(TypeError, match="__init__"):
            wire.loads(b"cgraphs\nRecord\n(K\x01tR.")

    def test_with_as_many_arguments_as_there_are(self, wire: Wire, monkeypatch):
        monkeypatch.setattr(Record, "__init__", lambda self, *args: setattr(self, "args", args))
        for count in range(12):
            assert wire.loads(b"cgraphs\nRecord\n(" + count * b"K\x01" + b"tR.").args == (1,) * count

    def test_through_their_metaclass(self, wire: Wire, monkeypatch):
        import graphs

        monkeypatch.setattr(graphs.Meta, "__call__", lambda cls, *args: ("called", *args), raising=False)
        monkeypatch.setattr(graphs.MadeByMeta, "__init__", lambda self: None)
        assert wire.loads(b"cgraphs\nMadeByMeta\n(K\x01tR.") == ("called", 1)


class TestDates:
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_of_all_kinds_come_back(self, wire: Wire, protocol: int):
        zone = datetime.timezone(datetime.timedelta(hours=2))
        dates = [datetime.datetime(2024, 1, day, 3, 4, 5, 6, fold=day % 2) for day in range(1, 20)]
        dates += [when.replace(tzinfo=zone) for when in dates]
        dates += [part for when in dates for part in (when.date(), when.time(), when.timetz())]
        stream = pickle.dumps(dates, protocol)
        read, expected = wire.loads(stream), pickle.loads(stream)
        assert read == dates
        # What == does not look at: the fold, the zone; and the hash, which is computed only now.
        assert list(map(repr, read)) == list(map(repr, expected))
        assert list(map(hash, read)) == list(map(hash, expected))
        assert pickle.dumps(read, protocol) == pickle.dumps(expected, protocol)

    def test_are_what_c_pickle_makes_of_their_bytes(self, wire: Wire):
        examples = (
            datetime.date(2024, 2, 29),
            datetime.datetime(2024, 2, 29, 3, 4, 5, 6),
            datetime.time(3, 4, 5),
        )
        for example in examples:
            good = pickle.dumps([example, 1, example.replace()], 4)
            state = example.__reduce__()[1][0]
            for at in range(len(state)):
                for byte in range(256):
                    changed = state[:at] + bytes([byte]) + state[at + 1 :]
                    stream = good.replace(state, changed)
                    assert outcome(wire.loads, stream) == outcome(pickle.loads, stream)
            for other in (b"", state[1:], state + b"\0", *(e.__reduce__()[1][0] for e in examples)):
                stream = b"\x80\x04cdatetime\n%s\nC%c%s\x94\x85\x94R\x94." % (
                    type(example).__name__.encode(),
                    len(other),
                    other,
                )
                assert outcome(wire.loads, stream) == outcome(pickle.loads, stream)

    def test_their_bytes_and_arguments_are_in_the_memo(self, wire: Wire):
        date = datetime.date(2024, 2, 29)
        args = date.__reduce__()[1]
        for _ in range(2):
            data = pickle.dumps((date, date), 4)
            at = data.index(b"R\x94") + 2
            bytes_index = data[:at].count(b"\x94") - 3
            for order in ((0, 1), (1, 0)):
                gets = b"".join(b"h" + bytes([bytes_index + step]) for step in order)
                found = wire.loads(data[:2] + b"(" + data[11:at] + gets + b"t.")
                assert found[0] == date
                assert [found[1 + order.index(0)], found[1 + order.index(1)]] == [args[0], args]
                assert found[1 + order.index(1)][0] is found[1 + order.index(0)]

    def test_impossible_ones_are_refused_as_by_c_pickle(self, wire: Wire):
        good = pickle.dumps([datetime.date(2024, 2, 29), datetime.date(2024, 2, 28)], 4)
        for month in (0, 13, 255):
            bad = good.replace(bytes([0x07, 0xE8, 2]), bytes([0x07, 0xE8, month]))
            with pytest.raises(Exception) as theirs:  # noqa: PT011
                pickle.loads(bad)
            with pytest.raises(type(theirs.value)):
                wire.loads(bad)


class TestDictsOfTheSameKeys:
    def test_are_all_filled(self, wire: Wire):
        for keys in ("abcdef", range(6), [(n, "x") for n in range(6)], ["a", 1, None, b"x", 1.5]):
            dicts = [{key: [n] for key in keys} for n in range(5)]
            assert wire.loads(pickle.dumps(dicts)) == dicts

    def test_are_filled_right_although_an_earlier_one_has_changed(self, wire: Wire, monkeypatch):
        import graphs

        def disturb(earlier: dict[str, object]) -> None:
            earlier.pop("a")
            earlier["z"] = 0

        monkeypatch.setattr(graphs, "function", disturb)
        data = pickle.dumps([{"a": 1, "b": 2, "c": 3}] + [{"a": n, "b": n, "c": n} for n in range(3)], 4)
        first_end = data.index(b"u") + 1
        disturbed = data[:2] + data[11:first_end] + b"cgraphs\nfunction\nh\x01\x85R0" + data[first_end:]
        assert wire.loads(disturbed)[1:] == [{"a": n, "b": n, "c": n} for n in range(3)]

    def test_are_found_by_the_collector(self, wire: Wire):
        for _ in range(2):
            dicts = wire.loads(pickle.dumps([{"a": n, "b": [n], "c": n} for n in range(5)]))
            assert all(map(gc.is_tracked, dicts))


class TestTheCollector:
    @pytest.mark.parametrize("enabled", [True, False])
    def test_is_for_user_code_as_it_was_before(self, wire: Wire, monkeypatch, enabled: bool):
        seen = []
        filler = b"](" + 3000 * b"]" + b"e"

        class Unpickler(wire.Unpickler):
            def find_class(self, module: str, name: str) -> object:
                seen.append(gc.isenabled())
                return super().find_class(module, name)

            def persistent_load(self, pid: object) -> object:
                seen.append(gc.isenabled())
                return pid

        class Watching:
            def __init__(self, *args: object) -> None:
                seen.append(gc.isenabled())

            __setstate__ = append = __setitem__ = __init__

            def __hash__(self) -> int:
                seen.append(gc.isenabled())
                return 1

            def __del__(self) -> None:
                seen.append(gc.isenabled())

        import graphs

        monkeypatch.setattr(graphs, "Plain", Watching)
        watching = b"cgraphs\nPlain\n" + filler + b"0)R"
        parts = (
            watching,
            watching + b"}b",
            watching + b"K\x01a",
            watching + b"K\x01K\x01s",
            b"K\x01Q",
            watching + b"0",
        )
        parts += (b"\x8f(" + watching + b"\x90", b"}" + watching + b"K\x01s", b"](" + watching + b"e")
        (gc.enable if enabled else gc.disable)()
        try:
            for part in parts:
                Unpickler(io.BytesIO(b"\x80\x04](" + filler + part + b"e.")).load()
                wire.loads(b"\x80\x04](" + filler + part.replace(b"K\x01Q", b"N") + b"e.")
                with pytest.raises(EOFError):
                    wire.loads(b"\x80\x04](" + filler + part.replace(b"K\x01Q", b"N"))
                assert gc.isenabled() == enabled
        finally:
            gc.enable()
        assert len(seen) > 20
        assert set(seen) == {enabled}

    @pytest.mark.parametrize("then", [b"X\3\0\0\0keyNs", b"(X\3\0\0\0keyNu", b"(X\1\0\0\0aNX\3\0\0\0keyNu"])
    def test_is_on_where_text_meets_a_key_that_has_a_say(self, wire: Wire, monkeypatch, then: bytes):
        seen = []

        class SameHash:
            def __hash__(self) -> int:
                return hash("key")

            def __eq__(self, other: object) -> bool:
                seen.append(gc.isenabled())
                return False

        import graphs

        monkeypatch.setattr(graphs, "Plain", SameHash)
        filler = b"](" + 3000 * b"]" + b"e"
        made = b"\x80\x04](" + filler + b"}cgraphs\nPlain\n)R" + filler + b"s" + filler + b"0" + then + b"e."
        assert len(wire.loads(made)[1]) == then.count(b"N") + 1
        assert seen
        assert all(seen)
