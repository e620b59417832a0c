"""What the suites count while they run, for the lines that pytest ends with."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
SCHEMA: list[str] = []


class Outcomes:
    """How the tests of each suite ended."""

    def __init__(self) -> None:
        self.ended: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.ended[report.nodeid] = report.outcome

    def of(self, part: str) -> str | None:
        outcomes = Counter(end for nodeid, end in self.ended.items() if part in nodeid)
        return f"{outcomes['passed']} of {outcomes.total()}" if outcomes else None

    def lines(self) -> list[str]:
        counted = {
            "surfaces (Stripe's SDK)": self.of("conformance/surfaces/"),
            "triggers (Stripe's CLI)": self.of("test_a_trigger_succeeds"),
            "events that they leave": self.of("test_a_trigger_leaves"),
        }
        return [f"{name}: {found}" for name, found in counted.items() if found] + SCHEMA
