"""The mission's rows, and what is known of each."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.paths import ROOT
from local.tools import claims
from local.tools.claims import Proofs, Result


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the results of real runs out of these tests, and theirs out of the real ones."""
    monkeypatch.setattr(claims, "RUN", tmp_path)
    monkeypatch.setattr(claims, "RESULTS", tmp_path / "claims.json")


def test_every_row_of_the_five_products_stands_once() -> None:
    rows = [claim.row for claim in claims.claims()]

    assert {row.partition("-")[0] for row in rows} == {"CR", "OM", "OH", "KO", "IC"}
    assert len(rows) == len(set(rows)) == 55


def test_a_test_that_claims_no_row_of_the_mission_fails() -> None:
    mark = SimpleNamespace(args=("CR-1", "XX-1"))
    item = SimpleNamespace(nodeid="test_x.py::test_x", iter_markers=lambda _: [mark])

    with pytest.raises(pytest.fail.Exception, match=r"claims {'XX-1'}"):
        Proofs().pytest_runtest_setup(item)


def test_a_test_may_prove_several_rows_by_one_mark() -> None:
    mark = SimpleNamespace(args=("OH-8", "OH-9"))
    item = SimpleNamespace(
        nodeid="test_x.py::test_x", iter_markers=lambda _: [mark], user_properties=[]
    )
    proofs = Proofs()
    proofs.pytest_collection_modifyitems([item])

    assert item.user_properties == [("claim", ("OH-8", "OH-9"))]
    assert proofs.rows["test_x.py::test_x"] == {"OH-8", "OH-9"}


def test_a_test_is_as_good_as_its_worst_phase_and_parameter() -> None:
    proofs = Proofs()
    proofs.pytest_runtest_logreport(report("test_x[a]", "passed"))
    proofs.pytest_runtest_logreport(report("test_x[b]", "failed"))
    proofs.pytest_runtest_logreport(report("test_x[c]", "passed"))
    proofs.pytest_runtest_logreport(report("test_y", "failed", properties=()))

    assert proofs.outcomes == {"test_x": "failed"}


def test_a_test_that_ends_its_process_has_failed_whatever_came_before() -> None:
    proofs = Proofs()
    proofs.pytest_runtest_logreport(report("test_x", "passed"))
    proofs.pytest_runtest_logreport(report("test_x", "failed", when="???", properties=()))

    assert proofs.outcomes == {"test_x": "failed"}


def test_of_processes_that_share_the_tests_only_the_first_remembers() -> None:
    proofs = Proofs()
    proofs.pytest_runtest_logreport(report("test_x", "passed"))

    proofs.pytest_sessionfinish(SimpleNamespace(config=SimpleNamespace(workerinput={})))
    assert claims.last_results() == {}
    proofs.pytest_sessionfinish(SimpleNamespace(config=SimpleNamespace()))
    assert claims.last_results()["test_x"].outcome == "passed"


def report(
    nodeid: str, outcome: str, *, when: str = "call", properties: Any = (("claim", ("CR-1",)),)
) -> Any:
    return SimpleNamespace(nodeid=nodeid, outcome=outcome, when=when, user_properties=properties)


def test_results_of_other_tests_survive_a_run_of_some() -> None:
    claims.remember({"test_x": "failed", "test_y": "passed"})
    claims.remember({"test_x": "passed"})

    outcomes = {test: found.outcome for test, found in claims.last_results().items()}
    assert outcomes == {"test_x": "passed", "test_y": "passed"}


def test_a_row_is_as_good_as_the_worst_of_its_tests() -> None:
    results = {name: Result(name, "now") for name in ("passed", "failed", "skipped")}

    assert claims.verdict([], results) == "not yet"
    assert claims.verdict(["passed", "never"], results) == "not run"
    assert claims.verdict(["passed", "skipped"], results) == "skipped"
    assert claims.verdict(["passed", "failed", "skipped"], results) == "failed"
    assert claims.verdict(["passed"], results) == "passed"


def test_a_test_that_was_skipped_runs_again_and_one_that_ended_does_not() -> None:
    results = {name: Result(name, "now") for name in ("passed", "failed", "skipped")}

    assert claims.without_result([*results, "never"], results) == ["skipped", "never"]


def test_the_claims_are_run_with_all_that_the_tests_need() -> None:
    """A browser or a command that is missing skips a test, and leaves its claim in doubt."""
    makefile = (ROOT / "Makefile").read_text()
    set_up = dict(re.findall(r"^(\w+): ##.*\n\t\$\(call set-up,([^)]*)\)$", makefile, re.MULTILINE))

    assert set_up["claims"] == set_up["test"]


def test_the_printed_list_names_each_row_its_tests_and_how_they_ended() -> None:
    proving = {claim.row: ["test_x"] if claim.row == "CR-1" else [] for claim in claims.claims()}
    results = {"test_x": Result("passed", "2026-11-22 04:00")}
    verdicts = {row: claims.verdict(tests, results) for row, tests in proving.items()}

    lines = list(claims.report(proving, verdicts, results))

    assert "CR-1   proven" in lines[1]
    assert lines[2].strip() == "test_x (passed 2026-11-22 04:00)"
    assert "CR-2   not yet" in lines[3]
    assert lines[-1].strip() == "55 claims: 1 proven, 0 in doubt, 54 not yet."
