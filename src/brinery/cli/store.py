"""``brinery store``: what is in a store's file, and bringing it to what a program declares now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.cli.problems import Problem
from brinery.dotted import import_dotted, is_dotted
from brinery.errors import BrineryError

if TYPE_CHECKING:
    import argparse

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "store"
SUMMARY = "look into an SQLite store, and migrate its tables"
HELP = """\
Show what lives in an SQLite store, and bring its tables to what a program
declares now. Nothing is imported to show it; to migrate, the classes are.

examples:
  brinery store ls sqlite:///shop.db
  brinery store migrate sqlite:///shop.db --dry-run
  brinery store migrate sqlite:///shop.db --tables shop.models:TABLES
  brinery store migrate sqlite:///shop.db --rename customers.nome=name
  brinery store migrate sqlite:///shop.db --drop customers.fax"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    acts = parser.add_subparsers(dest="act", metavar="ls|migrate", required=True)
    listing = acts.add_parser("ls", help="tables, their classes, how many rows, and their columns")
    listing.add_argument("url", help="the store: sqlite:///shop.db, or the file's path")
    moving = acts.add_parser("migrate", help="add, rename and drop columns, in one transaction")
    moving.add_argument("url", help="the store: sqlite:///shop.db, or the file's path")
    moving.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    moving.add_argument("--tables", metavar="MODULE:NAME", help="where the program declares its tables")
    moving.add_argument(
        "--rename", metavar="TABLE.OLD=NEW", action="append", default=[], help="a column's new name"
    )
    moving.add_argument(
        "--drop", metavar="TABLE.COLUMN", action="append", default=[], help="a column that may go"
    )


def run(options: argparse.Namespace) -> None:
    """Do it. Raises Problem where the file or the declaration is not what it should be."""
    try:
        path = _path(options.url)
        if options.act == "ls":
            _list(path)
        else:
            _migrate(path, options)
    except BrineryError as error:
        raise Problem(str(error)) from error


def _list(path: str) -> None:
    from brinery.persistence.sqlite.database import Database
    from brinery.persistence.sqlite.schema import quote, recorded

    database = Database(path, timeout=30, read_only=True, create=False)
    try:
        with database.reading() as connection:
            found = recorded(connection)
            if not found:
                raise Problem(f"{path} does not say what lives in it: brinery made no table there")
            for table in found:
                ((count,),) = connection.execute(f"SELECT count(*) FROM {quote(table.name)}")
                print(f"{table.name}: {count:,} {'row' if count == 1 else 'rows'} of {table.class_name}")
                for column in table.columns:
                    marks = [
                        *(["key"] if column in table.key else []),
                        *(["bool"] if column in table.bools else []),
                        *([f"refers to {table.references[column]}"] if column in table.references else []),
                    ]
                    described = f"  ({', '.join(marks)})" if marks else ""
                    print(f"    {column}{described}")
    finally:
        database.close()


def _migrate(path: str, options: argparse.Namespace) -> None:
    from brinery.persistence.sqlite import migrate

    tables: Any = None
    if options.tables is not None:
        if not is_dotted(options.tables):
            raise Problem(f"--tables {options.tables}: write it as package.module:NAME")
        try:
            tables = import_dotted(options.tables)
        except Exception as error:
            raise Problem(f"--tables {options.tables}: {type(error).__name__}: {error}") from error
    renames = {}
    for text in options.rename:
        old, equals, new = text.partition("=")
        if not equals or "." not in old or not new:
            raise Problem(f"--rename {text}: write it as TABLE.OLD=NEW")
        renames[old] = new
    steps = migrate(path, tables, renames=renames, drop=options.drop, dry_run=options.dry_run)
    for step in steps:
        print(step)
    if not steps:
        print("nothing to do: the file is as it is declared")
    elif options.dry_run:
        print("nothing was done (--dry-run)")


def _path(url: str) -> str:
    from brinery.persistence.sqlite.urls import path_of

    if not url.startswith("sqlite:"):
        if "://" in url:
            raise Problem(f"{url} is no SQLite store; other stores have tools of their own")
        return url
    return path_of(url)
