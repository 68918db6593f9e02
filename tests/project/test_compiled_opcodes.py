"""The compiled reader's loop switches on constants; they are those of THE opcode table."""

from __future__ import annotations

import re
from pathlib import Path

import brinery
from brinery.stream.opcodes import BY_NAME

OPCODES = Path(brinery.__file__).parent / "engine" / "compiled" / "reader" / "opcodes.pxi"


def test_the_readers_constants_are_the_tables_codes():
    constants = re.findall(r"^    OP_(\w+) = (0x\w\w)", OPCODES.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: int(code, 16) for name, code in constants} == {
        name: opcode.code[0] for name, opcode in BY_NAME.items()
    }
