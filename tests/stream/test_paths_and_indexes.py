"""What is given to the stream functions by mistake, and indexes that no memo has, in words that help."""

import pathlib
import pickle

import pytest

from brinery.errors import ReadError
from brinery.stream import diagnose, diff, disassemble, references, sizes

DATA = pickle.dumps([1])


@pytest.mark.parametrize("path", ["data.pickle", pathlib.PurePosixPath("data.pickle")])
@pytest.mark.parametrize(
    "look",
    [
        diagnose,
        sizes,
        references,
        lambda path: list(disassemble(path)),
        lambda path: list(diff(DATA, path)),
        lambda path: list(diff(path, DATA)),
    ],
)
def test_a_path_is_to_be_opened(look, path):
    with pytest.raises(TypeError, match=r"no path: open it, as in open\('data.pickle', 'rb'\).*pickles_in"):
        look(path)


def test_an_index_beyond_all_is_said_in_words_of_the_stream():
    data = b"Np%d\n." % 2**70
    with pytest.raises(ReadError, match="the memo index is larger than any can be"):
        sizes(data)
    (finding, *_) = diagnose(data).findings
    assert finding.what.startswith("the memo index is larger than any can be")
    assert "ssize_t" not in finding.what
