"""
What all tests share: how they are shared out among processes, which claims they prove, and that in
CI nothing is skipped unseen.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from local.tools.claims import Proofs

#: What a machine may lack: Lambda's own interpreter, and a second one, which no package installs.
MAY_LACK = ("3.13", "beside this one")
#: The tests in each of these folders share one stack; they take longest, so they begin first.
SHARING = ("tests/stack/", "tests/browser/")


class Shares(LoadScopeScheduling):
    """What is run in one process: a file, or a folder that shares a stack."""

    def _split_scope(self, nodeid: str) -> str:
        shared = (folder for folder in SHARING if nodeid.startswith(folder))
        return next(shared, nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Shares:
    # In the order in which they were collected, not by how many they are.
    config.option.loadscopereorder = False
    return Shares(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(SHARING))


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
