"""A class whose metaclass has an ``==`` of its own is a class like any other."""

from __future__ import annotations

import os
import subprocess
import sys

CLASSES = """
class Answer:
    def __bool__(self): {answer}

class Meta(type):
    def __eq__(cls, other): return Answer()
    __hash__ = type.__hash__

class Odd(metaclass=Meta):
    pass
"""

BY_VALUE = """
import brinery_functions
from brinery import Profile

profile = Profile([brinery_functions])
for written in (profile.dumps(Odd), profile.dumps(Odd())):
    assert len(written) > 150, written
"""

BY_NAME = """
import pickle
import brinery_functions
import odd_classes
from brinery import Profile

profile = Profile([brinery_functions])
for one in (odd_classes.Odd, odd_classes.Odd()):
    assert profile.dumps(one, 4) == pickle.dumps(one, 4)
"""


def test_that_of_main_goes_by_value():
    subprocess.run([sys.executable, "-c", CLASSES.format(answer="return True") + BY_VALUE], check=True)


def test_an_importable_one_stays_by_name(tmp_path):
    (tmp_path / "odd_classes.py").write_text(CLASSES.format(answer="raise TypeError('no')"))
    found = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    subprocess.run([sys.executable, "-c", BY_NAME], check=True, env={**os.environ, "PYTHONPATH": found})
