"""``brinery new-plugin NAME``: a distribution to begin with, which passes its tests as it stands."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from brinery.cli.problems import Problem

if TYPE_CHECKING:
    import argparse

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "new-plugin"
SUMMARY = "write a plugin to begin with, which passes its own tests"
HELP = """\
Write a distribution with a plugin: pyproject.toml, README, the plugin and its
tests, which are brinery's contract with plugins, and that with stores if it is
one. It installs, passes its tests
and shows in `brinery plugins` as it stands; then make it your own.

NAME is the plugin's name, in small letters. The folder is brinery-NAME, the
module brinery_NAME. With --store the plugin brings a kind of store, opened by
URLs that begin with NAME: as sqlite: does.

examples:
  brinery new-plugin colours
  brinery new-plugin shelf --store
  cd brinery-colours && pip install -e . --group test && pytest"""

_TEMPLATES = Path(__file__).parent / "templates"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("name", metavar="NAME", help="the plugin's name")
    parser.add_argument("--store", action="store_true", help="a plugin that brings a kind of store")


def run(options: argparse.Namespace) -> None:
    """Write the files. Raises Problem for a name that will not do, and where the folder is there already."""
    name = options.name.removeprefix("brinery-")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise Problem(f"{options.name!r} is no name for a plugin: {_wrong(name)}")
    # Which no other command is to wait for.
    from brinery.plugin_host.discovery import installed_plugins
    from brinery.plugin_host.selection import BUILT_IN

    if name in BUILT_IN:
        raise Problem(f"{name!r} is the name of a plugin that is built in; choose another")
    if installed := installed_plugins().get(name):
        distribution = installed[0].plugin.distribution
        raise Problem(
            f"{name!r} is the name of a plugin that is installed, by {distribution}; choose another"
        )
    words = {
        "name": name,
        "distribution": f"brinery-{name}",
        "module": f"brinery_{name.replace('-', '_')}",
        "store": "".join(part.capitalize() for part in name.split("-")),
    }
    if keyword.iskeyword(words["store"]):
        raise Problem(f"{options.name!r} is no name for a plugin: its class would be a word of Python's")
    folder = Path(words["distribution"])
    try:
        folder.mkdir()
    except FileExistsError:
        raise Problem(f"{folder} is there already; nothing was written") from None
    except OSError as failed:
        raise Problem(f"{folder} cannot be made: {failed.strerror}") from failed
    templates = _TEMPLATES / ("store" if options.store else "reducer")
    for template in sorted(templates.rglob("*.txt")):
        path = template.relative_to(templates).with_suffix("")
        target = folder / Template(str(path)).substitute(words)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(template.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
    print(f"{folder} is a plugin. Install it, test it, and see it:\n")
    print(f"  cd {folder}")
    print('  pip install "pip>=25.1" && pip install -e . --group test && pytest')
    print(f"  brinery plugins {name}\n")
    print(f"Then make it your own: {folder / 'src' / words['module'] / '__init__.py'}")


def _wrong(name: str) -> str:
    """What is wrong with a name, and one that is like it and would do."""
    like = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-").lstrip("0123456789-")
    meant = f"; {like!r} would do" if like else ""
    if re.match("[0-9]", name):
        return f"it becomes the name of a class, and begins with a digit{meant}"
    return f"small letters, digits and single hyphens, a letter first{meant}"
