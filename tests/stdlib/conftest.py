"""A skip that nobody has explained is a failure."""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    explained = getattr(getattr(item, "module", None), "SKIPPED", {})
    if report.skipped and item.name not in explained:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and SKIPPED does not say why: {report.longrepr}"
    return report
