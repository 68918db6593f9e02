"""Prints a table row by row, as the numbers come in."""

from __future__ import annotations


class Table:
    def __init__(self, title: str, columns: list[str], first_width: int = 28) -> None:
        self.widths = [first_width, *(max(len(column), 8) for column in columns[1:])]
        print(f"\n{title}\n")
        self.row(columns)
        print("-" * (sum(self.widths) + 2 * len(self.widths)), flush=True)

    def row(self, cells: list[str]) -> None:
        first, *others = zip(cells, self.widths, strict=True)
        print(
            "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]), flush=True
        )


def seconds(value: float) -> str:
    """A time in the unit that suits it."""
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def size(value: float) -> str:
    """A number of bytes in MB, of a million bytes."""
    return f"{value / 1e6:.1f} MB"
