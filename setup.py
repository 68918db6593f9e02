"""Builds the compiled engine where that can be done, and leaves word where it cannot.

Everything else about the package is in pyproject.toml.

``BRINERY_BUILD`` says which engine is built:

unset
    the compiled one by the private layout of this Python, else by its documented interface, else none:
    then the installation goes on with the Python engine, and ``brinery --version`` says why
``private``, ``public``
    that one; that it cannot be built is an error
``none``
    none
"""

import os
import subprocess
import sys
import tempfile
from binascii import crc32
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

FOLDER = "src/brinery/engine/compiled"
PACKAGE = "brinery.engine.compiled"

#: Beside the package: why there is no engine in it. Read by brinery.engine.compiled.
WORD_LEFT = "not_built.txt"

STREAM_FOLDER = "src/brinery/stream"
#: Beside brinery.stream: from which sources it was compiled.
COMPILED_FROM = "compiled_from.txt"

MODES = {"": ("private", "public"), "private": ("private",), "public": ("public",), "none": ()}
WANTED = os.environ.get("BRINERY_BUILD", "")
if WANTED not in MODES:
    raise SystemExit(f"BRINERY_BUILD={WANTED} is none of: {', '.join(filter(None, MODES))}")


class BuildEngine(build_ext):
    """The extension modules, in the first mode in which this Python and this compiler take them."""

    def run(self):
        refused = []
        self.compiled = set()
        self.compiler_asked = self.compiler
        if WANTED == "none":
            refused = ["BRINERY_BUILD=none asked for none"]
        elif sys.implementation.name != "cpython":
            refused = [f"it is for CPython, and this is {sys.implementation.name}"]
            if WANTED:
                raise SystemExit(f"BRINERY_BUILD={WANTED}: {refused[0]}")
        if not refused:
            try:
                self.find_compiler()
            except Exception as failed:
                if WANTED:
                    raise
                refused = [f"there is no C compiler, or not the header files of this Python: {failed}"]
        for mode in () if refused else MODES[WANTED]:
            try:
                self.build(mode)
            except Exception as failed:
                if WANTED:
                    raise
                refused.append(f"{mode} mode: {failed}")
                print(f"brinery: the compiled engine, {refused[-1]}", file=sys.stderr)
            else:
                refused.clear()
                break
        if refused:
            for extension in self.extensions:  # of an earlier build, or half of this one
                Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)
            self.extensions = []
        self.leave_word("; ".join(refused))
        self.note_sources()

    def build_extension(self, ext):
        super().build_extension(ext)
        self.compiled.add(ext.name)  # not reached where that failed, which an optional one may

    def note_sources(self):
        """Beside brinery.stream: how large the sources were that were compiled; it is read at import."""
        files = []
        for extension in self.extensions:
            if not extension.optional:
                continue
            if extension.name in self.compiled:
                name = extension.name.rpartition(".")[2]
                files += [Path(STREAM_FOLDER) / f"{name}.{kind}" for kind in ("py", "pxd")]
            else:  # what an earlier build left does not go with these sources
                Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)
        path = Path(self.get_ext_fullpath("brinery.stream.walk")).with_name(COMPILED_FROM)
        path.unlink(missing_ok=True)
        if files:
            read = {file.name: file.read_bytes() for file in files}
            noted = "".join(f"{name} {len(data)}:{crc32(data):08x}\n" for name, data in read.items())
            path.write_text(noted, encoding="ascii")

    def find_compiler(self):
        """Compile a file of one line: Cython translates for a minute before it would meet the compiler."""
        from setuptools._distutils.ccompiler import new_compiler
        from setuptools._distutils.sysconfig import customize_compiler

        compiler = new_compiler(compiler=self.compiler)
        customize_compiler(compiler)
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "brinery_asks.c")
            source.write_text("#include <Python.h>\n", encoding="ascii")
            public = [("BRINERY_PUBLIC", "1")]  # what can be built last
            compiler.compile([str(source)], folder, public, self.include_dirs)

    def build(self, mode):
        self.compiled = set()
        for extension in self.extensions:
            extension.define_macros = [("NDEBUG", "1"), ("BRINERY_PUBLIC", str(int(mode == "public")))]
            if mode == "public" and not extension.optional:
                extension.define_macros += [(f"CYTHON_{name}", "0") for name in CYTHONS_OWN]
        self.force = True  # a file of the other mode is no newer than its sources
        self.compiler = self.compiler_asked  # run() takes a name for the object that it made of one before
        super().run()
        self.check(mode)

    def build_extensions(self):
        # The engine's own, for CFLAGS from the environment may take the place of the interpreter's. Whoever
        # asks for a level there gets that.
        if "-O" not in os.environ.get("CFLAGS", ""):
            flags = ["/O2"] if self.compiler.compiler_type == "msvc" else ["-O3", "-fwrapv"]
            for extension in self.extensions:
                extension.extra_compile_args = flags
        super().build_extensions()

    def check(self, mode):
        """Whether the interpreter that will run it has what it calls, and the layouts of the headers."""
        if os.environ.get("_PYTHON_HOST_PLATFORM"):  # built for another machine
            return
        paths = [self.get_ext_fullpath(f"{PACKAGE}.{name}") for name in ENGINE]
        found = subprocess.run([sys.executable, "-c", LOAD, *paths], stderr=subprocess.PIPE, text=True)
        if found.returncode:
            said = found.stderr.strip().rpartition("\n")[2]
            raise RuntimeError(said or f"its self-test ended with {found.returncode}")

    def leave_word(self, reason):
        path = Path(self.get_ext_fullpath(f"{PACKAGE}.layout")).with_name(WORD_LEFT)
        if reason:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(reason + "\n", encoding="utf-8")
        else:
            path.unlink(missing_ok=True)


