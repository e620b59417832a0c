"""Webhook deliveries: signed when sent, retried, ordered by due time so that fresh events pass."""

from __future__ import annotations

import hashlib
import heapq
import hmac
import http.client
import itertools
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

from local.standin.engine import versions
from local.standin.engine.clock import Clock
from local.standin.engine.store import Store

MODES = ("deliver", "drop", "duplicate", "reorder", "hold")
RETRY_AFTER_S = (1.0, 5.0, 30.0, 300.0, 3600.0, 6 * 3600.0, 24 * 3600.0)
TIMEOUT_S = 10.0
SENDERS = 6
PER_ENDPOINT_MAX = 2
"""An endpoint that hangs may hold this many senders, so that the others stay prompt."""
REORDER_WITHIN_S = 0.4
IDLE_S = 0.25

Send = Callable[[str, dict[str, str], bytes], int]


class Outgoing(NamedTuple):
    """One event for one endpoint, to be sent once the transaction is committed."""

    scope: str
    event: str
    endpoint_scope: str
    endpoint: str


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one endpoint."""

    outgoing: Outgoing
    attempt: int = 0


def signature(secret: str, timestamp: int, body: bytes) -> str:
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={signed.hexdigest()}"


def is_local(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.") or host.endswith(".localhost")


def post(url: str, headers: dict[str, str], body: bytes) -> int:
    """Give the endpoint's status, or 0. Nothing is ever sent away from this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not is_local(host) or parts.scheme != "http":
        return 0
    address = "127.0.0.1" if host.endswith("localhost") else host
    connection = http.client.HTTPConnection(address, parts.port or 80, timeout=TIMEOUT_S)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {**headers, "Host": parts.netloc})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class Deliveries:
    """The deliveries still to make. In process nothing is sent until `run_due` is called."""

    def __init__(self, store: Store, clock: Clock, lock: threading.RLock, seed: int | None) -> None:
        self._store = store
        self._clock = clock
        self._lock = lock
        self._heap: list[tuple[float, int, Delivery]] = []
        self._held: list[Delivery] = []
        self._numbers = itertools.count()
        self._ready = threading.Condition()
        self._busy: dict[str, int] = {}
        self._threads: list[threading.Thread] = []
        self._stopped = False
        self._random = random.Random(seed)  # noqa: S311 - a shuffle, no secret
        self.mode = "deliver"

    def add(self, outbox: list[Outgoing]) -> None:
        for outgoing in outbox:
            self._add_by_mode(Delivery(outgoing))
        outbox.clear()

    def _add_by_mode(self, delivery: Delivery) -> None:
        now = self._clock.now()
        if self.mode == "drop":
            return
        if self.mode == "hold":
            with self._ready:
                self._held.append(delivery)
            return
        copies = 2 if self.mode == "duplicate" else 1
        for _ in range(copies):
            late = self._random.uniform(0, REORDER_WITHIN_S) if self.mode == "reorder" else 0.0
            self._schedule(now + late, delivery)

    def _schedule(self, due: float, delivery: Delivery) -> None:
        with self._ready:
            heapq.heappush(self._heap, (due, next(self._numbers), delivery))
            self._ready.notify()

    def set_mode(self, mode: str) -> None:
        self.mode = mode
        if mode != "hold":
            held, self._held = self._held, []
            for delivery in held:
                self._add_by_mode(delivery)

    def clear(self) -> None:
        with self._ready:
            self._heap.clear()
            self._held.clear()
        self.mode = "deliver"

    def wake(self) -> None:
        with self._ready:
            self._ready.notify_all()

    def pending(self) -> int:
        with self._ready:
            return len(self._heap) + len(self._held) + sum(self._busy.values())

    def start(self, tick: Callable[[], None]) -> None:
        """Deliver from threads; `tick` is called regularly, for work that the clock makes due."""
        self._stopped = False
        for number in range(SENDERS):
            thread = threading.Thread(target=self._work, name=f"delivery-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        ticker = threading.Thread(target=self._tick, args=(tick,), name="standin-jobs", daemon=True)
        ticker.start()
        self._threads.append(ticker)

    def stop(self) -> None:
        self._stopped = True
        self.wake()
        for thread in self._threads:
            thread.join(timeout=1)
        self._threads.clear()

    def run_due(self, send: Send = post) -> int:
        """Make the deliveries that are due, one after the other, and say how many."""
        made = 0
        while delivery := self._take():
            self._make(delivery, send)
            made += 1
        return made

    def _work(self) -> None:
        while not self._stopped:
            delivery = self._take()
            if delivery is None:
                with self._ready:
                    self._ready.wait(self._idle_s())
                continue
            self._make(delivery, post)

    def _tick(self, tick: Callable[[], None]) -> None:
        while not self._stopped:
            tick()
            with self._ready:
                self._ready.wait(IDLE_S)

    def _idle_s(self) -> float:
        if not self._heap:
            return IDLE_S
        return min(max(self._heap[0][0] - self._clock.now(), 0.005), IDLE_S)

    def _take(self) -> Delivery | None:
        with self._ready:
            waiting: list[tuple[float, int, Delivery]] = []
            taken: Delivery | None = None
            now = self._clock.now()
            while self._heap and self._heap[0][0] <= now:
                entry = heapq.heappop(self._heap)
                endpoint = entry[2].outgoing.endpoint
                if self._busy.get(endpoint, 0) < PER_ENDPOINT_MAX:
                    self._busy[endpoint] = self._busy.get(endpoint, 0) + 1
                    taken = entry[2]
                    break
                waiting.append(entry)
            for entry in waiting:
                heapq.heappush(self._heap, entry)
            return taken

    def _make(self, delivery: Delivery, send: Send) -> None:
        try:
            status = self._send(delivery.outgoing, send)
        finally:
            with self._ready:
                self._busy[delivery.outgoing.endpoint] -= 1
        if status is None:
            return
        if 200 <= status < 300:
            self._count_delivered(delivery.outgoing)
        elif delivery.attempt < len(RETRY_AFTER_S):
            due = self._clock.now() + RETRY_AFTER_S[delivery.attempt]
            self._schedule(due, replace(delivery, attempt=delivery.attempt + 1))

    def _send(self, outgoing: Outgoing, send: Send) -> int | None:
        store = self._store
        with self._lock:
            endpoint = store.get(outgoing.endpoint_scope, "webhook_endpoint", outgoing.endpoint)
            event = store.get(outgoing.scope, "event", outgoing.event)
            hidden = store.hidden(outgoing.endpoint_scope, outgoing.endpoint)
        if endpoint is None or event is None or endpoint["status"] != "enabled":
            return None
        if outgoing.endpoint_scope == outgoing.scope:
            event.pop("account", None)
        event["api_version"] = endpoint["api_version"] or event["api_version"]
        versions.shaped(event["data"], event["api_version"])
        body = orjson.dumps(event)
        stamp = int(self._clock.now())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (stand-in)",
            "Stripe-Signature": signature(hidden["secret"], stamp, body),
        }
        return send(endpoint["url"], headers, body)

    def _count_delivered(self, outgoing: Outgoing) -> None:
        with self._lock:
            event = self._store.get(outgoing.scope, "event", outgoing.event)
            if event is not None and event["pending_webhooks"] > 0:
                event["pending_webhooks"] -= 1
                self._store.update(outgoing.scope, event)
