"""Which protocol a dump uses, from what the caller asked for."""

from __future__ import annotations

import pickle
import warnings
from operator import index
from struct import calcsize

from brinery.stream.opcodes import HIGHEST_PROTOCOL

__all__ = ["DEFAULT_PROTOCOL", "HIGHEST_PROTOCOL", "choose_protocol"]

#: The running Python's, so that a drop-in writes what pickle would have written.
DEFAULT_PROTOCOL: int = pickle.DEFAULT_PROTOCOL

#: One more than the largest C long.
_LONG_END = 1 << (8 * calcsize("l") - 1)


def choose_protocol(protocol: int | None = None, bin: object = None, *, stacklevel: int = 3) -> int:
    """The protocol number, 0 to 5.

    None is the default and any negative number the highest. `bin` is the spelling of before
    Python 2.3: true is protocol 1, false is protocol 0. Its DeprecationWarning points `stacklevel`
    Python frames up.

    Raises ValueError for a protocol above the highest, OverflowError for a number of either sign that
    does not fit into a C long, as C pickle does, and TypeError for one that is no integer or for both
    spellings at once.
    """
    if bin is not None:
        if protocol is not None:
            raise TypeError("give protocol or bin, not both")
        warnings.warn(
            "bin= is deprecated since Python 2.3; use protocol=", DeprecationWarning, stacklevel=stacklevel
        )
        return 1 if bin else 0
    if protocol is None:
        return DEFAULT_PROTOCOL
    protocol = index(protocol)
    if 0 <= protocol <= HIGHEST_PROTOCOL:
        return protocol
    if not -_LONG_END <= protocol < _LONG_END:
        raise OverflowError("the protocol is a number too large for a C long")
    if protocol < 0:
        return HIGHEST_PROTOCOL
    raise ValueError(f"pickle protocol must be <= {HIGHEST_PROTOCOL}")
