"""A class of attrs' with slots, which streams of the corpus name."""

import attr


@attr.s(slots=True)
class Slots(object):  # noqa: UP004  # read by Python 2, too
    first = attr.ib()
    second = attr.ib()
