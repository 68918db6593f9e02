"""What brinery asks of every plugin, asked of this one."""

import functools
import math
import types
import typing

import brinery_functions

from brinery.testing import PluginContract


def adder(number):
    def add(other):
        return number + other

    return add


class TestContract(PluginContract):
    plugin = brinery_functions
    golden = False  # code is for the same version of Python, and not for keeping
    brings = ("_operator:getitem", "builtins:type", "typing:Generic")
    # Of these a class has some in some versions of Python only, and the last a dataclass from protocol 2 on.
    unasked = (
        "builtins:getset_descriptor",
        "builtins:mappingproxy",
        "dataclasses:_FIELD_BASE",
        "functools:_lru_cache_wrapper",
        "typing:NewType",
        "typing:ParamSpec",
        "typing:TypeAliasType",
        "typing:TypeVarTuple",
    )
    # Code is what this plugin is for.
    dangerous = (
        "builtins:getattr",
        "cloudpickle.cloudpickle:_builtin_type",
        "cloudpickle.cloudpickle:_make_function",
        "cloudpickle.cloudpickle:subimport",
    )

    def examples(self):
        class Local:
            def method(self):
                return 3

        T = typing.TypeVar("T")

        class Rich(typing.Generic[T]):
            @property
            def three(self):
                return math.floor(3.5)

            @functools.cached_property
            def six(self):
                return 6

            @classmethod
            def four(cls):
                return cls.three.fget(None) + 1

            @staticmethod
            def five():
                return 5

            def method(self):
                return self.five() - self.four() + self.three - 1

        Rich.nameless = lambda self: 3
        return {
            "lambda": lambda other: other + 3,
            "closure": adder(3),
            "class": Local,
            "rich": Rich,
            "method": Rich().nameless,
            "module": [math],
        }

    def assert_alike(self, original, copy):
        if isinstance(original, types.FunctionType):
            assert copy(4) == original(4) == 7
        elif isinstance(original, types.MethodType):
            assert copy() == original() == 3
        elif isinstance(original, list):
            assert copy == original
        else:
            assert copy().method() == 3
