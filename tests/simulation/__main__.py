"""`make simulate SEEDS=n [FIRST=k] [MINUTES=n]`: run seeds, and show the ones that fail."""

import argparse
import sys
from math import inf

from tests.simulation.volume import Figures, cases, explain, regressions, run_all, run_here, show
from tests.simulation.world import KINDS

SHOWN_MAX = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--minutes", type=float, default=inf, help="no longer than these")
    parser.add_argument("--seed", type=int, help="this one only")
    parser.add_argument("--world", choices=sorted(KINDS), help="in this world only")
    asked = parser.parse_args()
    if asked.seed is not None:
        return replay(asked.seed, asked.world)
    chosen = [*cases(asked.first, asked.seeds, asked.world), *regressions()]
    figures = run_all(chosen, minutes=asked.minutes, show=show)
    print(f"\n{figures.summary()}")
    if figures.seeds < asked.seeds:
        left = f"FIRST={asked.first + figures.seeds} SEEDS={asked.seeds - figures.seeds}"
        print(f"Not all were run; go on with: make simulate {left}")
    for failed in figures.failed[:SHOWN_MAX]:
        print("", *explain(failed), sep="\n")
    print_others(figures)
    return 1 if figures.failed else 0


def replay(seed: int, world: str | None) -> int:
    ((_, kind),) = cases(seed, 1, world)
    figures = run_here([(seed, kind)])
    for failed in figures.failed:
        print(*explain(failed, whole=True), sep="\n")
    print(figures.line())
    return 1 if figures.failed else 0


def print_others(figures: Figures) -> None:
    for failed in figures.failed[SHOWN_MAX:]:
        names = sorted({found.name for found in failed.violations})
        print(f"{failed.replay}  # {', '.join(names)}")


if __name__ == "__main__":
    sys.exit(main())
