"""No seed breaks an invariant."""

import pytest

from tests.simulation.volume import FULL, cases, explain, regressions, run_all, show


def test_no_seed_breaks_an_invariant(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        figures = run_all([*regressions(), *cases(0, FULL)], show=show)

    print(f"\n{figures.summary()}")
    told = "\n".join(line for failed in figures.failed[:3] for line in explain(failed))
    assert not figures.failed, told
    assert figures.requests >= 80 * FULL
    repairs_off = sum(count for kind, count in figures.worlds.items() if kind != "all-layers")
    assert repairs_off >= FULL / 2
