"""Stripe's limits on requests in a second: an account's over all, and an operation's."""

from __future__ import annotations

import threading
from collections import Counter
from typing import NamedTuple

from local.standin.engine.clock import Clock


class Limits(NamedTuple):
    """Requests in one second; 0 is no limit. Stripe's sandboxes have 25 and 25.

    Source: https://docs.stripe.com/rate-limits
    """

    global_per_s: int = 0
    endpoint_per_s: int = 0


class RateLimiter:
    """Counts by the stand-in's clock. It has no limit until it is given one."""

    def __init__(self, clock: Clock) -> None:
        self.limits = Limits()
        self._clock = clock
        self._second = 0
        self._seen: Counter[tuple[str, ...]] = Counter()
        self._lock = threading.Lock()

    def exceeded(self, account: str, *operation: str) -> str | None:
        """Count a request, and give Stripe's name of the limit that it is over."""
        if not any(self.limits):
            return None
        with self._lock:
            if (second := int(self._clock.now())) != self._second:
                self._second, self._seen = second, Counter()
            bounds = {
                "global-rate": (self.limits.global_per_s, (account,)),
                "endpoint-rate": (self.limits.endpoint_per_s, (account, *operation)),
            }
            for reason, (most, counted) in bounds.items():
                self._seen[counted] += 1
                if 0 < most < self._seen[counted]:
                    return reason
        return None
