"""The compiled engine works with constants; they are those of THE opcode table, and stand in one file."""

from __future__ import annotations

import re
from pathlib import Path

import brinery
from brinery.stream.opcodes import BY_NAME

ENGINE = Path(brinery.__file__).parent / "engine" / "compiled"
OPCODES = ENGINE / "opcodes.pxi"
CONSTANT = re.compile(r"^    (?:OP_)?([A-Z]\w*) = (0x\w+|\d+)\b", re.MULTILINE)


def test_the_constants_are_the_tables_codes():
    constants = CONSTANT.findall(OPCODES.read_text(encoding="utf-8"))
    assert {name: int(code, 0) for name, code in constants} == {
        name: opcode.code[0] for name, opcode in BY_NAME.items()
    }


def test_no_other_file_has_codes_of_its_own():
    for path in sorted(path for suffix in ("pyx", "pxi", "pxd") for path in ENGINE.rglob(f"*.{suffix}")):
        if path != OPCODES:
            names = {name for name, _ in CONSTANT.findall(path.read_text(encoding="utf-8"))}
            assert not names & {*BY_NAME, "BATCH", "FRAME_TARGET", "FRAME_LEAST", "HIGHEST_PROTOCOL"}, path
