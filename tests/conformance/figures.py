"""What the suites count while they run, for the lines that pytest ends with."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
SCHEMA: list[str] = []
#: Of each kind of object: how many keys that Stripe always sends were there, of how many asked.
RECORDED: dict[str, tuple[int, int]] = {}


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
        said = [f"{name}: {found}" for name, found in counted.items() if found]
        if RECORDED:
            there, asked = (sum(of) for of in zip(*RECORDED.values(), strict=True))
            said.append(f"keys that Stripe always sends, in every object: {there} of {asked}")
        return said + SCHEMA
