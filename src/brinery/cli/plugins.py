"""``brinery plugins``: which plugins there are, and what became of each."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

from brinery.cli.installation import describe_installation, installation, listed_profile
from brinery.cli.problems import Problem
from brinery.wording import fold, nearest

if TYPE_CHECKING:
    import argparse

    from brinery.plugin_host.report import PluginReport, Report

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "plugins"
SUMMARY = "list the plugins, active or not and why; and the engine in use"
HELP = """\
List every plugin that is installed or built in, and what became of it in the
profile that brinery.dumps and the rest use:

  active    takes part; the line says what it declares
  blocked   left out on purpose, by BRINERY_PLUGINS
  broken    installed, but it cannot be loaded or breaks the contract; the line
            says why, with file and line

Above them stands which engine is in use, and why. Below them stands all that
plugins disagree on, each with the line that settles it. The exit code is 1
where a plugin is broken, or where plugins disagree.

With NAME, that plugin alone: its options, its hooks and what it declares.

environment:
  BRINERY_PLUGINS   "" for none but the built-in ones, or names: paths,numpy
  BRINERY_PREFER    who is meant: "reducer:numpy:ndarray=kit; scheme:s3=aws"
  BRINERY_ENGINE    python or compiled
  BRINERY_STRICT    1: what is broken or in conflict is an error for programs

examples:
  brinery plugins
  brinery plugins paths
  brinery plugins --json
  BRINERY_PLUGINS="" brinery plugins"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="the plugin to tell all about")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(options: argparse.Namespace) -> None:
    """Print the plugins. Then raises Problem where one is broken or some disagree."""
    report = listed_profile().report()
    if options.name is not None:
        _print_one(report, options.name, options.json)
        return
    if options.json:
        print(json.dumps({**installation()._asdict(), **report.as_dict()}, indent=2))
    else:
        print(describe_installation())
        for state in ("active", "blocked", "broken"):
            _section(state, [plugin for plugin in report.plugins if plugin.state == state])
        if report.conflicts:
            print("\nin conflict")
            for conflict in report.conflicts:
                print(textwrap.indent(conflict, "  "))
    problems = []
    broken = [plugin.name for plugin in report.plugins if plugin.state == "broken"]
    if broken:
        problems.append(f"broken: {', '.join(broken)}. Mend or uninstall what is broken, or leave it out")
    if report.conflicts:
        count = len(report.conflicts)
        problems.append(f"in conflict: {count} thing{'s' if count > 1 else ''}. Say which plugin is meant")
    if problems:
        raise Problem("; ".join(problems))


def _print_one(report: Report, name: str, as_json: bool) -> None:
    plugins = [plugin for plugin in report.plugins if plugin.name == name]
    if not plugins:
        known = {plugin.name for plugin in report.plugins}
        raise Problem(f"there is no plugin {name!r}{nearest(name, known, 'plugins')}")
    for plugin in plugins:
        if as_json:
            print(json.dumps({**plugin._asdict(), "declares": dict(plugin.declares)}, indent=2))
            continue
        source = f"{plugin.distribution} {plugin.version}" if plugin.distribution else plugin.origin
        print(f"{plugin.name} ({source}), {plugin.where}")
        print(fold("  state     ", f"{plugin.state}: {plugin.reason}"))
        rows = (("hooks", plugin.hooks), ("options", plugin.options), ("declares", plugin.records))
        for title, lines in rows:
            for number, line in enumerate(lines or ("none",)):
                print(fold(f"  {'' if number else title:<10}", line))


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
