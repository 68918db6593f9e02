"""Pickles of Python 2: names that the standard library's own table lacks, and what its str are.

The entry points ``zodbupdate`` and ``zodbupdate.decode``, in which packages of Zope and Plone say what they
renamed and which attributes are bytes, are read as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery import NameTable, Shape, TextRule, hookimpl
from brinery_python2 import names, shims, zodbupdate

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["brinery_name_tables", "brinery_shapes", "brinery_text_rules"]


@hookimpl
def brinery_name_tables() -> Iterator[NameTable]:
    yield NameTable("what moved in Python 2's library", names.MOVED, gone=names.GONE, era="python2")
    yield NameTable("what moved within Python 3's library", fallback=names.SINCE)
    # Of what has become an extension type, at protocols 0 and 1; what stands in is brinery's own function.
    yield NameTable(
        "instances of Python 2", stand_ins={"copyreg:_reconstructor": "brinery.engine.shaping:reconstruct"}
    )
    renamed = zodbupdate.renamed()
    if renamed:
        yield NameTable("the entry points 'zodbupdate'", renamed)


@hookimpl
def brinery_shapes() -> Iterator[Shape]:
    yield Shape("io:StringIO", state="brinery_python2.shims:string_io")
    messages = ["email.message:Message", *(f"email.mime.{n.lower()}:MIME{n}" for n in names.MIME)]
    for message in messages:
        yield Shape(message, defaults={"policy": shims.policy})
    yield Shape(
        "brinery_python2.shims:new_set",
        create="brinery_python2.shims:new_set",
        build="brinery_python2.shims:set_state",
        instances=["builtins:set"],
    )


@hookimpl
def brinery_text_rules() -> Iterator[TextRule]:
    for name in ("date", "datetime", "time"):
        yield TextRule(f"datetime:{name}", arguments={0: "bytes"})
    yield from (TextRule(target, attributes) for target, attributes in zodbupdate.decoded().items())
