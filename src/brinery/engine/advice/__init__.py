"""What to do about an error: notes beneath C pickle's own text (PEP 678), the same from both engines.

Everything here runs when there is an error already, and must neither hide it nor take long. What it needs is
imported then, and in no other program.
"""

from __future__ import annotations

from brinery.said import add, advise

__all__ = ["add", "advise"]
