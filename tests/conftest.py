"""What all tests share: proofs of claims are remembered, and in CI nothing is skipped unseen."""

import os
from collections.abc import Iterator

import pytest

from local.claims import Proofs

#: What a machine may lack: Lambda's own interpreter, and a second one, which no package installs.
MAY_LACK = ("3.13", "make simulate-all")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Proofs(), "claims")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[misc, assignment]
    told = str(report.longrepr)
    lacking = report.skipped and not any(reason in told for reason in MAY_LACK)
    if lacking and os.environ.get("CI") == "true":
        report.outcome = "failed"
    return report  # type: ignore[return-value]
