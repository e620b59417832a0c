"""Whatever request a flow is broken off at, all comes to a right end."""

import pytest

from tests.simulation.crashes import sweep_all
from tests.simulation.flows import FLOWS
from tests.simulation.volume import show


@pytest.mark.volume
def test_no_flow_is_harmed_by_breaking_off_at_any_of_its_requests(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with capsys.disabled():
        found = sweep_all(show=show)

    print(f"\n{found.runs} runs, {sum(found.points.values())} points: {dict(found.points)}")
    assert found.failed == []
    assert {name.partition(" ")[0] for name in found.points} == {*FLOWS, "pairs"}
    assert all(found.points.values())
