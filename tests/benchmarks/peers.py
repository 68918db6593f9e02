"""The other serializers that a row is measured beside."""

from __future__ import annotations

import importlib
import marshal
from collections.abc import Callable
from typing import Any, NamedTuple


class Peer(NamedTuple):
    name: str
    dumps: Callable[[object], bytes]
    loads: Callable[[bytes], object]
    plain_only: bool  # writes the data types of JSON, and is the floor for these


def peers() -> tuple[list[Peer], list[str]]:
    """Those that are installed, and the names of those that are not."""
    found, absent = [Peer("marshal", marshal.dumps, marshal.loads, True)], []
    for name, distribution, plain_only in (
        ("msgspec.msgpack", "msgspec", True),
        ("cloudpickle", "cloudpickle", False),
        ("dill", "dill", False),
        ("pyfory", "pyfory", False),
    ):
        try:
            module: Any = importlib.import_module(name)
        except ImportError:
            absent.append(distribution)
            continue
        if distribution == "pyfory":  # with references, as pickle has them
            module = module.Fory(xlang=False, ref=True, strict=False)
        if plain_only:
            found.append(Peer(distribution, module.encode, module.decode, True))
        else:
            found.append(Peer(distribution, module.dumps, module.loads, False))
    return found, absent
