"""The compiled engine: fast, and absent where it was not built (then importing this fails, and says why)."""

from __future__ import annotations

import sys

from brinery.interpreters import foreign_is_none

if sys.implementation.name != "cpython":
    raise ImportError(f"it is for CPython, and this is {sys.implementation.name}")

try:
    with foreign_is_none():
        from brinery.engine.compiled import layout
except ImportError as missing:
    from importlib.machinery import EXTENSION_SUFFIXES
    from pathlib import Path  # six milliseconds, which the engine that is there does not pay

    word = Path(__file__).with_name("not_built.txt")  # left by setup.py
    if word.exists():
        raise ImportError(f"it was not built: {word.read_text(encoding='utf-8').strip()}") from missing
    built = sorted(
        file.name for file in Path(__file__).parent.glob("layout.*") if file.suffix in (".so", ".pyd")
    )
    if built and not any(f"layout{suffix}" in built for suffix in EXTENSION_SUFFIXES):
        raise ImportError(
            f"it was built for another Python ({', '.join(built)}), and this is {sys.version.split()[0]}: "
            "build it anew with this one, such as by pip install -e . in a source tree"
        ) from missing
    if not built:
        # What the interpreter says of a name that is not there is that an import may be circular.
        raise ImportError(f"it was not built: there is no layout{EXTENSION_SUFFIXES[0]}") from missing
    raise

elsewhere = layout.mismatch()
if elsewhere is not None:
    raise ImportError(
        f"it was built for Python {layout.PYTHON}, and objects of this {sys.version.split()[0]} lie in "
        f"memory otherwise ({elsewhere}): build it anew, by pip's --force-reinstall --no-binary brinery"
    )

with foreign_is_none():
    from brinery.engine.compiled.reading import Loader, Unpickler
    from brinery.engine.compiled.writing import Dumper, Pickler, attributes_of, has_attributes

#: How it was built: by the private layout of this Python's objects, or by its documented interface alone.
MODE = layout.MODE

__all__ = ["MODE", "Dumper", "Loader", "Pickler", "Unpickler", "attributes_of", "has_attributes"]
