"""What brinery asks of every plugin, asked of this one."""

import brinery_exceptions
import failing_tasks

from brinery.testing import PluginContract


def caught(function, *args):
    try:
        function(*args)
    except Exception as exc:
        return exc
    raise AssertionError("it raised nothing")


class TestContract(PluginContract):
    plugin = brinery_exceptions
    brings = ("builtins:ExceptionGroup", "builtins:KeyError", "failing_tasks:OrderRefused")
    may_import = ("tblib",)

    def examples(self):
        refused = failing_tasks.OrderRefused(order=7, reason="no stock")
        refused.add_note("a note")
        refused.__cause__ = KeyError("stock")
        return {
            "refused": refused,
            "group": ExceptionGroup("several", [refused, KeyError(1)]),
            "raised": caught(failing_tasks.refuse, 7),
        }

    def assert_alike(self, original, copy):
        super().assert_alike(original, copy)
        assert repr(copy.__cause__) == repr(original.__cause__)
        assert (copy.__traceback__ is None) == (original.__traceback__ is None)
