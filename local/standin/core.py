"""The stand-in itself: store, clock, keys and faults behind one `handle`."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import threading
import traceback
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from local.standin import api, control, pages
from local.standin.access import Restriction
from local.standin.call import Call
from local.standin.clock import Clock, Ids
from local.standin.deliveries import Deliveries
from local.standin.faults import Faults
from local.standin.messages import Answer, Request
from local.standin.routing import JOBS, is_page
from local.standin.store import Store

if TYPE_CHECKING:
    from local.standin.front import Server
    from local.standin.transport import InProcessClient


class StandIn:
    """An offline Stripe. `settlement_s` is how long money stays pending in the balance."""

    def __init__(
        self,
        *,
        control: bool = False,
        seed: int | None = None,
        clock: Callable[[], float] | None = None,
        state_file: str = ":memory:",
        settlement_s: int = 0,
        base_url: str = "http://127.0.0.1:12111",
    ) -> None:
        register_subjects()
        self.control = control
        self.seed = seed
        self.clock = Clock(clock)
        self.ids = Ids(seed)
        self.settlement_s = settlement_s
        self.base_url = base_url
        self.lock = threading.RLock()
        self.store = Store(state_file)
        self.faults = Faults()
        self.restrictions: dict[str, Restriction] = {}
        self.deliveries = Deliveries(self)
        self._in_flight: set[tuple[str, str]] = set()
        self._flight_lock = threading.Lock()

    @cached_property
    def api_version(self) -> str:
        """The version that the installed SDK pins; importing it waits for the first request."""
        return str(importlib.import_module("stripe").api_version)

    def handle(self, request: Request) -> Answer:
        if request.path.startswith("/_control/"):
            return control.answer(self, request)
        if is_page(request.method, request.path):
            return pages.answer(self, request)
        return api.answer(self, request)

    def serve(self, port: int = 0) -> Server:
        """Answer on 127.0.0.1 from threads of its own until `close()`."""
        from local.standin.front import Server  # noqa: PLC0415 - not needed in process

        return Server(self, port)

    def http_client(self) -> InProcessClient:
        """Give the SDK a client that calls this object instead of a network."""
        from local.standin.transport import InProcessClient  # noqa: PLC0415 - imports the SDK

        return InProcessClient(self)

    def close(self) -> None:
        self.deliveries.stop()
        self.store.close()

    def is_connected(self, platform: str, account: str) -> bool:
        with self.lock:
            return self.store.get("", "connection", f"{platform}/{account}") is not None

    def take_off(self, flight: tuple[str, str]) -> bool:
        with self._flight_lock:
            if flight in self._in_flight:
                return False
            self._in_flight.add(flight)
            return True

    def land(self, flight: tuple[str, str]) -> None:
        with self._flight_lock:
            self._in_flight.discard(flight)

    def run_jobs(self) -> None:
        """Do what the clock has made due."""
        with self.lock:
            while job := self.store.take_job(self.clock.now()):
                call = Call(self, job.scope)
                self.store.begin()
                try:
                    JOBS[job.name](call, job.argument)
                except Exception:  # noqa: BLE001 - no request is to fail for a job's bug
                    traceback.print_exc(file=sys.stderr)
                    self.store.rollback()
                    continue
                self.store.commit()
                self.deliveries.add(call.outbox)

    def reset(self) -> None:
        with self.lock:
            self.store.reset()
            self.restrictions.clear()
            self.faults.clear()
            self.deliveries.clear()
            self.ids = Ids(self.seed)
        with self._flight_lock:
            self._in_flight.clear()


def register_subjects() -> None:
    """Import each subject's module, which puts its routes into the table."""
    package = importlib.import_module("local.standin")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in {"__main__", "front", "transport"}:
            importlib.import_module(f"local.standin.{module.name}")
