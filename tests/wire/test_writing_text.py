"""Text, numbers and memo indices as lines of protocols 0 and 1; at all, text that is not ASCII."""

from __future__ import annotations

import io
import pickle
import random

import pytest
from engines import Wire

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

TEXTS = [
    "",
    "plain",
    "a\\b\0c\nd\re\x1af",
    "\x7f\x80\xff",
    "Größe",
    "Ключ\\\n",
    "\u0100\uffff",
    "\ud800",  # surrogates, which the strict codec refuses
    "é\udfffя",
    "\ud7ff\ue000",
    "😀 \U0010ffff\\",
    "😀\ud83d",
    "я" * 40_000,  # outside of frames
    "😀" * 20_000 + "\udc00",
    "\\\n" * 3_000,
]

INTS = [
    0,
    9,
    10,
    255,
    256,
    -1,
    -10,
    2**31 - 1,
    2**31,
    -(2**31),
    -(2**31) - 1,
    2**61,
    2**62,
    2**63,
    -(2**63),
    -(2**64),
]
INTS += [2**1999, 2**2000, -(2**2001), 10**600]
FLOATS = [0.0, -0.0, 1.0, 1e16, 1e-7, 0.1, 1e300, -1.5e-300, float("inf"), float("-inf"), float("nan")]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "values", [TEXTS, INTS, FLOATS, [True, False, None]], ids=["text", "int", "float", "rest"]
)
def test_as_c_pickle_alone_and_in_company(wire: Wire, values: list[object], protocol: int):
    for value in values:
        assert wire.dumps(value, protocol) == pickle.dumps(value, protocol)
    for graph in (values, tuple(values), dict.fromkeys(map(repr, values), values), [values, *values]):
        assert wire.dumps(graph, protocol) == pickle.dumps(graph, protocol)
        ours, theirs = io.BytesIO(), io.BytesIO()
        wire.dump(graph, ours, protocol)
        pickle.dump(graph, theirs, protocol)
        assert ours.getvalue() == theirs.getvalue()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_text_is_written_once_more_as_at_first(wire: Wire, protocol: int):
    """The first dump may leave the UTF-8 form on a str, of which the second is a copy."""
    made = [
        "".join(parts)
        for parts in (("Клю", "ч"), ("Grö", "ße"), ("😀", "!"), ("я" * 300, "!"), ("\ud800", "я"))
    ]
    first = wire.dumps(made, protocol)
    assert first == wire.dumps(made, protocol) == pickle.dumps(made, protocol)


@pytest.mark.parametrize("seed", range(20))
def test_text_of_any_characters(wire: Wire, seed: int):
    chosen = random.Random(seed)
    highest = chosen.choice([0x7F, 0xFF, 0x7FF, 0xFFFF, 0x10FFFF])
    texts = [
        "".join(chr(chosen.randint(0, highest)) for _ in range(chosen.randint(0, 60))) for _ in range(30)
    ]
    for protocol in PROTOCOLS:
        assert wire.dumps(texts, protocol) == pickle.dumps(texts, protocol)


def test_indices_of_any_number_of_digits(wire: Wire):
    items = [str(n) for n in range(1200)]
    graph = [items, items[::-1]]
    assert wire.dumps(graph, 0) == pickle.dumps(graph, 0)
