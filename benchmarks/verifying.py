"""What it takes to believe an event, against the least that could do it."""

import hashlib
import hmac
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

from payments.cases.webhooks import intake

ROUNDS, EVENTS = 60, 400
SECRET = "whsec_" + "alpha" * 5


def ratio(body: bytes) -> tuple[float, float]:
    """Return ours as a multiple of the least, and ours in microseconds; rounds alternate."""
    now = datetime.now(UTC)
    header = sign(body, now)
    secrets = {"current": SECRET}

    def ours() -> None:
        intake.verify(body, header, secrets, now)
        json.loads(body)

    def least() -> None:
        signed = header[2:12].encode() + b"." + body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, header[-64:]):
            raise ValueError(header)
        json.loads(body)

    pairs = [(_cpu_us(ours), _cpu_us(least)) for _ in range(ROUNDS)]
    return (
        statistics.median(mine / theirs for mine, theirs in pairs),
        statistics.median(mine for mine, _ in pairs),
    )


def sign(body: bytes, now: datetime) -> str:
    """Return the header that Stripe would send."""
    timestamp = str(int(now.timestamp()))
    signed = timestamp.encode() + b"." + body
    return f"t={timestamp},v1={hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()}"


def _cpu_us(work: Callable[[], None]) -> float:
    started = time.process_time_ns()
    for _ in range(EVENTS):
        work()
    return (time.process_time_ns() - started) / EVENTS / 1000
