"""Tests of brinery-sqlalchemy talk to real servers, each test to all three databases."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for these modules, which killed processes import too

import sql_servers


@pytest.fixture(params=sql_servers.DATABASES)
def engine(request, tmp_path):
    """An engine for each database in turn, with empty tables."""
    with sql_servers.tables(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def sqlite(tmp_path):
    """An engine for SQLite, with empty tables."""
    with sql_servers.tables("sqlite", tmp_path) as made:
        yield made


def pytest_unconfigure():
    sql_servers.clean_up()


def pytest_terminal_summary(terminalreporter):
    for reason in sorted(sql_servers.LEFT_OUT):
        terminalreporter.write_line(f"left out of brinery-sqlalchemy: {reason}")
