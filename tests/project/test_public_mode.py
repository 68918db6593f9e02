"""The public mode asks CPython by documented interfaces alone: what is private may have other names.

The headers of this Python are copied, and in the copy everything private that the engine could reach for is
renamed. What Cython's code does beside that (it looks into functions that are written in C, say) is Cython's
to keep right.
"""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import types
from contextlib import chdir
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import brinery

ROOT = Path(__file__).parents[2]
FOLDER = Path(brinery.__file__).parent / "engine" / "compiled"
COMPILER = shutil.which(sysconfig.get_config_var("CC").split()[0]) or shutil.which("cc")
INCLUDE = Path(sysconfig.get_path("platinclude"))
CONFIGURED = Path(sysconfig.get_config_h_filename()).parent  # on Debian that is another folder

pytestmark = pytest.mark.skipif(
    COMPILER is None or not (INCLUDE / "Python.h").exists(),
    reason="there is no compiler, or no header of Python",
)

#: Fields of objects, of types and of threads, functions and macros.
PRIVATE = re.compile(
    r"""\b(
        lv_tag | long_value | ob_digit
      | utf8 | utf8_length | PyUnicode_IS_COMPACT_ASCII
      | ob_sval | ob_shash | ob_alloc | ob_bytes | ob_start
      | ob_hash | allocated
      | ma_keys | ma_values | ma_used | ma_version_tag | me_key | me_value | dk_kind | dk_nentries
      | mask | smalltable | finger
      | func_name | func_qualname | vectorcall
      | d_wrapped | d_member | d_type
      | ht_cached_keys | tp_version_tag
      | hastzinfo | hashcode | fold | days | seconds | microseconds
      | current_exception | curexc_type | exc_info | exc_state
      | _PyDateTime_BaseTZInfo | _PyDict_GetItem_KnownHash | _PyObject_GetDictPtr | _PyType_Lookup
      | _PyLong_AsByteArray | _PyLong_FromByteArray | _PyLong_NumBits
    )\b""",
    re.VERBOSE,
)

#: Of these, what Cython's own code is told by setup.py to leave alone.
NOT_EVEN_BY_CYTHON = {
    "lv_tag",
    "long_value",
    "ob_digit",
    "utf8",
    "utf8_length",
    "current_exception",
    "curexc_type",
    "exc_info",
    "exc_state",
    "_PyType_Lookup",
    "_PyLong_NumBits",
}


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of Python's headers in which nothing private has its name."""
    folder = tmp_path_factory.mktemp("headers") / "python"
    shutil.copytree(INCLUDE, folder, ignore=shutil.ignore_patterns("internal"))
    shutil.copy(CONFIGURED / "pyconfig.h", folder)
    for header in folder.rglob("*.h"):
        header.write_text(PRIVATE.sub(r"renamed_\1", header.read_text("utf-8", "replace")), "utf-8")
    return folder


def setup_py() -> dict[str, Any]:
    """The names of setup.py, which is run without setuptools: not every environment that tests has it."""
    stand_in = types.ModuleType("setuptools")
    stand_in.Extension = stand_in.setup = lambda *_, **__: None  # type: ignore[attr-defined]
    command = types.ModuleType("setuptools.command.build_ext")
    command.build_ext = object  # type: ignore[attr-defined]
    modules = {
        "setuptools": stand_in,
        "setuptools.command": stand_in,
        "setuptools.command.build_ext": command,
    }
    with mock.patch.dict(sys.modules, modules), chdir(ROOT):
        return runpy.run_path("setup.py")


def switches() -> list[str]:
    """What setup.py defines for Cython's code in the public mode."""
    return [f"-DCYTHON_{name}=0" for name in setup_py()["CYTHONS_OWN"]]


def complaints(include: Path, source: Path | str, *arguments: str) -> list[str]:
    """What the compiler says, a line each, with the file and the line that it means."""
    given, text = ([str(source)], None) if isinstance(source, Path) else (["-x", "c", "-"], source)
    assert COMPILER is not None
    done = subprocess.run(
        [COMPILER, "-fsyntax-only", "-DNDEBUG", f"-I{include}", f"-I{FOLDER}", *arguments, *given],
        input=text,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    return [
        line
        for line in done.stderr.splitlines()
        if re.search(r":\d+:(\d+:)? (fatal )?(error|warning):", line)
    ]


@pytest.mark.parametrize("module", ["layout", "writing", "reading"])
def test_the_public_mode_compiles_without_anything_private(renamed: Path, module: str):
    source = FOLDER / f"{module}.c"
    if not source.exists():
        pytest.skip("the C file that Cython makes is not there: it was not built from these sources")
    # Cython's generators crash without one of these: there are none.
    assert "__Pyx_Generator_New" not in source.read_text("utf-8")
    said = complaints(renamed, source, "-DBRINERY_PUBLIC=1", *switches())
    assert not [line for line in said if Path(line.partition(":")[0]).suffix == ".h"]
    words = [set(re.findall(r"'(?:\w+ )*(\w+)'", line)) for line in said]
    assert not [line for line, named in zip(said, words, strict=True) if named & NOT_EVEN_BY_CYTHON]


def test_what_is_renamed_is_found(renamed: Path):
    said = complaints(renamed, '#include "layout.h"', "-DBRINERY_PUBLIC=0", f"-I{INCLUDE}")
    assert [line for line in said if "layout" in line]


UNKNOWN = """
    #include <Python.h>
    #undef PY_VERSION_HEX
    #define PY_VERSION_HEX 0x03630000
    #include "layout_known.h"
    int mode[BRINERY_PUBLIC ? 1 : -1];
"""


def test_a_python_that_is_not_known_has_the_public_mode():
    for mode in ("-DBRINERY_PUBLIC=1", "-DANY"):
        assert complaints(CONFIGURED, UNKNOWN, mode, f"-I{INCLUDE}") == []


def test_and_no_layout_is_guessed_for_it():
    said = complaints(CONFIGURED, UNKNOWN, "-DBRINERY_PUBLIC=0", f"-I{INCLUDE}")
    assert any("#error" in line and "is not known" in line for line in said), said


def test_a_build_that_calls_what_this_python_has_not_is_found(tmp_path: Path):
    layout = pytest.importorskip("brinery.engine.compiled.layout")
    lacking = tmp_path / "writing.so"
    text = """
        #include <Python.h>
        void _Py_ThatIsGone(void);
        PyMODINIT_FUNC PyInit_writing(void) { _Py_ThatIsGone(); return NULL; }
    """
    assert COMPILER is not None
    subprocess.run(
        [COMPILER, "-shared", "-fPIC", f"-I{CONFIGURED}", f"-I{INCLUDE}", "-x", "c", "-", "-o", lacking],
        input=text,
        text=True,
        check=True,
    )
    for modules, there in (([layout.__file__], True), ([layout.__file__, str(lacking)], False)):
        command = [sys.executable, "-c", setup_py()["LOAD"], *modules]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ("_Py_ThatIsGone" not in done.stderr) is there, done.stderr
        assert (done.returncode == 0) is there