# Runs in an interpreter of its own, for a wrong layout may crash it. All modules are loaded, which finds a
# function that this interpreter has no more; the engine is not run, for it imports what is not installed yet.
LOAD = f"""
import importlib.util, os, sys
specs = [
    importlib.util.spec_from_file_location("{PACKAGE}." + os.path.basename(path).partition(".")[0], path)
    for path in sys.argv[1:]
]
modules = [importlib.util.module_from_spec(spec) for spec in specs]
specs[0].loader.exec_module(modules[0])
sys.exit(modules[0].mismatch())
"""

#: What Cython's code looks into by itself, where nothing tells it not to: the engine in its public mode does.
#: brinery.stream does without the compiler where that fails. (It has generators, which crash on 3.11 without
#: USE_EXC_INFO_STACK.)
CYTHONS_OWN = (
    "FAST_GIL",
    "FAST_THREAD_STATE",
    "UNPACK_METHODS",
    "UPDATE_DESCRIPTOR_DOC",
    "USE_DICT_VERSIONS",
    "USE_EXC_INFO_STACK",
    "USE_PYLIST_INTERNALS",
    "USE_PYLONG_INTERNALS",
    "USE_PYTYPE_LOOKUP",
    "USE_SYS_MONITORING",
    "USE_UNICODE_INTERNALS",
)

ENGINE = ("layout", "writing", "reading")

#: One source each: compiled where that is possible, and interpreted where it is not.
STREAM = (
    *("memo", "scanner", "walk", "showing", "symbols", "disassembly"),
    *("parts", "weights", "names", "graph", "digests", "leaves", "rewriting"),
)


def engine_module(name):
    depends = [str(path) for path in Path(FOLDER).rglob("*") if path.suffix in (".h", ".pxi")]
    return Extension(f"{PACKAGE}.{name}", [f"{FOLDER}/{name}.pyx"], depends=sorted(depends))


def stream_module(name):
    depends = sorted(str(path) for path in Path(STREAM_FOLDER).glob("*.pxd"))
    return Extension(f"brinery.stream.{name}", [f"{STREAM_FOLDER}/{name}.py"], depends=depends, optional=True)


setup(
    ext_modules=[*map(engine_module, ENGINE), *map(stream_module, STREAM)],
    cmdclass={"build_ext": BuildEngine},
)
