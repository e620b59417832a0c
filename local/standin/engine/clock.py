"""Time and ids, which a test may fix."""

from __future__ import annotations

import random
import string
import time
from collections.abc import Callable

ALPHABET = string.ascii_letters + string.digits


class Clock:
    """Seconds since the epoch; can be moved forward."""

    def __init__(self, source: Callable[[], float] | None = None) -> None:
        self._source = source or time.time
        self._ahead_s = 0.0

    def now(self) -> float:
        return self._source() + self._ahead_s

    def advance(self, seconds: float) -> None:
        self._ahead_s += seconds


class Ids:
    """Ids in Stripe's shape. With a seed, the same requests get the same ids."""

    def __init__(self, seed: int | None = None) -> None:
        self._objects = random.Random(seed)  # noqa: S311 - ids of a stand-in are no secrets
        # Request ids are drawn outside the store's lock, so they have a sequence of their own.
        self._requests = random.Random(None if seed is None else seed + 1)  # noqa: S311

    def new(self, prefix: str, length: int = 24) -> str:
        return prefix + "_" + "".join(self._objects.choices(ALPHABET, k=length))

    def token(self, length: int) -> str:
        return "".join(self._objects.choices(ALPHABET, k=length))

    def request(self) -> str:
        return "req_" + "".join(self._requests.choices(ALPHABET, k=14))
