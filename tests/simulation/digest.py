"""Print the digest of some seeds: what another interpreter, or another hash seed, has to print."""

import sys

from tests.simulation.beginning import simulated
from tests.simulation.running import kind_of, run_seed


def digests(seeds: range) -> list[str]:
    with simulated() as (base, log, use):
        return [run_seed(seed, kind_of(seed), base, log, use, traced=True).digest for seed in seeds]


if __name__ == "__main__":
    print(*digests(range(int(sys.argv[1]))), sep="\n")
