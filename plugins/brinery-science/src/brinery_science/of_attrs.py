"""attrs: its classes with slots wrote their state as ``(None, {name: value})`` before 22.2.

The rule is for the user's own classes, which nobody can list: what gives all of them their state is attrs' function.
"""

from __future__ import annotations

NAMES: list[object] = []
