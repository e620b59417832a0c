"""No seed breaks an invariant: some in every run of the tests, many more where time allows."""

import pytest

from tests.simulation.volume import FULL, cases, explain, regressions, run_all, show

#: What a run of all tests has time for: two minutes on two cores.
FEW = 1000


@pytest.mark.parametrize("seeds", [FEW, pytest.param(FULL, marks=pytest.mark.volume)])
def test_no_seed_breaks_an_invariant(seeds: int, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        figures = run_all([*regressions(), *cases(0, seeds)], show=show)

    print(f"\n{figures.summary()}")
    told = "\n".join(line for failed in figures.failed[:3] for line in explain(failed))
    assert not figures.failed, told
    assert figures.requests >= 80 * seeds
    repairs_off = sum(count for kind, count in figures.worlds.items() if kind != "all-layers")
    assert repairs_off >= seeds / 2
