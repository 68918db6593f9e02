"""What becomes of a stream: read in a child process, as C pickle may crash, hang or take all memory.

Run as a program, it reads a pickled list of streams from its input and prints one outcome a line:

``ok DIGEST``          it was read; the digest is that of the result's shape
``TypeName``           that exception was raised, in the standard library's terms
``crash``, ``hang``    the child died of it, or would not end
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

MEMORY = 1 << 31  # bytes of address space for a child
SECONDS = 10  # for one stream

#: What C pickle makes of a stream where brinery promises something better.
HURT = {"crash", "hang", "MemoryError", "SystemError"}


def outcomes(side: str, streams: Sequence[bytes], source: str = "bytes") -> list[str]:
    """What each of `streams` becomes, on the ``"c"`` side or that of the engine of that name.

    They are read as bytes, from a ``"file"``, or from one with nothing but ``"read"`` and readline.
    """
    done: list[str] = []
    while len(done) < len(streams):
        child = subprocess.run(
            [sys.executable, __file__, side, source],
            input=pickle.dumps(streams[len(done) :]),
            capture_output=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "0"},
            check=False,
        )
        done += child.stdout.decode().splitlines()
        if child.returncode < 0 and len(done) == len(streams):
            print(f"the {side} child died at its end, of signal {-child.returncode}", file=sys.stderr)
        elif child.returncode < 0:
            done.append("hang" if child.returncode == -14 else "crash")
        elif child.returncode:
            raise RuntimeError(f"the child ended with status {child.returncode}: {child.stderr.decode()}")
    return done


def stdlib_type(exc: BaseException) -> type[BaseException]:
    """The type of `exc`, or for one of brinery's own the standard one that it stands for.

    Where it derives from two, it is a PicklingError or UnpicklingError besides what C pickle raises.
    """
    standard = [base for base in type(exc).__mro__ if not base.__module__.startswith("brinery")]
    most_special = [base for base in standard if sum(issubclass(other, base) for other in standard) == 1]
    return most_special[-1]


def outcome(read: Callable[[bytes], object], stream: bytes) -> str:
    from shapes import shape

    try:
        result = read(stream)
    except BaseException as exc:
        return stdlib_type(exc).__name__
    try:
        lines = shape(result)
    except Exception as exc:  # half an object was asked for, and half an object came
        return f"ok {type(result).__name__} {type(exc).__name__}"
    return "ok " + hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def main() -> None:
    import resource
    import signal

    from engines import Wire
    from readings import ReadOnlyFile

    side, source = sys.argv[1:]
    module = pickle if side == "c" else Wire(side)
    read: Callable[[bytes], object] = {
        "bytes": module.loads,
        "file": lambda stream: module.load(io.BytesIO(stream)),
        "read": lambda stream: module.load(ReadOnlyFile(stream)),  # type: ignore[arg-type]
    }[source]
    streams = pickle.load(sys.stdin.buffer)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a damaged stream may well call print
    for stream in streams:
        signal.alarm(SECONDS)
        print(outcome(read, stream), file=report, flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
