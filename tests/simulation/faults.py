"""What can go wrong at a request, and how often: every seed has a mixture of its own."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

PROBABILITIES = (0.0, 0.0, 0.01, 0.03, 0.08)
#: After one request to Stripe has failed, the next one to the same address is likely to fail too:
#: the SDK sends each of ours twice, and an outage has no memory of that.
AGAIN = 0.5
#: A request may fail in seven or more ways, and an invocation makes twenty requests: with each
#: way's full probability none would come to its end.
OF_MANY = 0.2


KILLS = ("kill before", "kill after")
FROZEN = "frozen"
READ = ("throttled", "timeout lost")
#: A read that does not ask for the latest state.
LOOSE = (*READ, "stale")
PUT = ("throttled", "timeout lost", "timeout applied", "sent twice", "conflict")
TRANSACT = ("throttled", "timeout lost", "timeout applied", "conflict")
SEND = ("throttled", "timeout lost", "timeout applied", "duplicated", "delayed")
SECRET = ("throttled", "timeout lost")
MAIL = ("timeout lost", "timeout applied")
STRIPE = (
    "timeout_lost",
    "timeout_applied",
    "applied_later",
    "500",
    "500_applied",
    "409",
    "429",
)
#: Requests to Stripe are few, and so are reads that may be stale.
OFTEN = dict.fromkeys(STRIPE, 0.5) | {"stale": 1.0}
#: Of webhooks, of invocations and of the caller's connection.
AROUND = ("webhook lost", "webhook late", "webhook twice", "endpoint down", "answer lost", "twice")
EVERY = tuple(
    dict.fromkeys((*KILLS, FROZEN, *READ, *PUT, *TRANSACT, *LOOSE, *SEND, *STRIPE, *AROUND))
)

#: Several kinds of faults, and the draws up to which each one happens.
Edges = tuple[tuple[str, ...], list[float]]


@dataclass
class Faults:
    """Draws faults, and counts them."""

    random: Random
    odds: dict[str, float] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    on: bool = False
    _failing: set[Hashable] = field(default_factory=set)
    #: What the next requests to an address come to, whatever the odds are.
    _struck: dict[Hashable, list[str]] = field(default_factory=dict)
    _edges: dict[tuple[str, ...], Edges] = field(default_factory=dict)

    @classmethod
    def drawn(cls, random: Random, never: Iterable[str] = ()) -> "Faults":
        """Give each kind its probability for this seed."""
        odds = {kind: random.choice(PROBABILITIES) for kind in EVERY}
        return cls(random, odds | dict.fromkeys(never, 0.0))

    def freezes(self, drawn: float) -> bool:
        """Say whether a process stands still for minutes; `drawn` is one of many that are so."""
        return drawn < self.odds[FROZEN] * OF_MANY and bool(self._counted(FROZEN))

    def draw(self, of_request: tuple[str, ...], address: Hashable = None) -> str | None:
        """
        Give the fault of a request, or None: one draw, whatever the number of kinds.

        A process can end at any request; `of_request` is what else can happen to it.
        """
        if not self.on:
            return None
        if struck := self._struck.get(address):
            return self._counted(struck.pop(0))
        left = self.random.random()
        kinds, edges = self._edges.get(of_request) or self._edges_of(of_request)
        if address is not None and address in self._failing:
            self._failing.discard(address)
            if left < AGAIN:
                return self._counted(kinds[int(left / AGAIN * len(kinds))])
        if left >= edges[-1]:
            return None
        kind = kinds[bisect_right(edges, left)]
        if kind in STRIPE:
            self._failing.add(address)
        return self._counted(kind)

    def _edges_of(self, of_request: tuple[str, ...]) -> Edges:
        kinds = (*KILLS, *of_request)
        odds = (self.odds[kind] * OFTEN.get(kind, OF_MANY) for kind in kinds)
        found = self._edges[of_request] = kinds, list(accumulate(odds))
        return found

    def strike(self, address: Hashable, *kinds: str) -> None:
        """Let the next requests to an address of Stripe's fail so: seldom do as many by chance."""
        self._struck[address] = list(kinds)

    def happens(self, kind: str) -> bool:
        return self.on and self.random.random() < self.odds[kind] and bool(self._counted(kind))

    def _counted(self, kind: str) -> str:
        self.counts[kind] += 1
        return kind
