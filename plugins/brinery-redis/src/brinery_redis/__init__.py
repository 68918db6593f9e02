"""Objects that live in Redis, while a stream carries references to them: a plugin for brinery.

It adds the schemes ``redis:``, ``rediss:`` and ``unix:``; ``store`` has the store itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery import PersistentScheme, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RedisStore"]


@hookimpl
def brinery_persistent_schemes() -> Iterator[PersistentScheme]:
    """What redis-py takes as a URL."""
    for scheme in ("redis", "rediss", "unix"):
        yield PersistentScheme(scheme, "brinery_redis.store:open_store")


def __getattr__(name: str) -> Any:  # so that what is merely installed does not import redis-py
    if name == "RedisStore":
        from brinery_redis.store import RedisStore

        return RedisStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
