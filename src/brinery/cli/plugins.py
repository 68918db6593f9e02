"""``brinery plugins``: which plugins there are, and what became of each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from brinery.cli.installation import describe_installation, installation, plugins_report
from brinery.cli.problems import Problem
from brinery.cli.text import fold

if TYPE_CHECKING:
    import argparse

    from brinery.plugin_host.report import PluginReport

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "plugins"
SUMMARY = "list the plugins: active, blocked or broken, and why; and the engine in use"
HELP = """\
List every plugin that is installed or built in, and what became of it in the
profile that brinery.dumps and the rest use:

  active    takes part; the line says what it declares
  blocked   left out on purpose, by BRINERY_PLUGINS
  broken    installed, but it cannot be loaded or breaks the contract; the line
            says why, with file and line

Above them stands which engine is in use, and why. The exit code is 1 where a
plugin is broken, or where the plugins do not go together.

environment:
  BRINERY_PLUGINS   "" for none but the built-in ones, or names: paths,numpy
  BRINERY_ENGINE    python or compiled
  BRINERY_STRICT    1: a broken plugin is an error for every program

examples:
  brinery plugins
  brinery plugins --json
  BRINERY_PLUGINS="" brinery plugins"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(options: argparse.Namespace) -> None:
    """Print the plugins. Then raises Problem where one is broken or two do not go together."""
    report, conflict = plugins_report()
    if options.json:
        print(json.dumps({**installation()._asdict(), **report.as_dict()}, indent=2))
    else:
        print(describe_installation())
        for state in ("active", "blocked", "broken"):
            _section(state, [plugin for plugin in report.plugins if plugin.state == state])
    if conflict:
        raise Problem(conflict)
    broken = [plugin.name for plugin in report.plugins if plugin.state == "broken"]
    if broken:
        raise Problem(f"broken: {', '.join(broken)}. Mend or uninstall what is broken, or leave it out")


def _section(state: str, plugins: list[PluginReport]) -> None:
    if not plugins:
        return
    print(f"\n{state}")
    for plugin in plugins:
        source = f"{plugin.distribution} {plugin.version}" if plugin.distribution else plugin.origin
        head = f"  {plugin.name:<16} {source:<24} "
        print(fold(head, _declared(plugin) if state == "active" else plugin.reason))


def _declared(plugin: PluginReport) -> str:
    counts = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in plugin.declares.items()]
    return ", ".join(counts) or "declares nothing"
