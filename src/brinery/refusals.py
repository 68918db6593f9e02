"""What C pickle of the running Python says when it refuses, word for word.

A drop-in's errors are read by people who know them, and compared by tests of programs. So the text is C
pickle's own, unchanged, and where it was is said elsewhere (:mod:`brinery.errors`). Here are the texts
that changed from version to version, and those that several places raise. Each function gives the
exception, for its caller to raise.
"""

from __future__ import annotations

from brinery import cpython
from brinery.errors import BadReduction, LocalObjectError, ReadError, UnboundStore, WriteError

__all__ = [
    "cyclic",
    "extension_code_range",
    "extension_code_type",
    "full_name",
    "load_key",
    "local_object",
    "missing_module",
    "missing_name",
    "negative_size",
    "new_argument",
    "newobj_arguments",
    "newobj_class",
    "newobj_ex_argument",
    "newobj_ex_arguments",
    "newobj_other_class",
    "no_identifier",
    "no_literal",
    "no_new",
    "no_persistent_load",
    "no_reduction",
    "no_tuple",
    "other_object",
    "pickle_buffer",
    "reduction_item",
    "reduction_kind",
    "reduction_length",
    "shown_name",
    "too_long",
    "tp_name",
]

# What C calls PY_SSIZE_T_MAX.
_LARGEST = 2**63 - 1

_none_is_true = type(None).__dict__["__bool__"]


# The names of types


def full_name(obj: object) -> str:
    """The dotted name of the type of `obj`: of the built-in ones without their module."""
    return full_name_of(type(obj))


def full_name_of(cls: type) -> str:
    """The dotted name of a type."""
    return _name_without(cls, ("builtins",))


def shown_name(obj: object) -> str:
    """The name of the type of `obj` as from Python 3.14 on: ``%T``, without ``builtins`` and ``__main__``."""
    return _name_without(type(obj), ("builtins", "__main__"))


def _name_without(cls: type, modules: tuple[str, ...]) -> str:
    # By type's own descriptors: a metaclass may have made these attributes anything.
    qualname: str = type.__dict__["__qualname__"].__get__(cls)
    module = type.__dict__["__module__"].__get__(cls)
    return f"{module}.{qualname}" if isinstance(module, str) and module not in modules else qualname


def tp_name(obj: object) -> str:
    """The name of the type of `obj` as C has it: of a class in Python that without its module."""
    if obj is None:
        return "NoneType"
    try:
        _none_is_true(obj)
    except TypeError as refused:
        # "… requires a 'NoneType' object but received a 'name'": nothing in Python tells it otherwise.
        return str(refused).rpartition(" received a '")[2][:-1]
    return type(obj).__name__


# Reductions


def reduction_kind(value: object) -> WriteError:
    """`value` is neither a string nor a tuple."""
    text = "__reduce__ must return a string or tuple"
    return _bad(f"{text}, not {shown_name(value)}" if cpython.REFUSALS_NAME_TYPES else text, value)


def reduction_length() -> WriteError:
    """A tuple of another length than two to six."""
    return BadReduction("tuple returned by __reduce__ must contain 2 through 6 elements")


def reduction_item(position: int, item: object) -> WriteError:
    """The item at `position` is not what the specification asks for."""
    ordinal = ("first", "second", "third", "fourth", "fifth", "sixth")[position]
    wanted = ("callable", "a tuple", "", "an iterator", "an iterator", "callable")[position]
    if cpython.REFUSALS_NAME_TYPES:
        return _bad(
            f"{ordinal} item of the tuple returned by __reduce__ must be {wanted}, not {shown_name(item)}",
            item,
        )
    if position < 2:
        return _bad(f"{ordinal} item of the tuple returned by __reduce__ must be {wanted}", item)
    wanted = wanted if position < 5 else "a function"
    return _bad(
        f"{ordinal} element of the tuple returned by __reduce__ must be {wanted}, not {tp_name(item)}", item
    )


def _bad(text: str, given: object) -> BadReduction:
    error = BadReduction(text)
    error.given = "None" if given is None else tp_name(given)
    return error


def no_reduction(obj: object) -> WriteError:
    """An object that has neither ``__reduce_ex__`` nor ``__reduce__``."""
    if cpython.REFUSALS_NAME_TYPES:
        return WriteError(f"Can't pickle {shown_name(obj)} object")
    return WriteError(f"can't pickle '{tp_name(obj)}' object: {obj!r}")


# copyreg's two constructors, which have opcodes


def newobj_arguments() -> WriteError:
    """``__newobj__`` without a class."""
    if cpython.REFUSALS_NAME_TYPES:
        return WriteError("__newobj__ expected at least 1 argument, got 0")
    return WriteError("__newobj__ arglist is empty")


def newobj_class(cls: object) -> WriteError:
    """``__newobj__`` of something that is no class."""
    if cpython.REFUSALS_NAME_TYPES:
        return WriteError(f"first argument to __newobj__() must be a class, not {shown_name(cls)}")
    return WriteError("args[0] from __newobj__ args is not a type")


def newobj_other_class(wanted: object, cls: type) -> WriteError:
    """``__newobj__`` of another class than the object's, which is `wanted`."""
    if cpython.REFUSALS_NAME_TYPES:
        return WriteError(f"first argument to __newobj__() must be {wanted!r}, not {cls!r}")
    return WriteError("args[0] from __newobj__ args has the wrong class")


def newobj_ex_arguments(args: tuple[object, ...]) -> WriteError:
    """``__newobj_ex__`` with another number of arguments than three."""
    if cpython.REFUSALS_NAME_TYPES:
        return WriteError(f"__newobj_ex__ expected 3 arguments, got {len(args)}")
    return WriteError(f"length of the NEWOBJ_EX argument tuple must be exactly 3, not {len(args)}")


