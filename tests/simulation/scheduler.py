"""One thread, one clock, one pair of dice: who goes on next is drawn, and time jumps to it."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import BaseRouter
from greenlet import getcurrent, greenlet

#: In seconds, as all times of the simulation.
MINUTE, HOUR = 60.0, 3600.0
#: What Powertools keeps in a class, because a Lambda does one thing at a time.
OF_ONE_INVOCATION = ("current_event", "lambda_context")


class Ended(BaseException):
    """The run is over: whoever is still suspended goes no further."""


class Strand(greenlet):
    """A line of work that can be left and taken up again: an invocation, a person, a delivery."""

    invocation: Any = None


class Promise:
    """A value that one strand waits for and another one gives, or a timer."""

    def __init__(self, scheduler: "Scheduler") -> None:
        self._scheduler = scheduler
        self._waiting: Strand | None = None
        self.is_kept = False
        self.value: Any = None

    def keep(self, value: Any) -> None:
        """Only the first value counts."""
        if self.is_kept:
            return
        self.is_kept, self.value = True, value
        if self._waiting:
            self._scheduler.after(0, partial(self._scheduler.go_on, self._waiting))

    def wait(self) -> Any:
        if not self.is_kept:
            self._waiting = getcurrent()
            self._scheduler.leave()
        return self.value


class Scheduler:
    """Runs what is due, in the order of time; equal times are drawn."""

    def __init__(self, random: Random, now: float) -> None:
        self.random, self.now = random, now
        self.stopped = False
        self._end = now
        self._hub = getcurrent()
        self._due: list[tuple[float, float, int, Callable[[], Any]]] = []
        self._numbers = count()
        self._strands: dict[int, Strand] = {}

    def at(self, when: float, action: Callable[[], Any]) -> None:
        entry = (max(when, self.now), self.random.random(), next(self._numbers), action)
        heappush(self._due, entry)

    def after(self, seconds: float, action: Callable[[], Any]) -> None:
        self.at(self.now + seconds, action)

    def spawn(self, work: Callable[[], Any], *, after: float = 0.0) -> Strand:
        strand = Strand(work, self._hub)
        self._strands[id(strand)] = strand
        self.after(after, partial(self.go_on, strand))
        return strand

    def go_on(self, strand: Strand) -> None:
        """Let a strand run until it waits again; its bugs come out here."""
        strand.switch()
        if strand.dead:
            self._strands.pop(id(strand), None)

    def is_outside(self) -> bool:
        """Whether nobody simulated is running: the world is being set up or looked at."""
        return getcurrent() is self._hub

    def pause(self, seconds: float) -> None:
        if self.is_outside():
            return
        when = self.now + seconds
        if when <= self._end and (not self._due or when < self._due[0][0]):
            # Nobody else would run meanwhile, so there is nothing to switch to.
            self.now = when
            return
        self.at(when, partial(self.go_on, getcurrent()))
        self.leave()

    def leave(self) -> None:
        if getcurrent().invocation is None:
            self._hub.switch()
            return
        held = [getattr(BaseRouter, name, None) for name in OF_ONE_INVOCATION]
        self._hub.switch()
        for name, value in zip(OF_ONE_INVOCATION, held, strict=True):
            # To set something on a class makes the interpreter forget what it knows of its kind.
            if getattr(BaseRouter, name, None) is not value:
                setattr(BaseRouter, name, value)

    def next_due(self) -> float | None:
        return self._due[0][0] if self._due else None

    def run_until(self, end: float) -> None:
        """Do everything that is due until `end`, which is then."""
        self._end = end
        while not self.stopped and self._due and self._due[0][0] <= end:
            when, _, _, action = heappop(self._due)
            self.now = max(self.now, when)
            action()
        if not self.stopped:
            self.now = max(self.now, end)

    def end(self) -> None:
        """End every strand that is still suspended, in the order in which they began."""
        self._due.clear()
        for strand in list(self._strands.values()):
            with suppress(Ended):
                strand.throw(Ended)
        self._strands.clear()
