"""Measures brinery beside the standard library's pickle, in one process and alternating.

    python tests/benchmarks                          the table of the compiled engine
    python tests/benchmarks --engine python          the Python engine, beside the stdlib's Python pickler
    python tests/benchmarks --rows JSON instances    the rows with one of these in their name
    python tests/benchmarks --memory                 peak memory, in child processes
    python tests/benchmarks --scaling                cost per object, from a thousand to ten million
    python tests/benchmarks --references             references into SQLite: one query, beside one for each

Numbers are for the machine and the moment that they were measured in; a ratio is of two that were
measured in turns. Have nothing else running.
"""

from __future__ import annotations

import argparse
import os
import pickle
import platform


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python tests/benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--engine", choices=("compiled", "python"), default="compiled")
    parser.add_argument(
        "--rows", nargs="+", default=[], metavar="PART", help="only rows with one of these in their name"
    )
    parser.add_argument(
        "--repeat", type=int, default=15, metavar="N", help="samples of each side (default: 15)"
    )
    parser.add_argument(
        "--protocol", type=int, default=pickle.DEFAULT_PROTOCOL, help="default: the running Python's"
    )
    parser.add_argument("--size", type=float, default=1.0, help="scales every row; 0.01 for a quick look")
    parser.add_argument("--memory", action="store_true", help="measure peak memory instead")
    parser.add_argument("--scaling", action="store_true", help="measure cost per object instead")
    parser.add_argument("--references", action="store_true", help="measure loading out of a store instead")
    parser.add_argument(
        "--largest", type=int, default=7, metavar="POWER", help="of ten, for --scaling (default: 7)"
    )
    return parser.parse_args()


def main() -> None:
    chosen = options()
    os.environ["BRINERY_ENGINE"] = chosen.engine  # an engine that is not there raises, at the import below
    import memory
    import references
    import scaling
    import speed

    print(f"Python {platform.python_version()}, protocol {chosen.protocol}, {platform.machine()}")
    mode = (
        memory if chosen.memory else scaling if chosen.scaling else references if chosen.references else speed
    )
    mode.run(chosen)


if __name__ == "__main__":
    main()
