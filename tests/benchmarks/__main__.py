"""Measures brinery beside the standard library's pickle, in one process and alternating.

    python tests/benchmarks                          the table of large rows, on the compiled engine
    python tests/benchmarks wide                     the wide suite: some two hundred workloads in use
    python tests/benchmarks wide --quick             the same in a minute
    python tests/benchmarks programs                 whole programs, with brinery in pickle's place
    python tests/benchmarks start                    what importing it and the first call cost
    python tests/benchmarks memory                   peak memory, in child processes
    python tests/benchmarks scaling                  cost per object, from a thousand to ten million
    python tests/benchmarks streams                  refs, sizes and upgrade, beside pickletools.genops
    python tests/benchmarks references               references into SQLite: one query, beside one for each
    python tests/benchmarks stores                   the SQLite store, beside sqlite3 and whole pickles
    python tests/benchmarks servers                  references into PostgreSQL, MariaDB, Redis: the plugins
    python tests/benchmarks report A.json B.json     what `wide --save` wrote on several Pythons, side by side
    python tests/benchmarks --engine python          the Python engine, beside the stdlib's Python pickler
    python tests/benchmarks --engine python --beside C      the same, beside C pickle
    python tests/benchmarks --rows JSON instances    the rows with one of these in their name

Times are of the thread on a processor. Numbers are for the machine and the moment that they were measured
in; a ratio is of two that were measured in turns. Have nothing else running.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pickle
import platform

TABLES = {
    "speed": "speed",
    "wide": "wide.measuring",
    "programs": "programs",
    "start": "start",
    "memory": "memory",
    "scaling": "scaling",
    "references": "references",
    "stores": "stores",
    "streams": "streams",
    "servers": "servers",
    "report": "wide.report",
}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python tests/benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("table", nargs="?", choices=TABLES, default="speed", help="default: speed")
    parser.add_argument("files", nargs="*", help="for report: what `wide --save` wrote")
    parser.add_argument("--engine", choices=("compiled", "python"), default="compiled")
    parser.add_argument(
        "--beside", choices=("C", "Python"), help="which of the standard library's (default: as the engine)"
    )
    parser.add_argument(
        "--rows", nargs="+", default=[], metavar="PART", help="only rows with one of these in their name"
    )
    parser.add_argument("--repeat", type=int, metavar="N", help="samples of each side (default: 15)")
    parser.add_argument(
        "--protocol", type=int, default=pickle.DEFAULT_PROTOCOL, help="default: the running Python's"
    )
    parser.add_argument("--size", type=float, default=1.0, help="scales every row; 0.01 for a quick look")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter samples, nothing beside it")
    parser.add_argument(
        "--directions",
        nargs="+",
        choices=("dumps", "loads", "kept"),
        default=("dumps", "loads", "kept"),
        help="for wide (default: all)",
    )
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="only brinery")
    parser.add_argument("--save", metavar="FILE", help="for wide: the ratios, as JSON")
    parser.add_argument(
        "--largest", type=int, default=7, metavar="POWER", help="of ten, for scaling and stores (default: 7)"
    )
    chosen = parser.parse_args()
    if chosen.files and chosen.table != "report":
        parser.error(f"{chosen.table} takes no files")
    chosen.beside = chosen.beside or ("C" if chosen.engine == "compiled" else "Python")
    chosen.repeat = chosen.repeat or (5 if chosen.quick else 15)
    chosen.peers = chosen.peers and not chosen.quick
    return chosen


def main() -> None:
    chosen = options()
    os.environ["BRINERY_ENGINE"] = chosen.engine  # an engine that is not there raises, when it is imported
    if chosen.table != "report":
        print(
            f"Python {platform.python_version()}, {platform.machine()}, protocol {chosen.protocol}, "
            f"the {chosen.engine} engine"
        )
    importlib.import_module(TABLES[chosen.table]).run(chosen)


if __name__ == "__main__":
    main()