def newobj_ex_argument(position: int, item: object) -> WriteError:
    """``__newobj_ex__`` with something else than a class, a tuple and a dict."""
    ordinal = ("first", "second", "third")[position]
    wanted = ("class", "tuple", "dict")[position]
    if cpython.REFUSALS_NAME_TYPES:
        return WriteError(f"{ordinal} argument to __newobj_ex__() must be a {wanted}, not {shown_name(item)}")
    return WriteError(f"{ordinal} item from NEWOBJ_EX argument tuple must be a {wanted}, not {tp_name(item)}")


# Globals


def local_object(obj: object, name: str) -> WriteError:
    """A class or function that is local to a function, and so in no module."""
    if cpython.REFUSALS_NAME_TYPES:
        return WriteError(f"Can't pickle local object {obj!r}")
    return LocalObjectError(f"Can't {'get' if cpython.GETATTR_IN_A_ROW else 'pickle'} local object {name!r}")


def missing_module(obj: object, module: object, missing: BaseException) -> WriteError:
    """The module that `obj` says it lives in cannot be imported."""
    if not cpython.REFUSALS_NAME_TYPES:
        return WriteError(f"Can't pickle {obj!r}: import of module {module!r} failed")
    return WriteError(f"Can't pickle {obj!r}: {missing}")


def missing_name(obj: object, module: object, name: str) -> WriteError:
    """That module has no such name."""
    if not cpython.REFUSALS_NAME_TYPES:
        return WriteError(f"Can't pickle {obj!r}: attribute lookup {name} on {module} failed")
    return WriteError(f"Can't pickle {obj!r}: it's not found as {module}.{name}")


def other_object(obj: object, module: object, name: str) -> WriteError:
    """Under its name there is something else."""
    return WriteError(f"Can't pickle {obj!r}: it's not the same object as {module}.{name}")


def no_identifier(kind: str, text: str, protocol: int) -> WriteError:
    """The name of a global, or of its module, that has no form at `protocol`."""
    shown = repr(text) if cpython.REFUSALS_NAME_TYPES else f"'{text}'"
    return WriteError(f"can't pickle {kind} identifier {shown} using pickle protocol {protocol}")


def extension_code_type(obj: object, code: object) -> WriteError:
    """The extension registry has something for it that is no int."""
    return WriteError(f"Can't pickle {obj!r}: extension code {code!r} isn't an integer")


def extension_code_range(obj: object, code: int) -> Exception:
    """The extension registry has a number for it that no opcode carries."""
    if cpython.EXTENSION_CODES_ARE_INDICES:
        return RuntimeError(f"extension code {code} is out of range")
    return WriteError(f"Can't pickle {obj!r}: extension code {code} is out of range")


# Buffers


def pickle_buffer() -> WriteError:
    """A PickleBuffer below protocol 5."""
    be = "be " if cpython.GETATTR_IN_A_ROW else ""
    return WriteError(f"PickleBuffer can only {be}pickled with protocol >= 5")


# Fast mode


def cyclic(obj: object) -> ValueError:
    """A list or dict inside itself, where there is no memo to end it."""
    text = "fast mode: can't pickle cyclic objects including object type"
    return ValueError(f"{text} {tp_name(obj)} at {id(obj):#x}")


# Reading


def load_key(code: int) -> ReadError:
    """A byte that is no opcode."""
    shown = (
        chr(code)
        if chr(code).isascii() and chr(code).isprintable() and code not in b"'\\"
        else f"\\x{code:02x}"
    )
    return ReadError(f"invalid load key, '{shown}'.")


def too_long(opcode: str) -> OverflowError:
    """A length of eight bytes that no object can have; `opcode` has it."""
    if opcode == "FRAME":
        return OverflowError(f"FRAME length exceeds system's maximum of {_LARGEST} bytes")
    kind = opcode.removesuffix("8") if opcode != "BYTEARRAY8" else opcode
    return OverflowError(f"{kind} exceeds system's maximum size of {_LARGEST} bytes")


def no_tuple(args: object) -> TypeError:
    """REDUCE without a tuple of arguments."""
    return TypeError("argument list must be a tuple")


def new_argument(opcode: str, argument: str, wanted: str, given: object) -> ReadError:
    """NEWOBJ or NEWOBJ_EX with something else than a class, a tuple and a dict."""
    return ReadError(f"{opcode} {argument} argument must be a {wanted}, not {tp_name(given)}")


def no_new(opcode: str, cls: type) -> ReadError:
    """NEWOBJ or NEWOBJ_EX of a type that only the interpreter makes instances of."""
    return ReadError(f"{opcode} class argument '{tp_name(cls)}' doesn't have __new__")


def negative_size(opcode: str) -> ReadError:
    """A length of four bytes that is negative."""
    if opcode == "BINSTRING" and not cpython.REFUSALS_NAME_TYPES:
        return ReadError("pickle data was truncated")
    return ReadError(f"{opcode} pickle has negative byte count")


def no_persistent_load() -> UnboundStore:
    """A persistent ID, and nothing that could load it."""
    met = "A load persistent id instruction was encountered,"
    missing = "but no persistent_load function was specified."
    return UnboundStore(f"{met} {missing}" if cpython.PERSISTENT_IN_ONE_LINE else f"{met}\n{missing}")


def no_literal(text: str, base: int) -> ValueError:
    """A line that is no number of that base."""
    return ValueError(f"invalid literal for int() with base {base}: {text[:200]!r}")
