"""What takes the place of containers whose class is gone."""

from __future__ import annotations

from typing import Any

__all__ = ["PlainDict"]


class PlainDict(dict[Any, Any]):
    """A dict that was of a class of a library once. It is written as the dict that it is."""

    def __setstate__(self, state: object) -> None:
        """Attributes of that class mean nothing any more."""

    def __reduce_ex__(self, protocol: object) -> Any:
        return dict, (dict(self),)
