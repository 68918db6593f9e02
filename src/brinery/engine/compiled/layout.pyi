from typing import Final, Literal

__all__ = ["MODE", "PLACES", "PYTHON", "mismatch"]

MODE: Final[Literal["private", "public"]]
PLACES: Final[dict[str, int]]
PYTHON: Final[str]

def mismatch(places: dict[str, int] | None = None) -> str | None: ...
