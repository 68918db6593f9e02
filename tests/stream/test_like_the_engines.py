"""The disassembler and the engines agree on what a stream is: seeded damage to sound pickles."""

import collections
import io
import pickle
import random
import warnings

import pytest

from brinery.errors import ReadError
from brinery.stream import disassemble


class Anything:
    """What every global is, so that no damage reaches into this process."""

    def __init__(self, *arguments):
        self.arguments = arguments


class ByReference(pickle.Pickler):
    def persistent_id(self, obj):
        return str(obj) if isinstance(obj, float) else None


GRAPHS = [
    {"a": [1, 2.5, "x" * 40, b"y", (1, 2), {3}, None, 10**30, frozenset("q")], "é": [[], True]},
    [Anything(1), Anything([Anything()]), collections.OrderedDict(a=1), ByReference],
    list(range(30)),
    ("a", ("b", ("c", ()))),
]
CLOSING = b"0().aeslutdopqrghjb\x85\x86\x87\x93\x94\x81\x90\x91NKQRP"


def pickled(graph, protocol):
    file = io.BytesIO()
    ByReference(file, protocol).dump(graph)
    return file.getvalue()


def damaged(data, choose):
    """`data` with a few bytes changed, taken out or put in."""
    data = bytearray(data)
    for _ in range(choose.randint(1, 2)):
        at = choose.randrange(len(data))
        how = choose.random()
        if how < 0.6:
            data[at] = choose.randrange(256)
        elif how < 0.8:
            del data[at : at + choose.randint(1, 3)]
        else:
            data[at:at] = bytes([choose.choice(CLOSING)])
    return bytes(data)


def first_pickle(data):
    """Where the first pickle ends, or None where there is a fault before."""
    try:
        return next(i.offset + 1 for i in disassemble(data) if i.opcode.name == "STOP")
    except ReadError:
        return None


def loaded(wire, data):
    """Where a load stops reading, or None where it fails."""
    file = io.BufferedReader(io.BytesIO(data))  # which has peek; others are read to the end of a frame
    unpickler = wire.Unpickler(file, encoding="latin1")
    unpickler.find_class = lambda module, name: Anything
    unpickler.persistent_load = lambda identity: identity
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as an invalid escape sequence
            unpickler.load()
    except Exception:
        return None
    return file.tell()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_an_engine_loads_the_disassembler_reads_to_the_same_end(wire, protocol):
    choose = random.Random(protocol)
    sound = [pickled(graph, protocol) for graph in GRAPHS]
    ends = collections.Counter()
    for data in sound + [damaged(choose.choice(sound), choose) for _ in range(400)]:
        end = loaded(wire, data)
        ends[end is not None] += 1
        if end is not None:
            assert first_pickle(data) == end, data
    assert min(ends[True], ends[False]) > 20  # both kinds were there
