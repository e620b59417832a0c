"""One seed from its first request until nothing moves any more."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any

from tests.simulation import stories
from tests.simulation.beginning import Base
from tests.simulation.books import Books, every_charge_is_booked_once
from tests.simulation.disputes import conclude
from tests.simulation.invariants import (
    PATIENCE_S,
    at_rest,
    nothing_can_be_paid_for_what_is_settled,
    unsettled,
)
from tests.simulation.mailing import OUTBOX, SENDER
from tests.simulation.nuisances import SPOILED
from tests.simulation.people import OFFICE_HOURS, People
from tests.simulation.returns import cancel_what_waits
from tests.simulation.scheduler import HOUR, MINUTE
from tests.simulation.watching import Violation, Watch
from tests.simulation.wiring import Log
from tests.simulation.witness import Witness
from tests.simulation.world import ORDER, Kind, World

SWEEP_S, RECONCILE_S = 2 * MINUTE, HOUR
#: After this many jumps of the clock a world that still moves never comes to rest.
JUMPS_MAX = 1000
#: What finds nothing to do is seldom wrong, so it is seldom done.
IDLE_SWEEP, IDLE_RECONCILE = 0.02, 0.05
RECONCILES = 0.15
#: To write mails takes long, and no money depends on them.
MAILED = 0.3
FORGOTTEN = 0.5
REDRIVES_MAX = 4
TWICE = 0.1
SETTLED = {"paid", "void", "refunded", "uncollectible"}
#: What the sweep looks for; accounts are due for the reconciliation.
SWEPT = ("DUE#attempt", "DUE#event", "DUE#refund", "DUE#dispute")


@dataclass
class Result:
    """What one seed showed."""

    seed: int
    kind: str
    requests: int
    kills: int
    faults: Counter[str]
    violations: list[Violation]
    errors: list[str]
    trace: list[str] = field(default_factory=list)
    digest: str = ""

    @property
    def replay(self) -> str:
        return f"make simulate SEED={self.seed} WORLD={self.kind}"


def kind_of(seed: int) -> Kind:
    return ORDER[seed % len(ORDER)]


class Run:
    """Drives one world: people, then the end of the day, then rest."""

    def __init__(self, world: World, log: Log) -> None:
        self.world, self.log = world, log
        self.people, self.watch = People(world), Watch(world)
        self.witness = Witness(self.people)
        self.down: tuple[float, float] | None = None
        self.ends = 0.0
        self._read: tuple[int, Books] | None = None
        log.lines.clear()

    def everything(self) -> list[Violation]:
        self._a_day()
        if not self.watch.violations:
            self._come_to_rest()
        return self.watch.violations

    def finish(self) -> None:
        """
        After one thing was done: everybody pays what is open, and all of it is paid at last.

        A second time too: a debt that comes back with money that was given back is paid anew.
        """
        self.people.pay_what_is_open()
        self._come_to_rest()
        if not self.watch.violations and list(self._unpaid()):
            self.people.pay_what_is_open()
            self._come_to_rest()
        for text in self._unpaid():
            self.watch.blame("I8", text)

    def _unpaid(self) -> Iterator[str]:
        for (_, sort), row in self.world.table.dynamo.rows.items():
            if sort == "INVOICE" and row["status"]["S"] not in SETTLED:
                yield f"{row['id']['S']} is {row['status']['S']} and nobody pays"

    def _a_day(self) -> None:
        world = self.world
        world.faults.on, world.mails = True, world.random.random() < MAILED
        begin, random = world.scheduler.now, world.random
        spans, end = [(0.0, OFFICE_HOURS)], begin + OFFICE_HOURS + 5 * MINUTE
        if world.kind.outage:
            down = begin + random.uniform(MINUTE, OFFICE_HOURS)
            self.down = down, down + random.uniform(24.5 * HOUR, 50 * HOUR)
            back = self.down[1] - begin
            spans.append((back - 20 * MINUTE, back + OFFICE_HOURS))
            end = self.down[1] + OFFICE_HOURS + 5 * MINUTE
        stories.begin(self.people, spans)
        self._schedule(begin, end)
        world.scheduler.run_until(end)
        self.people.pay_what_is_open(forgotten=FORGOTTEN)
        self._schedule(end, end + 18 * MINUTE)
        world.scheduler.run_until(end + 18 * MINUTE)

    def _schedule(self, begin: float, end: float) -> None:
        """Let the schedules fire until `end`, now and then twice, except while they are down."""
        scheduler = self.world.scheduler
        when = begin + self.world.random.uniform(0, SWEEP_S)
        while when < end:
            if self.down and self.down[0] < when < self.down[1]:
                when = self.down[1]
            scheduler.at(when, self._sweep)
            when += SWEEP_S
        if self.world.kind.reconciles and self.world.random.random() < RECONCILES:
            scheduler.at(begin + self.world.random.uniform(0, end - begin), self._reconcile)

    def _sweep(self) -> None:
        """Sweep if something is due; a sweep that finds nothing asks nobody, so few are made."""
        world, now = self.world, self.world.scheduler.now
        if self._due_by(now, OUTBOX):
            world.scheduler.spawn(partial(world.cloud.call, SENDER, {}))
        if not self._due_by(now) and world.random.random() > IDLE_SWEEP:
            return
        for _ in range(2 if world.faults.on and world.random.random() < TWICE else 1):
            world.scheduler.spawn(partial(world.cloud.call, "sweep_attempts", {}))

    def _reconcile(self) -> None:
        if self.down and self.down[0] < self.world.scheduler.now < self.down[1]:
            return
        self.world.scheduler.spawn(partial(self.world.cloud.call, "reconcile_accounts", {}))

    def _due_by(self, until: float, *kinds: str) -> bool:
        due = self._next_work(*(kinds or SWEPT))
        return due is not None and due <= until

    def _next_work(self, *kinds: str) -> float | None:
        """Give when the sweep finds something to do, or the sender of what `kinds` are."""
        stamps = [
            item["due_at"]["S"]
            for shard, items in self.world.table.dynamo.found["due"].items()
            if items and shard.startswith(kinds)
            for item in items.values()
            if item["sk"]["S"] != SPOILED
        ]
        return seconds(min(stamps)) if stamps else None

    def _come_to_rest(self) -> None:
        world = self.world
        world.faults.on = False
        world.webhooks.kept_down_until = 0.0
        conclude(self.people)
        calm = world.scheduler.now + PATIENCE_S
        self._settle(until=calm)
        if not self.watch.violations:
            self._check_calm()
        # Meanwhile a refund may have been sent again that only its payer could end.
        cancel_what_waits(self.people)
        self._settle()
        self._learn_fees()
        for _ in range(REDRIVES_MAX):
            if self.watch.violations or not world.cloud.redrive():
                break
            self._settle()
        else:
            self.watch.blame("I7", "a message fails for ever, though nothing else does")
        if not self.watch.violations:
            self.watch.violations += at_rest(self._books())

    def _learn_fees(self) -> None:
        """Reconcile, as is done every hour, what was paid after the last run that was worth it."""
        unknown = any(row["fee"]["state"] != "known" for row in self._books().rows["PAYMENT"])
        if unknown and self.world.kind.reconciles and not self.watch.violations:
            self._reconcile()
            self._settle()

    def _check_calm(self) -> None:
        """See what has to hold soon after the last fault, not only when days have passed."""
        for text in unsettled(self.world):
            self.watch.blame("I8", text)
        for text in nothing_can_be_paid_for_what_is_settled(self._books()):
            self.watch.blame("I6", text)
        if self.world.kind.reconciles:
            if self._is_worth_reconciling():
                self._reconcile()
                self.world.scheduler.run_until(self.world.scheduler.now + SWEEP_S)
            for text in every_charge_is_booked_once(self._books()):
                self.watch.blame("I1", text)

    def _is_worth_reconciling(self) -> bool:
        """Say whether there may be something that only reconciliation finds, or finds first."""
        world = self.world
        lost = not world.kind.webhooks or world.faults.counts["webhook lost"]
        differs = lost or any(every_charge_is_booked_once(self._books()))
        return bool(differs) or world.random.random() < IDLE_RECONCILE

    def _books(self) -> Books:
        """Read the books, unless nothing was written since they were read last."""
        writes = self.world.table.dynamo.writes
        if self._read is None or self._read[0] != writes:
            self._read = writes, Books(self.world, self.people, self.log)
        return self._read[1]

    def _settle(self, until: float | None = None) -> None:
        """Jump from one thing that is due to the next, until there is none."""
        world = self.world
        for _ in range(JUMPS_MAX):
            due, work = world.scheduler.next_due(), self._next_work(*SWEPT, OUTBOX)
            times = [when for when in (due, work and work + SWEEP_S) if when is not None]
            when = min(times, default=None)
            if self.watch.violations or when is None or (until and when > until):
                break
            world.scheduler.run_until(max(when, world.scheduler.now) + 0.001)
            if self._due_by(world.scheduler.now, *SWEPT, OUTBOX):
                self._sweep()
                world.scheduler.run_until(world.scheduler.now + SWEEP_S)
        else:
            self.watch.blame("I8", "it never comes to rest")
        if until:
            world.scheduler.run_until(until)


def seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def run_seed(
    seed: int, kind: Kind, base: Base, log: Log, use: Callable[[Any], None], *, traced: bool = False
) -> Result:
    world = base.world(seed, kind)
    use(world)
    world.wire.trace = [] if traced else None
    run = Run(world, log)
    try:
        violations = run.everything()
    except Exception as error:  # noqa: BLE001 - an answer that makes no sense breaks who reads it
        violations = [*run.watch.violations, Violation("a bug", repr(error))]
    finally:
        world.close()
    result = Result(
        seed=seed,
        kind=kind.name,
        requests=world.wire.requests,
        kills=world.wire.kills,
        faults=world.faults.counts,
        violations=violations,
        errors=[repr(error) for error in world.errors],
        trace=world.wire.trace or [],
    )
    if traced:
        told = repr((result.trace, sorted(world.table.dynamo.rows.items())))
        result.digest = blake2b(told.encode(), digest_size=16).hexdigest()
    return result
