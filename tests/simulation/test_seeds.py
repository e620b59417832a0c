"""CI's seeds, and those that have failed once."""

from tests.simulation.volume import CI_SEEDS, cases, explain, regressions, run_all


def test_no_seed_breaks_an_invariant() -> None:
    figures = run_all([*regressions(), *cases(0, CI_SEEDS)])

    print(f"\n{figures.summary()}")
    told = "\n".join(line for failed in figures.failed[:3] for line in explain(failed))
    assert not figures.failed, told
    assert figures.requests >= 80 * CI_SEEDS
    assert (
        sum(count for kind, count in figures.worlds.items() if kind != "all-layers") >= CI_SEEDS / 2
    )
