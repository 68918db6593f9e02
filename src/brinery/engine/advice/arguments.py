"""What to do about arguments of ``dump``, ``load`` and their like that are not what these take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.engine.advice import add

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["no_buffer", "no_reader", "no_writer", "positional", "text_file", "unknown_codec"]


def no_reader(error: TypeError, file: object) -> None:
    """A `file` cannot be read."""
    if _is_path(file):
        add(
            error,
            f"{file!r} is a path: brinery.load_file(path) reads it, or open(path, 'rb') gives the file to "
            "load "
            "from",
        )
    elif isinstance(file, bytes | bytearray | memoryview):
        add(error, "this is the data itself: loads(data) reads it")


def no_buffer(exc: BaseException, data: object) -> None:
    """What ``loads`` was given has no bytes."""
    if isinstance(data, str):
        add(exc, _text_for_bytes(data))
    elif hasattr(data, "read"):
        add(exc, "this is a file: load(file) reads from it")
    elif _is_path(data):
        add(exc, "this is a path: brinery.load_file(path) reads it")


def _text_for_bytes(text: str) -> str:
    from brinery.stream.kinds import no_pickle

    note = (
        "this is text, and a pickle is bytes: read it in binary mode, open(path, 'rb'). Text that was "
        "made of "
        "a pickle by data.decode('latin1') is undone by text.encode('latin1')"
    )
    what = "" if text.startswith("\x80") else no_pickle(text[:200].encode("utf-8", "replace"))
    return what or note


def positional(error: TypeError, name: str, more: Sequence[object]) -> None:
    """``load`` or ``loads`` is given `more` than what to read."""
    first = more[0]
    if isinstance(first, bool):
        meant = f"fix_imports={first}"
    elif isinstance(first, int):
        add(error, f"{name}() takes no protocol: the stream says at which one it was written")
        return
    elif isinstance(first, list | tuple):
        meant = "buffers=…"
    else:
        said = first if isinstance(first, str) else "latin1"
        meant = f"encoding={(nearest_codec(said) or said)!r}"
    add(error, f"the others go by name: {name}(…, {meant})")


def nearest_codec(name: str) -> str | None:
    """`name` where Python has a codec of that name, else the nearest that it has; None where none is near."""
    import codecs
    import difflib
    from encodings.aliases import aliases

    if name == "bytes":
        return name
    try:
        codecs.lookup(name)
    except LookupError:
        # As they are mostly written.
        known = ["latin1", "latin-1", "utf-8", "ascii", "bytes", *{*aliases, *aliases.values()}]
        close = difflib.get_close_matches(name.lower(), known, 1, 0.7)
        return close[0] if close else None
    return name


def unknown_codec(exc: LookupError) -> str:
    """What to do about an `encoding` or `errors` that Python does not have; "" where it is something else."""
    import difflib

    text = str(exc)
    if text.startswith("unknown encoding: "):
        name = text.removeprefix("unknown encoding: ")
        close = nearest_codec(name)
        meant = f"did you mean encoding={close!r}?" if close else "encoding='latin1' reads anything"
        return f"encoding={name!r} is none that Python has: {meant}"
    if "is not a text encoding" in text:
        return (
            "encoding=… is how Python 2's text was encoded, such as 'utf-8'; encoding='latin1' reads anything"
        )
    if text.startswith("unknown error handler name "):
        name = text.removeprefix("unknown error handler name ").strip("'")
        known = ("strict", "ignore", "replace", "surrogateescape", "backslashreplace", "bytes")
        near = difflib.get_close_matches(name, known, 1, 0.5)
        meant = f"did you mean {near[0]!r}? " if near else ""
        return f"errors={name!r} is none that Python has: {meant}There are: {', '.join(known)}"
    return ""


def no_writer(error: TypeError, file: object) -> None:
    """A `file` cannot be written to."""
    if _is_path(file):
        add(
            error,
            f"{file!r} is a path: brinery.dump_file(obj, path) writes there, whole or not at all, or "
            "open(path, 'wb') gives the file to dump into",
        )


def text_file(exc: BaseException, write: object) -> None:
    """A file did not take bytes."""
    file = getattr(write, "__self__", None)
    if (hasattr(file, "encoding") and hasattr(file, "buffer")) or type(file).__name__ == "StringIO":
        add(
            exc,
            "the file takes text: open it in binary mode, open(path, 'wb'); in memory that is io.BytesIO()",
        )


def _is_path(value: object) -> bool:
    return isinstance(value, str) or hasattr(value, "__fspath__")
