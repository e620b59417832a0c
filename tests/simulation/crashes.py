"""Each flow, broken off at each of its requests, in each way in which that can happen."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from tests.simulation.beginning import Base
from tests.simulation.cores import pool
from tests.simulation.faults import KILLS
from tests.simulation.flows import FLOWS, Actor
from tests.simulation.running import Run
from tests.simulation.scheduler import MINUTE
from tests.simulation.volume import opened
from tests.simulation.watching import Violation
from tests.simulation.wire import Plan
from tests.simulation.wiring import Log
from tests.simulation.world import ALL_LAYERS, KINDS, NO_WEBHOOKS, Kind

#: At every request; where it is one to Stripe or to DynamoDB, also these.
ANSWERS_LOST = ("timeout_applied", "timeout_lost", "500_applied", "timeout applied", "timeout lost")
LONGEST = 40 * MINUTE
#: The flows of which every two requests are broken off together.
IN_PAIRS = ("charge_in_full", "refund_in_full")
PARTS = 4
WORLDS = (ALL_LAYERS, NO_WEBHOOKS)


#: What one process does at a time: a function of this module, and what it is given.
Portion = tuple[Callable[..., "Sweep"], tuple[Any, ...]]


@dataclass
class Broken:
    """One flow with its faults, and what it came to."""

    flow: str
    world: str
    failing: dict[int, str]
    violations: list[Violation]


@dataclass
class Sweep:
    """What a sweep of crash points showed."""

    points: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    failed: list[Broken] = field(default_factory=list)


def run_flow(  # noqa: PLR0917 - what a run is made of
    name: str, kind: Kind, plan: Plan, base: Base, log: Log, use: Callable[[Any], None]
) -> Broken:
    """Do a flow under a plan, let everybody pay what is still open, and come to rest."""
    world = base.world(0, kind)
    use(world)
    run = Run(world, log)
    actor = Actor(world, run.people)
    steps = FLOWS[name](actor)

    def act() -> None:
        next(steps)
        world.wire.plan = plan
        next(steps, None)
        if steps.gi_frame is not None:
            world.scheduler.pause(MINUTE)
            world.wire.plan = None
            next(steps, None)

    try:
        world.scheduler.spawn(act)
        _until_done(world, steps)
        world.wire.plan = None
        for text in actor.broken:
            run.watch.blame("I8", text)
        if not run.watch.violations:
            run.finish()
    finally:
        world.close()
    return Broken(name, kind.name, plan.failing, run.watch.violations)


def _until_done(world: Any, steps: Any) -> None:
    end = world.scheduler.now + LONGEST
    while world.scheduler.now < end and steps.gi_frame is not None:
        world.scheduler.run_until(world.scheduler.now + MINUTE)
    # What the flow has set going: its webhooks, and what they queued.
    world.scheduler.run_until(world.scheduler.now + MINUTE)


def ways(plan: Plan) -> Iterator[dict[int, str]]:
    """Yield every way to break off one request of those that a run has sent."""
    for number, (_, kinds) in enumerate(plan.passed):
        for kind in (*KILLS, *(kind for kind in ANSWERS_LOST if kind in kinds)):
            yield {number: kind}


def sweep(name: str, world: str) -> Sweep:
    """Break a flow off everywhere, once in each run."""
    base, log, use = opened()
    attempt = partial(run_flow, base=base, log=log, use=use)
    found, kind, whole = Sweep(), KINDS[world], Plan()
    _count(found, attempt(name, kind, whole))
    found.points[f"{name} ({kind.name})"] = len(whole.passed)
    for failing in ways(whole):
        _count(found, attempt(name, kind, Plan(failing)))
    return found


def sweep_pairs(name: str, part: int, parts: int) -> Sweep:
    """Kill a flow after one request, and what goes on after that once more."""
    base, log, use = opened()
    attempt = partial(run_flow, base=base, log=log, use=use)
    found, whole = Sweep(), Plan()
    _count(found, attempt(name, ALL_LAYERS, whole))
    for first in range(part, len(whole.passed), parts):
        once = Plan({first: KILLS[1]})
        _count(found, attempt(name, ALL_LAYERS, once))
        for second in islice(range(len(once.passed)), first + 1, None):
            twice = Plan({first: KILLS[1], second: KILLS[1]})
            _count(found, attempt(name, ALL_LAYERS, twice))
            found.points[f"pairs of {name}"] += 1
    return found


def _count(found: Sweep, broken: Broken) -> None:
    found.runs += 1
    if broken.violations:
        found.failed.append(broken)


def sweep_all(show: Callable[[str], None] = print) -> Sweep:
    """Sweep every flow in every world, and the pairs of some, on every core."""
    portions: list[Portion] = [
        *((sweep_pairs, (name, part, PARTS)) for name in IN_PAIRS for part in range(PARTS)),
        *((sweep, (name, world.name)) for name in FLOWS for world in WORLDS),
    ]
    total = Sweep()
    with pool() as processes:
        for done, found in enumerate(processes.imap_unordered(_portion, portions), start=1):
            total.points += found.points
            total.runs += found.runs
            total.failed += found.failed
            told = f"{done} of {len(portions)} portions, {total.runs} runs"
            show(f"{told}, {len(total.failed)} came to no right end")
    return total


def _portion(portion: Portion) -> Sweep:
    do, asked = portion
    return do(*asked)
