"""What all tests share: proofs of claims are remembered, and in CI nothing is skipped unseen."""

import os
from collections.abc import Iterator

import pytest

from local.claims import Proofs

#: The one thing that a machine may lack: the interpreter of Lambda, which no package installs.
MAY_LACK = "3.13"


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Proofs(), "claims")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[misc, assignment]
    if report.skipped and os.environ.get("CI") == "true" and MAY_LACK not in str(report.longrepr):
        report.outcome = "failed"
    return report  # type: ignore[return-value]
