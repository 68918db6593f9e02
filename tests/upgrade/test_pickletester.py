"""Every stream that CPython's own pickle tests load, upgraded to any protocol, loads to an equal object."""

import io
import pickle
import unittest
import warnings

import pytest
from shapes import shape
from test import test_pickle

from brinery import Profile
from brinery.errors import ReadError
from brinery.upgrade import Rules, upgrade_bytes

PLAIN = Profile.plain()

#: What an older protocol cannot say, in the words of the refusal.
UNSAYABLE = (
    "out-of-band buffers need protocol 5",
    "extension codes need protocol 2",
    "can't pickle module identifier",  # that is not ASCII, below protocol 3
    "SETITEMS changes what cannot be changed",  # none to None: Python 3.15 refuses APPENDS like that itself
    "a tuple that holds itself",  # a set in itself, which is a call below protocol 4: C pickle cannot either
)
#: Exceptions that Python 2 had not: there, and so at protocols 0 to 2, they are what C pickle makes of them.
NEWER = "test_builtin_exceptions"
_LARGEST = 1_000_000


class Recording:
    """A case of the standard library's; all that it loads is compared."""

    __test__ = False  # of the case itself there are tests enough

    def loads(self, data, **options):
        found = super().loads(data, **options)
        name = self.id().rpartition(".")[2]
        # Without fix_imports the names of Python 2 would be left as they are, of which no file says anything.
        if options.get("fix_imports") is not False and len(data) < _LARGEST:
            compare(name, bytes(data), options)
        return found


class RecordedUnpickler(Recording, test_pickle.CUnpicklerTests):
    """Streams that are written down in the tests, those of old versions among them."""


class RecordedPickler(Recording, test_pickle.CPicklerTests):
    """Whatever can be pickled, at every protocol."""


class RecordedInMemory(Recording, test_pickle.InMemoryPickleTests):
    """The same by the functions, and buffers."""


seen = set()
count = 0
wrong = []


def compare(name, data, options):
    global count
    if data in seen:
        return
    seen.add(data)
    file = io.BytesIO(data)
    first = pickle.load(file, **options)
    data = data[: file.tell()]  # an upgrade takes what follows for another pickle
    buffers = {"buffers": options["buffers"]} if "buffers" in options else {}
    strings = {key: options[key] for key in ("encoding", "errors") if key in options}
    right = pictured(first)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        try:
            new = upgrade_bytes(data, Rules(protocol, profile=PLAIN, **strings))
        except ReadError as refused:
            digits = protocol < 2 and "digits" in str(refused)  # the interpreter's limit
            if not digits and not any(words in str(refused) for words in UNSAYABLE):
                wrong.append((name, protocol, data[:100], str(refused)))
            continue
        count += 1
        if pictured(pickle.loads(new, **buffers)) != right and (protocol > 2 or name != NEWER):
            wrong.append((name, protocol, data[:100], new[:100]))


def pictured(obj):
    """The object's shape; where that has no end (sets that are in themselves), its type."""
    try:
        return shape(obj)
    except RecursionError:
        return [type(obj).__name__]


@pytest.mark.filterwarnings("default")  # some tests use what their Python has deprecated
def test_what_loads_loads_to_the_same_afterwards():
    cases = (RecordedUnpickler, RecordedPickler, RecordedInMemory)
    suite = unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, cases))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
    assert not result.errors + result.failures
    assert wrong == []
    assert len(seen) > 4000
    assert count > 20_000
