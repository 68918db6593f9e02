"""Plugins made on the spot: as modules, and as installed distributions for a child process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import types
from collections.abc import Callable
from pathlib import Path

import pluggy
import typing_extensions

import brinery
from brinery.plugin_host.kinds import KINDS

#: What brinery needs, linked into each installation.
NEEDED = (Path(brinery.__file__).parent, Path(pluggy.__file__).parent, Path(typing_extensions.__file__))


def make_plugin(name: str = "made-up", **hooks: Callable[..., object]) -> types.ModuleType:
    """A plugin as a module; each keyword is a hook without its prefix."""
    plugin = types.ModuleType(name)
    for hook, function in hooks.items():
        setattr(plugin, f"brinery_{hook}", brinery.hookimpl(function))
    return plugin


def declaring(name: str, *records: object) -> types.ModuleType:
    """A plugin that declares `records`."""

    def of(kind: type) -> Callable[[], list[object]]:
        return lambda: [record for record in records if isinstance(record, kind)]

    return make_plugin(name, **{kind.hook.removeprefix("brinery_"): of(kind.record) for kind in KINDS})


class Installation:
    """A folder of distributions, and child processes in which these are installed and no others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for path in NEEDED:
            (folder / path.name).symlink_to(path)

    def add(
        self, distribution: str, version: str = "1.0", *, plugins: dict[str, str], **modules: str
    ) -> None:
        """Install a distribution: its plugins' entry points, and its modules' source."""
        metadata = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        fields = ("Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}")
        (metadata / "METADATA").write_text("\n".join(fields) + "\n")
        points = "".join(f"{name} = {where}\n" for name, where in plugins.items())
        (metadata / "entry_points.txt").write_text(f"[brinery]\n{points}")
        for module, source in modules.items():
            (self.folder / f"{module}.py").write_text(textwrap.dedent(source))

    def run(self, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `code` in a fresh process in which the distributions are installed."""
        switches = ("BRINERY_PLUGINS", "BRINERY_PREFER", "BRINERY_STRICT")
        own = {key: value for key, value in os.environ.items() if key not in switches}
        own["PYTHONPATH"] = str(self.folder)
        return subprocess.run(
            # -S: the distributions that are installed here must not be seen.
            [sys.executable, "-S", "-c", textwrap.dedent(code)],
            env={**own, **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def out(self, code: str, **environment: str) -> str:
        """What `code` prints; it must end well, without a word on stderr."""
        done = self.run(code, **environment)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout.strip()
