"""Many seeds on several processes: what they showed, and the ones that failed."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cache
from math import inf
from pathlib import Path

from tests.simulation.beginning import Base, simulated
from tests.simulation.cores import CORES, pool
from tests.simulation.running import Result, kind_of, run_seed
from tests.simulation.wiring import Log
from tests.simulation.world import KINDS

REGRESSIONS = Path(__file__).with_name("regressions.txt")
PORTION = 50
#: What every run of the tests goes through, and what a planted bug has to be found in. A seed is
#: some thirty invocations of the real functions, about 0.05 s of one core.
FULL = 10_000
#: How much of a long trace stands in the report of many seeds: its beginning, and its end.
SHOWN_LINES = 500

Case = tuple[int, str]


@dataclass
class Figures:
    """The sum of many seeds."""

    seeds: int = 0
    requests: int = 0
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    worlds: Counter[str] = field(default_factory=Counter)
    failed: list[Result] = field(default_factory=list)
    #: Of cores, however busy others keep them.
    seconds: float = 0.0
    #: By the clock, and on how many cores.
    elapsed: float = 0.0
    cores: int = 1

    def add(self, result: Result) -> None:
        self.seeds += 1
        self.requests += result.requests
        self.kills += result.kills
        self.faults += result.faults
        self.worlds[result.kind] += 1
        if result.violations:
            self.failed.append(result)

    def merge(self, other: "Figures") -> None:
        self.seeds += other.seeds
        self.requests += other.requests
        self.kills += other.kills
        self.faults += other.faults
        self.worlds += other.worlds
        self.failed += other.failed
        self.seconds += other.seconds

    @property
    def per_minute_and_core(self) -> int:
        return round(self.seeds / (self.seconds or 1) * 60)

    def line(self) -> str:
        return (
            f"{self.seeds} seeds, {self.per_minute_and_core} a minute and core, "
            f"{self.requests} requests, {self.kills} kills, {len(self.failed)} violations"
        )

    def summary(self) -> str:
        faults = ", ".join(f"{kind} {found}" for kind, found in sorted(self.faults.items()))
        worlds = ", ".join(f"{kind} {found}" for kind, found in sorted(self.worlds.items()))
        took = f"{self.elapsed / 60:.1f} minutes on {self.cores} cores"
        return f"{self.line()}\ntook: {took}\nworlds: {worlds}\nfaults: {faults}"


def cases(first: int, seeds: int, world: str | None = None) -> list[Case]:
    """Name the seeds and the world of each."""
    numbers = range(first, first + seeds)
    return [(seed, world or kind_of(seed).name) for seed in numbers]


def regressions() -> list[Case]:
    """Read the seeds that have failed once: `seed world`, one a line."""
    lines = [line.partition("#")[0].split() for line in REGRESSIONS.read_text().splitlines()]
    return [(int(line[0]), line[1]) for line in lines if line]


def run_here(portion: Iterable[Case]) -> Figures:
    """Run seeds in this process."""
    with simulated() as begun:
        return _run(portion, *begun)


def run_all(
    chosen: list[Case],
    *,
    minutes: float = inf,
    show: Callable[[str], None] = print,
) -> Figures:
    """
    Run seeds on every core, in their order.

    After so many `minutes`, or when interrupted, no more are begun: the first `figures.seeds` of
    those chosen have been run then.
    """
    figures = Figures(cores=max(1, min(CORES, -(-len(chosen) // PORTION))))
    portions = [chosen[start : start + PORTION] for start in range(0, len(chosen), PORTION)]
    began = time.monotonic()
    with pool(figures.cores) as processes, suppress(KeyboardInterrupt):
        for found in processes.imap(_portion, portions):
            figures.merge(found)
            figures.elapsed = time.monotonic() - began
            show(figures.line())
            if figures.elapsed >= minutes * 60:
                break
    figures.failed.sort(key=lambda result: result.seed)
    return figures


@cache
def opened() -> tuple[Base, Log, Callable[..., None]]:
    """Give what a worker's runs are made from; it lives as long as the process does."""
    return _ENDS.enter_context(simulated())


_ENDS = ExitStack()


def _portion(portion: list[Case]) -> Figures:
    return _run(portion, *opened())


def _run(portion: Iterable[Case], base: Base, log: Log, use: Callable[..., None]) -> Figures:
    figures, began = Figures(), time.process_time()
    for seed, kind in portion:
        figures.add(run_seed(seed, KINDS[kind], base, log, use))
    figures.seconds = time.process_time() - began
    return figures


def show(line: str) -> None:
    """Show how far it is: on a terminal always in the same line."""
    print(f"\r{line}", end="" if sys.stdout.isatty() else "\n", flush=True)


def explain(result: Result, *, whole: bool = False) -> Iterator[str]:
    """Tell a failure so that it can be understood and run again; one that never rests is long."""
    with simulated() as (base, log, use):
        again = run_seed(result.seed, KINDS[result.kind], base, log, use, traced=True)
    yield f"seed {result.seed} in the world {result.kind}"
    left_out = 0 if whole else max(0, len(again.trace) - 2 * SHOWN_LINES)
    yield from again.trace[:SHOWN_LINES] if left_out else again.trace
    if left_out:
        yield f"... {left_out} lines, which the command below shows ..."
        yield from again.trace[-SHOWN_LINES:]
    yield from (f"{found.name} does not hold: {found.text}" for found in again.violations)
    yield f"again: {result.replay}"
