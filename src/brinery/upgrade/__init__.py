"""Old pickles made new: rewritten without importing or building anything that they name.

=========  ============================================================================
rules      protocol, names, and what strings of Python 2 are; what was changed
streams    bytes and streams
files      one file: compressed, archives; written beside, verified, swapped
running    many files: folders, several processes, Dask
swapping   new files in the place of old ones; those of a dbm all together
values     the values of a database, each for itself
shelves    shelves and other dbm files
stores     columns of SQL databases
learning   rules for names that are not found, by looking where classes live today
=========  ============================================================================
"""

from __future__ import annotations

from brinery.stream.places import Place
from brinery.upgrade.files import Done, upgrade_file
from brinery.upgrade.learning import Proposal, propose, table_of
from brinery.upgrade.rules import Changes, Rules
from brinery.upgrade.running import upgrade_files
from brinery.upgrade.shelves import upgrade_dbm
from brinery.upgrade.stores import upgrade_column
from brinery.upgrade.streams import upgrade_bytes, upgrade_stream

__all__ = [
    "Changes",
    "Done",
    "Place",
    "Proposal",
    "Rules",
    "propose",
    "table_of",
    "upgrade_bytes",
    "upgrade_column",
    "upgrade_dbm",
    "upgrade_file",
    "upgrade_files",
    "upgrade_stream",
]
