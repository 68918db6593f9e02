"""What brinery asks of every plugin, asked of this one."""

import os
from pathlib import Path

import brinery_paths

from brinery.testing import PluginContract


class TestContract(PluginContract):
    plugin = brinery_paths
    examples = {"relative": Path("data/jobs.db"), "here": Path(), "many": [Path("a"), {"b": Path("b/c")}]}
    unasked = ["pathlib:WindowsPath" if os.name == "posix" else "pathlib:PosixPath"]  # of the other system
