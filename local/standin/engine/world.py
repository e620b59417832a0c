"""What every call sees of the stand-in: one store, one clock, one source of ids."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from functools import cached_property

from local.standin.engine.access import Restriction
from local.standin.engine.clock import Clock, Ids
from local.standin.engine.deliveries import Deliveries
from local.standin.engine.faults import Faults
from local.standin.engine.limits import Limits, RateLimiter
from local.standin.engine.settling import Settling
from local.standin.engine.store import Store

Flight = tuple[str, str]
"""An account and an idempotency key of it."""


class World:
    """The state of one stand-in. A caller that reads or writes the store holds `lock`."""

    def __init__(
        self,
        *,
        seed: int | None,
        clock: Callable[[], float] | None,
        settlement_s: int,
        books_after_s: float,
        base_url: str,
    ) -> None:
        self.seed = seed
        self.clock = Clock(clock)
        self.ids = Ids(seed)
        self.settlement_s = settlement_s
        self.books_after_s = books_after_s
        self.base_url = base_url
        self.lock = threading.RLock()
        self.store = Store()
        self.faults = Faults()
        self.rate = RateLimiter(self.clock)
        self.restrictions: dict[str, Restriction] = {}
        # Of accounts that do not keep a balance in every currency.
        self.settling: dict[str, Settling] = {}
        self.deliveries = Deliveries(self.store, self.clock, self.lock, seed)
        self._in_flight: set[Flight] = set()
        self._flight_lock = threading.Lock()

    @cached_property
    def api_version(self) -> str:
        """The version that the installed SDK pins; importing it waits for the first request."""
        return str(importlib.import_module("stripe").api_version)

    def is_connected(self, platform: str, account: str) -> bool:
        with self.lock:
            return self.store.has("", "connection", f"{platform}/{account}")

    def take_off(self, flight: Flight) -> bool:
        with self._flight_lock:
            if flight in self._in_flight:
                return False
            self._in_flight.add(flight)
            return True

    def land(self, flight: Flight) -> None:
        with self._flight_lock:
            self._in_flight.discard(flight)

    def reset(self) -> None:
        with self.lock:
            self.store.reset()
            self.restrictions.clear()
            self.settling.clear()
            self.faults.clear()
            self.rate.limits = Limits()
            self.deliveries.clear()
            self.ids = Ids(self.seed)
        with self._flight_lock:
            self._in_flight.clear()
