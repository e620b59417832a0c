"""Time and ids, which a test may fix."""

from __future__ import annotations

import itertools
import secrets
import string
import time
from collections.abc import Callable
from hashlib import blake2b

ALPHABET = string.ascii_letters + string.digits
AS_LETTERS = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))


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
        start = secrets.token_bytes(16) if seed is None else str(seed).encode()
        self._objects = Letters(start)
        # Request ids are drawn outside the store's lock, so they have a sequence of their own.
        self._requests = Letters(start + b"/requests")

    def new(self, prefix: str, length: int = 24) -> str:
        return f"{prefix}_{self._objects.draw(length)}"

    def token(self, length: int) -> str:
        return self._objects.draw(length)

    def request(self) -> str:
        return f"req_{self._requests.draw(14)}"


class Letters:
    """An endless text of letters and digits; a hash is five times faster than `random` here."""

    def __init__(self, start: bytes) -> None:
        self._start = start
        self._drawn = itertools.count()

    def draw(self, length: int) -> str:
        counted = self._start + next(self._drawn).to_bytes(8)
        return blake2b(counted, digest_size=length).digest().translate(AS_LETTERS).decode()
