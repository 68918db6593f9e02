"""The wide suite: what people really pickle, some two hundred workloads.

One concern per file: ``data`` (plain data), ``standard`` (types of the standard library), ``instances``
(classes of one's own), ``single`` (one object at a time), ``protocols``, ``streams``, ``hooks`` and
``third_party``. ``workload`` says what a row is, ``measuring`` prints the tables, ``report`` puts those of
several Pythons side by side.
"""

from __future__ import annotations

from . import data, hooks, instances, protocols, single, standard, streams, third_party
from .workload import Workload

__all__ = ["Workload", "all_workloads"]


def all_workloads() -> list[Workload]:
    """Every row, those of libraries only where these are installed."""
    modules = (data, standard, instances, single, protocols, streams, hooks, third_party)
    return [workload for module in modules for workload in module.workloads()]
