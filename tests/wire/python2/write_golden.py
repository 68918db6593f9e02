# -*- coding: utf-8 -*-
"""Write the golden pickles with a real Python 2.7: ``python2.7 write_golden.py DIRECTORY``.

One file for each object of `CASES`, each protocol from 0 to 2, and each of `pickle` and `cPickle`, called
CASE.PROTOCOL.MODULE. What each must be read as is in test_python2.py, which also checks, where a
Python 2.7 is found, that this script still writes the very same bytes.

An object is made anew for every file: cPickle looks at reference counts to decide what to memoize.
"""

from __future__ import print_function

import array
import cPickle
import collections
import datetime
import decimal
import fractions
import os
import pickle
import Queue
import StringIO
import sys
import time
import urllib
import urlparse
import UserDict
import UserList
import UserString

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import people


def recursive_list():
    items = [1]
    items.append(items)
    return items


def recursive_dict():
    table = {}
    table["itself"] = table
    return table


def recursive_instance():
    new = people.New()
    new.itself = new
    return new


def recursive_tuple():
    pair = ([], "end")
    pair[0].append(pair)
    return pair


def shared():
    items = ["shared"]
    return [items, items]


def slotted():
    new = people.Slotted()
    new.left, new.right = 1, u"ü"
    return new


def with_attribute(own):
    own.note = "kept"
    return own


def own_error():
    error = people.OwnError("no", 7)
    error.code = 7
    return error




def journal():
    """What `brinery demo` reads: text in UTF-8 beside dates, which no single encoding decodes."""
    return {
        "title": u"Guest book",
        "place": u"Café Zürich".encode("utf-8"),
        "opened": datetime.datetime(2009, 5, 17, 8, 30),
        "takings": decimal.Decimal("1234.50"),
        "tags": set(["summer"]),
        "tables": xrange(1, 13),
        "visits": 10L ** 12,
        "guests": UserDict.UserDict({"Ada": 3}),
    }


CASES = {
    # Strings
    "str_ascii": lambda: "plain",
    "str_latin1": lambda: "caf\xe9",
    "str_utf8": lambda: u"café".encode("utf-8"),
    "str_all_bytes": lambda: "".join(map(chr, range(256))),
    "str_quotes": lambda: "it's \"quoted\"\\\n\r\t\0",
    "str_long": lambda: "long " * 100,
    "str_empty": lambda: "",
    "unicode": lambda: u"naïve € \U0001f600",
    "unicode_escapes": lambda: u"line\nback\\slash \\u0041 \0 \x1a",
    "unicode_surrogate": lambda: u"lone \ud800",
    "unicode_empty": lambda: u"",
    # Numbers
    "ints": lambda: [0, 1, -1, 255, 256, 65535, 65536, 2147483647, -2147483648, sys.maxint],
    "longs": lambda: [0L, 1L, -1L, 255L, -128L, 2L ** 31, 2L ** 63, -(2L ** 63), 10L ** 30, -(10L ** 30)],
    "long_huge": lambda: 3L ** 2000,
    "bools": lambda: [True, False, None],
    "floats": lambda: [0.0, -0.0, 1.5, 1e300, 1e-300, float("inf"), float("-inf"), 0.1],
    "complex": lambda: 1.5 - 2j,
    # Containers
    "tuples": lambda: [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "list": lambda: range(20),
    "dict": lambda: {"a": 1, u"b": [2], 3: (4,), None: {}},
    "dict_latin1_keys": lambda: {"\xe9": 1, "e": 2},
    "sets": lambda: [set([1, 2]), frozenset([3, 4]), set(), frozenset()],
    "nested": lambda: {"jobs": [{"name": "a", "tags": ("x", u"y")}, {"name": "b", "tags": ()}]},
    "bytearray": lambda: bytearray("by\xfe\xff"),
    "shared": shared,
    "recursive_list": recursive_list,
    "recursive_dict": recursive_dict,
    "recursive_tuple": recursive_tuple,
    "recursive_instance": recursive_instance,
    # Instances
    "old": people.Old,
    "old_utf8_attribute": lambda: people.Old(u"ü".encode("utf-8")),
    "old_with_arguments": lambda: people.OldWithArguments("given"),
    "old_class": lambda: people.Old,
    "new": people.New,
    "new_class": lambda: people.New,
    "slotted": slotted,
    "reduced": lambda: people.Reduced([1, "two"]),
    "own_list": lambda: with_attribute(people.OwnList([1, 2])),
    # The standard library
    "date": lambda: datetime.date(2012, 12, 21),
    "datetime": lambda: datetime.datetime(2012, 12, 21, 11, 12, 13, 456789),
    "datetime_ascii": lambda: datetime.datetime(1281, 12, 21, 11, 12, 13, 0x010203),
    "time": lambda: datetime.time(23, 59, 58, 250000),
    "timedelta": lambda: datetime.timedelta(-1, 5, 7),
    "struct_time": lambda: time.struct_time((2012, 12, 21, 11, 12, 13, 4, 356, 0)),
    "decimal": lambda: decimal.Decimal("-1.50"),
    "fraction": lambda: fractions.Fraction(-3, 7),
    "ordered_dict": lambda: collections.OrderedDict([("z", 1), ("a", [2])]),
    "defaultdict": lambda: collections.defaultdict(list, {"a": [1]}),
    "deque": lambda: collections.deque([1, 2, 3], 5),
    "counter": lambda: collections.Counter({"a": 2}),
    "array_int": lambda: array.array("i", [1, -2, 3]),
    "journal": journal,
    # Exceptions
    "exceptions": lambda: [ValueError("bad", 1), KeyError("k"), StandardError("std"), IOError(2, "gone")],
    "unicode_error": lambda: UnicodeDecodeError("ascii", "\xff", 0, 1, "ordinal not in range"),
    "own_error": own_error,
    # Names that moved in Python 3
    "builtin_types": lambda: [int, long, str, unicode, basestring, object, list, type, bytearray],
    "builtin_functions": lambda: [len, range, xrange, map, filter, zip, reduce, unichr, intern],
    "xrange": lambda: [xrange(3), xrange(1, 10, 4)],
    "exception_classes": lambda: [StandardError, ValueError, KeyboardInterrupt, EnvironmentError],
    "user_dict": lambda: UserDict.UserDict({"a": 1}),
    "user_list": lambda: UserList.UserList([1, 2]),
    "user_string": lambda: UserString.UserString("text"),
    "string_io": lambda: StringIO.StringIO("contents"),
    "queue_classes": lambda: [Queue.Queue, Queue.Empty],
    "urllib_functions": lambda: [urllib.quote, urllib.urlencode, urlparse.urlsplit],
    "parsed_url": lambda: urlparse.urlsplit("http://example.org/path?q=1"),
}


def write_all(directory):
    for name, make in sorted(CASES.items()):
        for protocol in (0, 1, 2):
            for module in (pickle, cPickle):
                path = os.path.join(directory, "%s.%d.%s" % (name, protocol, module.__name__))
                with open(path, "wb") as file:
                    file.write(module.dumps(make(), protocol))


if __name__ == "__main__":
    write_all(sys.argv[1])
