"""Old pickles made new: rewritten without importing or building anything that they name.

=========  ============================================================================
rules      protocol, names, and what strings of Python 2 are; what was changed
streams    bytes and streams
contents   what a file holds: pickles, compressed or not, in archives or not
archives   zip and tar archives, written anew with other members
holding    what is put together before it goes elsewhere
done       what became of a file
swapping   new files in the place of old ones; those of a dbm all together
texts      pickles that are kept as text
values     the values of a database, each for itself
databases  SQLite files, looked into
shelves    shelves and other dbm files
stores     columns of SQL databases
files      one file: written beside, verified, swapped
running    many files: folders, several processes, Dask
learning   rules for names that are not found, by looking where classes live today
=========  ============================================================================
"""

from __future__ import annotations

from brinery.stream.places import Place
from brinery.upgrade.done import Done
from brinery.upgrade.files import upgrade_file
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
