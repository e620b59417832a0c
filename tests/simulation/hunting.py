"""`make simulate-mutants`: every planted bug against CI's own seeds, until some of them see it."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.simulation.beginning import simulated
from tests.simulation.cores import pool
from tests.simulation.mutants import MUTANTS, planted
from tests.simulation.running import kind_of, run_seed
from tests.simulation.volume import FULL

SEEDS = FULL
HITS = 5


@dataclass(frozen=True)
class Hunt:
    """How a planted bug was found, or that it was not."""

    name: str
    first: int | None
    hits: int
    seeds: int
    broken: tuple[str, ...]

    def line(self) -> str:
        if self.first is None:
            return f"{self.name:46} SURVIVED {self.seeds} seeds"
        broken = " ".join(self.broken)
        return f"{self.name:46} first {self.first:5}  {self.hits:3} of {self.seeds:5}  {broken}"


def hunt(name: str, *, seeds: int = SEEDS, hits: int = HITS) -> Hunt:
    """Run CI's seeds in their order until `hits` of them have failed."""
    failed: list[int] = []
    broken: Counter[str] = Counter()
    ran = 0
    with simulated() as (base, log, use), planted(name):
        for seed in range(seeds):
            result = run_seed(seed, kind_of(seed), base, log, use)
            ran += 1
            if result.violations:
                failed.append(seed)
                broken.update({found.name for found in result.violations})
            if len(failed) >= hits:
                break
    first = failed[0] if failed else None
    return Hunt(name, first, len(failed), ran, tuple(sorted(broken)))


def hunt_all(names: list[str], *, seeds: int = SEEDS, hits: int = HITS) -> Iterator[Hunt]:
    """Hunt on every core; a process hunts one bug after the other."""
    asked = [(name, seeds, hits) for name in names]
    with pool() as processes:
        yield from processes.imap_unordered(_hunt, asked)


def _hunt(asked: tuple[str, int, int]) -> Hunt:
    name, seeds, hits = asked
    return hunt(name, seeds=seeds, hits=hits)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--hits", type=int, default=HITS)
    parser.add_argument("--only", default="", help="those whose name begins so")
    asked = parser.parse_args()
    names = [name for name in MUTANTS if name.startswith(asked.only)]
    found = []
    for each in hunt_all(names, seeds=asked.seeds, hits=asked.hits):
        found.append(each)
        print(each.line(), flush=True)
    killed = sum(each.first is not None for each in found)
    print(f"\n{killed} of {len(found)} planted bugs were found")
    return 0 if killed == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
