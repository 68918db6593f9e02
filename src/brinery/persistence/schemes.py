"""Stores by URL: the scheme before the colon names who opens it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol, cast

from brinery.dotted import import_dotted
from brinery.errors import StoreError
from brinery.persistence.stores import SimpleStore, Store
from brinery.urls import redact_error, redacted, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Scheme", "open_store", "scheme_of", "take_options"]

# RFC 3986, section 3.1. Two characters at least: C:\shop.db is a file, not a URL.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


class Scheme(Protocol):
    """What a PersistentScheme record has."""

    @property
    def name(self) -> str:
        """The part of a URL before the colon, in lower case."""

    @property
    def open(self) -> Callable[..., Store | SimpleStore] | str:
        """``open(url, **options)`` gives a live store; as ``"package.module:name"``, imported when needed."""


def scheme_of(url: str) -> str:
    """The scheme of `url`, in lower case. Raises StoreError where it has none."""
    match = _SCHEME.match(url)
    if match is None:
        raise StoreError(
            f'{shown(url)!r} is no URL of a store: it begins with a scheme, such as "sqlite:///shop.db"'
        )
    return match[1].lower()


def open_store(
    url: str, schemes: Mapping[str, Scheme], options: Mapping[str, object] | None = None
) -> Store | SimpleStore:
    """Open the store at `url`. Whoever opens a store closes it: call its ``close()``, if it has one.

    `schemes` maps names to their records; `options` are the keyword arguments for the scheme's ``open``.

    Raises StoreError for a URL without a scheme, or with one that no active plugin has; otherwise
    what the scheme's ``open`` raises.
    """
    scheme = scheme_of(url)
    # "sqlalchemy+postgresql://…" is opened by "sqlalchemy", unless some plugin has the whole name.
    name = scheme if scheme in schemes else scheme.partition("+")[0]
    if name not in schemes:
        from difflib import get_close_matches

        near = get_close_matches(name, schemes, 1, 0.6)
        meant = f"did you mean {near[0]!r}? Known" if near else "known"
        known = ", ".join(sorted(schemes)) or "none"
        raise StoreError(
            f"no active plugin opens {scheme!r} stores, as {shown(url)!r} asks; {meant} schemes: {known}."
            " Install a plugin that has it (python -m brinery plugins lists what is there), or bind a store"
            " object"
        )
    opener = schemes[name].open
    if isinstance(opener, str):
        opener = cast("Callable[..., Store]", import_dotted(opener))
    try:
        store = opener(url, **(options or {}))
    except Exception as failure:
        if text := redact_error(failure, url):
            raise StoreError(f"{shown(url)!r} cannot be opened: {text}") from None
        folder = _missing_folder(url)
        if folder and not isinstance(failure, StoreError):
            raise StoreError(
                f"{shown(url)!r} cannot be opened: there is no folder {folder!r}; make it first"
            ) from failure
        raise
    if not isinstance(store, Store | SimpleStore):
        raise StoreError(
            f"{shown(url)!r} was opened as a {type(store).__qualname__}, which is no store:"
            " derive from brinery.persistence.Store, or have claims, persistent_id and persistent_load"
        )
    return store


def _missing_folder(url: str) -> str:
    """The folder of the file that `url` may name, where there is none; "" where there is."""
    import os
    from urllib.parse import unquote

    path = url.partition(":")[2].partition("?")[0]
    if path.startswith("//"):  # what stands between these and the next slash is a host, and no folder
        host, _, path = path[2:].partition("/")
        if host:
            return ""
    folder = os.path.dirname(unquote(path))
    return folder if folder and not os.path.isdir(folder) else ""


def take_options(
    url: str, readers: Mapping[str, Callable[[str], object]], options: dict[str, Any], *, rest: bool = True
) -> str:
    """Move what stands in `url`'s query under the names of `readers` to `options`; gives the URL without it.

    A reader makes an option's value of the text. What is left in the query is somebody else's; with
    ``rest=False`` there may be nothing left.

    Raises StoreError for an option that cannot be read, or is in `options` already, or that nobody knows; and
    for one that is left but reads like a misspelt one, as a library that ignores it would hide that.
    """
    from difflib import get_close_matches
    from urllib.parse import parse_qsl

    shown = redacted(url)
    base, mark, query = url.partition("?")
    query, fragment_mark, fragment = query.partition("#")
    left = []
    for pair in query.split("&") if mark else ():
        ((name, text),) = parse_qsl(pair, keep_blank_values=True) or [("", "")]
        if name not in readers:
            left.append(pair)
            near = get_close_matches(name, readers, 1, 0.8)
            if near or (name and not rest):
                meant = f"is {near[0]!r} meant? There are" if near else "there are"
                raise StoreError(f"{shown!r}: no option is called {name!r}; {meant}: {', '.join(readers)}")
            continue
        if name in options:
            raise StoreError(f"{shown!r}: {name!r} is given twice")
        try:
            options[name] = readers[name](text)
        except (ValueError, LookupError) as wrong:
            raise StoreError(f"{shown!r}: {name}={text!r} cannot be read: {wrong}") from None
    return f"{base}?{'&'.join(left)}{fragment_mark}{fragment}" if left else f"{base}{fragment_mark}{fragment}"
