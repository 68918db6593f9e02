"""Classes that attrs makes."""

import attr


@attr.define
class Defined:
    number: int
    text: str
    value: float


@attr.frozen
class Frozen:
    number: int
    text: str
    value: float


@attr.s(auto_attribs=True)
class WithDict:
    number: int
    text: str
    value: float
