"""A Sphinx directive that renders ``brinery.stream.opcodes.TABLE``, so that the page cannot drift from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from docutils.parsers.rst import Directive

from brinery.stream.opcodes import TABLE

if TYPE_CHECKING:
    from sphinx.application import Sphinx

COLUMNS = (
    ("Code", 8),
    ("Name", 16),
    ("Argument", 12),
    ("Stack effect", 26),
    ("Since", 6),
    ("What it does", 40),
)


class OpcodeTable(Directive):
    """All opcodes, one row each, in the order of the table."""

    def run(self) -> list[nodes.Node]:
        group = nodes.tgroup(cols=len(COLUMNS))
        group += [nodes.colspec(colwidth=width) for _, width in COLUMNS]
        group += nodes.thead("", _row(nodes.paragraph(text=title) for title, _ in COLUMNS))
        body = nodes.tbody()
        for op in TABLE:
            body += _row(
                (
                    _literal(repr(op.code)[1:]),
                    _literal(op.name),
                    nodes.paragraph(text="" if op.argument.name == "none" else op.argument.name),
                    _literal(op.effect),
                    nodes.paragraph(text=str(op.protocol)),
                    nodes.paragraph(text=op.doc),
                )
            )
        group += body
        table = nodes.table()
        table += group
        return [table]


def _literal(text: str) -> nodes.paragraph:
    paragraph = nodes.paragraph()
    paragraph += nodes.literal(text=text)
    return paragraph


def _row(cells: object) -> nodes.row:
    row = nodes.row()
    for cell in cells:  # type: ignore[attr-defined]
        entry = nodes.entry()
        entry += cell
        row += entry
    return row


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive ``opcode-table``."""
    app.add_directive("opcode-table", OpcodeTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
