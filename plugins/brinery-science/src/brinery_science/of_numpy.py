"""NumPy: modules that moved with 1.x and 2.0, and the flags of aligned dtypes."""

from __future__ import annotations

from typing import Any

from brinery import NameTable, Shape, TextRule

NAMES = [
    NameTable(
        "NumPy",
        read={"numpy:chararray": "numpy.char:chararray"},
        fallback={
            "numpy.core.*": "numpy._core.*",
            "numpy._core.*": "numpy.core.*",
            "numpy.core._dotblas:dot": "numpy:dot",
            "numpy.core.memmap:memmap": "numpy:memmap",
            "numpy.lib.function_base": "numpy",
            "numpy.lib.polynomial": "numpy",
            "numpy.linalg.linalg": "numpy.linalg",
            "numpy.random._bit_generator": "numpy.random.bit_generator",
            "numpy:string_": "numpy:bytes_",
            "numpy:unicode_": "numpy:str_",
        },
    )
]


def dtype_state(state: Any) -> Any:
    """The flags of a dtype, the 9th item, were a signed char before NumPy 2, which takes them for another
    number."""
    if isinstance(state, tuple) and len(state) > 7 and isinstance(state[7], int) and -128 <= state[7] < 0:
        return (*state[:7], state[7] + 256, *state[8:])
    return state


SHAPES = [
    Shape(
        "numpy:dtype",
        state="brinery_science.of_numpy:dtype_state",
        instances=["numpy.dtypes:VoidDType"],
        shallow=True,
    )
]

TEXTS = [
    TextRule("numpy:ndarray", items={4: "bytes"}),
    TextRule("numpy:matrix", items={4: "bytes"}),
    TextRule("numpy:memmap", items={4: "bytes"}),
    TextRule("numpy:recarray", items={4: "bytes"}),
    TextRule("numpy:chararray", items={4: "bytes"}),
    TextRule("numpy.char:chararray", items={4: "bytes"}),
    TextRule("numpy.core.multiarray:scalar", arguments={1: "bytes"}),
    TextRule("numpy._core.multiarray:scalar", arguments={1: "bytes"}),
]
