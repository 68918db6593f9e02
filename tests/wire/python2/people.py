# -*- coding: utf-8 -*-
"""The classes of the golden pickles; Python 2.7 and Python 3 both import this module as `people`."""


class Old:
    """An old-style class in Python 2: written with INST or OBJ."""

    def __init__(self, name="old"):
        self.name = name


class OldWithArguments:
    """Old-style, with the arguments that its constructor is called with again."""

    def __init__(self, name):
        self.name = name

    def __getinitargs__(self):
        return (self.name,)


class New(object):
    """New-style: written through copy_reg at protocols 0 and 1, with NEWOBJ at 2."""

    def __init__(self, name="new"):
        self.name = name


class Slotted(object):
    __slots__ = ("left", "right")

    def __getstate__(self):
        return (self.left, self.right)

    def __setstate__(self, state):
        self.left, self.right = state


class Reduced(object):
    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        return Reduced, (self.value,)


class OwnList(list):
    """A subclass of a builtin, with an attribute of its own."""


class OwnError(Exception):
    pass
