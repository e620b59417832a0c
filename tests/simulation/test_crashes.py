"""Whatever request a flow is broken off at, all comes to a right end."""

import pytest

from tests.simulation.crashes import sweep_all
from tests.simulation.flows import FLOWS


@pytest.mark.volume
def test_no_flow_is_harmed_by_breaking_off_at_any_of_its_requests() -> None:
    found = sweep_all()

    print(f"\n{found.runs} runs, {sum(found.points.values())} points: {dict(found.points)}")
    assert found.failed == []
    assert {name.partition(" ")[0] for name in found.points} == {*FLOWS, "pairs"}
    assert all(found.points.values())
