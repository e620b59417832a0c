"""Print what is claimed, the tests that prove it, and their last result: `make claims`."""

import json
import subprocess
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.paths import ROOT, RUN

CLAIMS = ROOT / "docs" / "claims.toml"
RESULTS = RUN / "claims.json"
#: A test counts as its worst phase and its worst parameter.
WORST_FIRST = ("failed", "skipped", "passed")
CLAIM = "claim"
#: How xdist calls the phase of a test that ended its process; that report carries no claims.
CRASHED = "???"
NOT_YET, NOT_RUN = "not yet", "not run"
MARKS = {"passed": "proven", NOT_YET: NOT_YET}


@dataclass(frozen=True)
class Claim:
    """One row of the mission."""

    product: str
    row: str
    says: str


@dataclass(frozen=True)
class Result:
    """How a test ended the last time, and when."""

    outcome: str
    at: str


class Proofs:
    """
    Remembers, while pytest runs, how each test that proves a claim ended.

    Where tests are shared out among processes, those that run them see what they claim, and the one
    that gets their reports remembers: so a report carries its test's rows.
    """

    def __init__(self) -> None:
        self.rows: dict[str, set[str]] = defaultdict(set)
        self.outcomes: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers(CLAIM):
                self.rows[test_of(item.nodeid)].update(mark.args)
                item.user_properties.append((CLAIM, mark.args))

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Fail a test that claims a row which does not exist."""
        claimed = {row for mark in item.iter_markers(CLAIM) for row in mark.args}
        if claimed and (unknown := claimed - {claim.row for claim in claims()}):
            pytest.fail(f"{item.nodeid} claims {unknown}: no such row.")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        claims_any = any(name == CLAIM for name, _ in report.user_properties)
        if claims_any or report.when == CRASHED:
            test = test_of(report.nodeid)
            self.outcomes[test] = worst([report.outcome, self.outcomes.get(test, "passed")])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.outcomes and not hasattr(session.config, "workerinput"):
            remember(self.outcomes)


def main() -> None:
    """Run what has no result yet, then print; a claim whose test fails ends with status 1."""
    proofs = collect()
    results = last_results()
    missing = without_result(proofs.rows, results)
    if missing:
        print(f"Running the {len(missing)} tests that have no result yet.", flush=True)
        subprocess.run([sys.executable, "-m", "pytest", "-q", *missing], cwd=ROOT, check=False)
        results = last_results()
    proving = {
        claim.row: sorted(test for test, rows in proofs.rows.items() if claim.row in rows)
        for claim in claims()
    }
    verdicts = {row: verdict(tests, results) for row, tests in proving.items()}
    for line in report(proving, verdicts, results):
        print(line)
    sys.exit(any(found not in MARKS for found in verdicts.values()))


def claims() -> list[Claim]:
    """Return every row."""
    products = tomllib.loads(CLAIMS.read_text())
    return [Claim(name, row, says) for name, rows in products.items() for row, says in rows.items()]


def collect() -> Proofs:
    """Return which tests claim which rows, as pytest finds them."""
    proofs = Proofs()
    asked = ["--collect-only", "-p", "no:terminal", str(ROOT / "tests")]
    if pytest.main(asked, plugins=[proofs]) is not pytest.ExitCode.OK:
        sys.exit("The tests cannot be collected: run make test to see why.")
    return proofs


def test_of(nodeid: str) -> str:
    """Return a test's name without its parameters."""
    return nodeid.partition("[")[0]


def worst(outcomes: Iterable[str]) -> str:
    return min(outcomes, key=WORST_FIRST.index)


def remember(outcomes: dict[str, str]) -> None:
    """Keep how tests ended, beside what is known of the others."""
    known: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    at = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    known |= {test: {"outcome": outcome, "at": at} for test, outcome in outcomes.items()}
    RUN.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True))


def last_results() -> dict[str, Result]:
    """Return how each test ended that the last runs have met."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return {test: Result(**found) for test, found in known.items()}


def without_result(tests: Iterable[str], results: dict[str, Result]) -> list[str]:
    """Return the tests to run: those that never ran, and those that were skipped the last time."""
    ended = {test for test, last in results.items() if last.outcome != "skipped"}
    return [test for test in tests if test not in ended]


def verdict(tests: list[str], results: dict[str, Result]) -> str:
    """Return what is known of a row: a row is as good as the worst of its tests."""
    if not tests:
        return NOT_YET
    if any(test not in results for test in tests):
        return NOT_RUN
    return worst(results[test].outcome for test in tests)


def report(
    proving: dict[str, list[str]], verdicts: dict[str, str], results: dict[str, Result]
) -> Iterator[str]:
    """Yield the lines to print."""
    product = None
    for claim in claims():
        if claim.product != product:
            product = claim.product
            yield f"\n{product}"
        found = verdicts[claim.row]
        yield f"  {claim.row:<6} {MARKS.get(found, found):<8} {claim.says}"
        for test in proving[claim.row]:
            last = results.get(test)
            yield f"{'':18}{test} ({f'{last.outcome} {last.at}' if last else NOT_RUN})"
    states = list(verdicts.values())
    proven, later = states.count("passed"), states.count(NOT_YET)
    doubt = len(states) - proven - later
    yield f"\n{len(states)} claims: {proven} proven, {doubt} in doubt, {later} not yet."


if __name__ == "__main__":
    main()
