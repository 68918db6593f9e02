"""What the wide suite measures is the same work on both sides: the same bytes, and the same objects."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest
from engines import Wire

sys.path.insert(0, str(Path(__file__).parent))
from wide import Workload, all_workloads
from wide.workload import Way

WORKLOADS = all_workloads()

#: The rows that are one call each, of dumps and of loads.
CALLS = [one for one in WORKLOADS if type(one.way) is Way]


def test_there_are_enough():
    assert len(WORKLOADS) >= 120
    assert len({(one.group, one.name) for one in WORKLOADS}) == len(WORKLOADS)


@pytest.mark.parametrize("workload", CALLS, ids=lambda one: f"{one.group}: {one.name}")
def test_both_sides_write_the_same_bytes_and_read_what_was_written(wire: Wire, workload: Workload):
    if wire.name == "python" and "MB" in workload.name:
        pytest.skip("large payloads are the same work for every engine")
    obj, protocol = workload.make(), workload.protocol_number
    written = pickle.dumps(obj, protocol)
    assert wire.dumps(obj, protocol) == written
    # Objects without an __eq__ are compared by what is written for them; what two loads share is the same.
    try:
        expected = pickle.dumps(pickle.loads(written), protocol)
    except TypeError:  # 3.15's urllib cannot write again what it has read
        with pytest.raises(TypeError):
            pickle.dumps(wire.loads(written), protocol)
    else:
        assert pickle.dumps(wire.loads(written), protocol) == expected
