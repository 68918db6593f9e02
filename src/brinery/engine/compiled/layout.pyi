from typing import Final, Literal

__all__ = ["HAS_LAYOUT", "MODE", "PLACES", "PYTHON", "mismatch"]

HAS_LAYOUT: Final[bool]
MODE: Final[Literal["private", "public"]]
PLACES: Final[dict[str, int]]
PYTHON: Final[str]

def mismatch(places: dict[str, int] | None = None) -> str | None: ...
