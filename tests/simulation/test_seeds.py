"""CI's seeds, and those that have failed once."""

from tests.simulation.volume import cases, explain, regressions, run_all

SEEDS = 10_000


def test_no_seed_breaks_an_invariant() -> None:
    figures = run_all([*regressions(), *cases(0, SEEDS)])

    print(f"\n{figures.summary()}")
    told = "\n".join(line for failed in figures.failed[:3] for line in explain(failed))
    assert not figures.failed, told
    assert figures.requests >= 80 * SEEDS
    assert sum(count for kind, count in figures.worlds.items() if kind != "all-layers") >= SEEDS / 2
