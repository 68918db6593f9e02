"""What brinery asks of every plugin, asked of this one."""

import types

import brinery_functions

from brinery.testing import PluginContract


def adder(number):
    def add(other):
        return number + other

    return add


class TestContract(PluginContract):
    plugin = brinery_functions
    golden = False  # code is for the same version of Python, and not for keeping
    brings = ("builtins:type",)
    # Code is what this plugin is for.
    dangerous = (
        "builtins:getattr",
        "cloudpickle.cloudpickle:_builtin_type",
        "cloudpickle.cloudpickle:_make_function",
    )

    def examples(self):
        class Local:
            def method(self):
                return 3

        return {"lambda": lambda other: other + 3, "closure": adder(3), "class": Local}

    def assert_alike(self, original, copy):
        if isinstance(original, types.FunctionType):
            assert copy(4) == original(4) == 7
        else:
            assert copy().method() == 3
