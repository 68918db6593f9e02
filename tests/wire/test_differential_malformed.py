"""Malformed streams: refused as C pickle refuses them, in its words, from bytes and from a file."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable

import pytest
from engines import Wire
from outcomes import stdlib_type

from brinery import cpython

# fmt: off
MALFORMED = [
    b"\x80\x03cmath\nspam\n.",
    b"", b".", b"N", b"(.", b"0.", b"(N1.", b"1.", b"(", b"2.", b"a.", b"Na.", b"]a.", b"(a.", b"](a.",
    b"e.", b"](e.", b"(e.", b"N(Ne.", b"s.", b"}s.", b"}Ns.", b"u.", b"}(Nu.", b"(Nd.", b"(NNNd.",
    b"}(]Nu.", b"}]Ns.", b"\x90.", b"\x8f(]\x90.", b"(]\x91.", b"N(N\x90.", b"\x85.", b"N\x86.",
    b"NN\x87.", b"R.", b"NR.", b"NNR.", b"N)R.", b"cbuiltins\nint\nNR.", b"cbuiltins\nint\n]R.", b"b.",
    b"Nb.", b"NNb.", b"N}Nb.", b"ccollections\nOrderedDict\n)RK\x01b.", b"cgraphs\nPlain\n)RK\x01b.",
    b"cgraphs\nPlain\n)R]b.", b"cgraphs\nPlain\n)RNK\x05\x86b.", b"cgraphs\nPlain\n)R(K\x01K\x02tb.",
    b"\x81.", b"NN\x81.", b"N)\x81.", b"cbuiltins\nint\nN\x81.", b"cbuiltins\nint\n]\x81.", b"N)}\x92.",
    b"cbuiltins\nint\n)N\x92.", b"cbuiltins\nint\nN}\x92.", b"cbuiltins\nint\n)]\x92.",
    b"ctypes\nGeneratorType\n)\x81.", b"ctypes\nFunctionType\n)\x81.", b"ctypes\nModuleType\n)}\x92.",
    b"ctypes\nGeneratorType\n)}\x92.", b"ccollections\nOrderedDict\nccollections\nOrderedDict\n)R\x81.",
    b"o.", b"(o.", b"(No.", b"(i__builtin__\nint\n.", b"i__builtin__\nint\n.", b"(ix\n.", b"(i\n\n.",
    b"c\n\n.", b"cx\n\n.", b"c\nx\n.", b"cno_such_module_x\ny\n.", b"cmath\nspam\n.",
    b"cmath\nlog.spam\n.", b"\x80\x04cmath\nlog.spam\n.", b"\x80\x04\x8c\x04math\x8c\x08log.spam\x93.",
    b"\x80\x04\x8c\x04math\x8c\x04spam\x93.", b"\x80\x04\x8c\x04math\x8c\x12log.<locals>.spam\x93\x93.",
    b"\x80\x04\x8c\x04math\x8c\n<locals>.x\x93.", b"cmath\n<locals>.x\n.",
    b"\x80\x04\x8c\x08graphs.x\x8c\x01y\x93.", b"\x80\x04\x8c\x06graphs\x8c\tPlain.b.c\x93.",
    b"\x80\x04\x8c\x06graphs\x8c\x00\x93.", b"\x80\x04\x8c\x00\x8c\x01x\x93.", b"cgraphs\nPlain.x\n.",
    b"\x80\x02c__builtin__\nno\n.", b"\x93.", b"N\x93.", b"NN\x93.", b"\x8c\x01aN\x93.",
    b"N\x8c\x01a\x93.", b"\x82\x00.", b"\x82\xef.", b"\x83\x00\x00.", b"\x84\xff\xff\xff\xff.",
    b"\x84\x01\x00\x00\x7f.", b"\x84\x00\x00\x00\x80.", b"h\x00.", b"h\x07.", b"j\x07\x00\x00\x00.",
    b"g7\n.", b"g-1\n.", b"gx\n.", b"g\n.", b"g99999999999999999999999\n.", b"q\x00.",
    b"r\x00\x00\x00\x00.", b"p0\n.", b"Np-1\n.", b"Npx\n.", b"Np\n.", b"Np99999999999999999999999\n.",
    b"\x94.", b"(q\x00.", b"(\x94.", b"g5", b"g5\r\n.", b"g 5\n.", b"g0x5\n.", b"g5_0\n.", b"I\n.",
    b"Ix\n.", b"I5", b"I5x\n.", b"I \n.", b"I1.5\n.", b"I\xff\n.", b"I0x\n.", b"I99999999999999999999x\n.",
    b"L\n.", b"Lx\n.", b"LL\n.", b"L5LL\n.", b"L\xff\n.", b"F\n.", b"Fx\n.", b"F1e999\n.", b"F1.5x\n.",
    b"F 1\n.", b"F\xff\n.", b"F1_0\n.", b"Fnan(1)\n.", b"F0x1p3\n.", b"\x8b\xff\xff\xff\xff.",
    b"\x8b\x05\x00\x00\x00a.", b"\x8a\x05a.", b"T\xff\xff\xff\xff.", b"T\x05\x00\x00\x00a.", b"U\x05a.",
    b"U\x01\xff.", b"T\x01\x00\x00\x00\xff.", b"S'a\n.", b"Sa\n.", b"S'\n.", b"S\n.", b"S'\\x'\n.",
    b"S'\\xzz'\n.", b"S'\xff'\n.", b"V\\u12\n.", b"V\\U00110000\n.", b"V", b"Vabc", b"X\x05\x00\x00\x00a.",
    b"X\x01\x00\x00\x00\xff.", b"\x8c\x01\xff.", b"\x8c\x05a.", b"\x8d\x05\x00\x00\x00\x00\x00\x00\x00a.",
    b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff.",
    b"\x96\xff\xff\xff\xff\xff\xff\xff\xff.", b"\x95\xff\xff\xff\xff\xff\xff\xff\xff.",
    b"\x95\x05\x00\x00\x00\x00\x00\x00\x00N.", b"\x95\x01\x00\x00\x00\x00\x00\x00\x00N.",
    b"\x95\x03\x00\x00\x00", b"B\x05\x00\x00\x00a.", b"C\x05a.", b"C", b"B\x00", b"K", b"M\x00", b"J\x00",
    b"G\x00\x00", b"\x80", b"\x80\x06.", b"\x80\xff.", b"\x80\x05", b"\xff.", b"\x01.", b"\n.", b"'.",
    b"\\.", b"\x7f.", b"\xe9.", b"A.", b"#.", b"\x97.", b"\x98.", b"N\x98.", b"Q.", b"NQ.", b"Pabc\n.",
    b"P\xff\n.", b"P\n.", b"Pabc", b"Pabc\r\n.", b"U\x03abcQ.", b"(Q.", b"]Q.", b"\x85\x85.", b"(((",
    b"}(K\x01", b"cbuiltins\nint\n(Vx\ntR.", b"c", b"cbuiltins", b"cbuiltins\nint", b"\x8a", b"\x8b\x01",
    b"i", b"(lp0\n.", b"cbuiltins\nprint\n", b"\x80\x04\x95", b"]\x94(K\x01h\x01e.",
    b"ctypes\nNoneType\n)\x81.",
]
# fmt: on

#: Before Python 3.13, C pickle looks for persistent_load before it looks at the ID.
if not cpython.GETATTR_IN_A_ROW:
    MALFORMED = [stream for stream in MALFORMED if stream not in (b"Q.", b"(Q.", b"P\xff\n.", b"Pabc")]


def outcome(load: Callable[[], object]) -> object:
    try:
        return repr(load())
    except Exception as exc:
        return stdlib_type(exc), str(exc)


@pytest.mark.parametrize("stream", MALFORMED, ids=ascii)
def test_it_is_refused_as_c_pickle_refuses_it(wire: Wire, stream: bytes):
    for encoding in ("ASCII", "latin-1"):
        theirs = outcome(lambda: pickle.loads(stream, encoding=encoding))  # noqa: B023
        assert outcome(lambda: wire.loads(stream, encoding=encoding)) == theirs  # noqa: B023
        theirs = outcome(lambda: pickle.load(io.BytesIO(stream), encoding=encoding))  # noqa: B023
        assert outcome(lambda: wire.load(io.BytesIO(stream), encoding=encoding)) == theirs  # noqa: B023


@pytest.mark.parametrize("stream", MALFORMED, ids=ascii)
def test_where_it_is_stands_in_one_note(wire: Wire, stream: bytes):
    failed: list[Exception] = []
    try:
        wire.loads(stream)
    except Exception as exc:
        failed.append(exc)
    for exc in failed:  # some of them are whole, if odd
        (note,) = (note for note in exc.__notes__ if note.startswith("while unpickling, at offset "))
        assert f"offset {exc.pickle_offset}" in note
