"""Tests of brinery-redis talk to a real server, and run where the plugin is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for redis_servers, which killed processes import too

import redis_servers


@pytest.fixture
def prefix(tmp_path: Path):
    """What a test's keys begin with; they are deleted behind it."""
    redis_servers.require()
    yield redis_servers.prefix_of(tmp_path)
    redis_servers.delete_all(redis_servers.prefix_of(tmp_path))


@pytest.fixture
def server(tmp_path: Path):
    """A server of the test's own, which loses nothing that it acknowledged."""
    with redis_servers.Throwaway(tmp_path) as own:
        yield own


def pytest_terminal_summary(terminalreporter):
    for reason in sorted(redis_servers.LEFT_OUT):
        terminalreporter.write_line(f"left out of brinery-redis: {reason}")
