"""What to do about arguments of ``dump``, ``load`` and their like that are not what these take."""

from __future__ import annotations

from brinery.engine.advice import add

__all__ = ["no_buffer", "no_reader", "no_writer", "positional", "text_file"]


def no_reader(file: object) -> TypeError:
    """What to raise for a `file` that cannot be read."""
    error = TypeError("file must have 'read' and 'readline' attributes")
    if _is_path(file):
        add(
            error,
            f"{file!r} is a path: brinery.load_file(path) reads it, or open(path, 'rb') gives the file to "
            "load "
            "from",
        )
    elif isinstance(file, bytes | bytearray | memoryview):
        add(error, "this is the data itself: loads(data) reads it")
    return error


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


def positional(name: str, given: int) -> TypeError:
    """What to raise where ``load`` or ``loads`` is given more than what to read."""
    error = TypeError(f"{name}() takes exactly 1 positional argument ({given} given)")
    add(error, f"the others go by name: {name}(…, encoding='latin1')")
    return error


def no_writer(file: object) -> TypeError:
    """What to raise for a `file` that cannot be written to."""
    error = TypeError("file must have a 'write' attribute")
    if _is_path(file):
        add(
            error,
            f"{file!r} is a path: brinery.dump_file(obj, path) writes there, whole or not at all, or "
            "open(path, 'wb') gives the file to dump into",
        )
    return error


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
