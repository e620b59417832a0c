"""Faults on demand: what a network and a server can do to a request."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase

from local.standin.engine.messages import Request

KINDS = (
    "timeout_lost",  # the request never arrives
    "timeout_applied",  # it is executed, the answer never arrives
    "applied_later",  # no answer, and it is executed some time after
    "500",  # Stripe fails before it did anything
    "500_applied",  # Stripe fails after it did everything
    "409",  # another request holds the object
    "429",
    "slow",
)
DELAY_S = 2.0


@dataclass
class Fault:
    """One pattern of requests, how it fails, and how often."""

    method: str
    path: str
    kind: str
    times: int
    delay_s: float = DELAY_S

    def hits(self, request: Request) -> bool:
        if self.method not in {"*", request.method}:
            return False
        # A pattern becomes a regular expression, which most paths are not worth.
        wild = any(mark in self.path for mark in "*?[")
        return fnmatchcase(request.path, self.path) if wild else request.path == self.path


class Faults:
    """The faults still to come, in the order they were asked for."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._pending.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._pending.clear()

    def take(self, request: Request) -> Fault | None:
        if not self._pending:
            return None
        with self._lock:
            for fault in self._pending:
                if fault.hits(request):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._pending.remove(fault)
                    return fault
        return None
