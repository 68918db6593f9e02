"""What brinery asks of every plugin, asked of this one."""

from __future__ import annotations

import brinery_python2

from brinery.testing import PluginContract


class TestContract(PluginContract):
    plugin = brinery_python2
    may_import = ("email",)  # with importlib.metadata, by which brinery has found the plugin already
    examples = {"nothing of its own is written": [1, "a", {"b": 2.5}]}
    golden = False
