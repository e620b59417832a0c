"""The events that a shop's own system gets: each believed once, and only with its signature."""

import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass, field

#: How old a signature may be, in seconds.
FRESH_S = 300
#: A demo that runs for days forgets its oldest orders.
KEPT = 1000


@dataclass
class Heard:
    """When each order was released, as `order.release` said it."""

    secret: str = ""
    _released: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, header: str, body: bytes) -> bool:
        """Believe an event, or say that it is not ours."""
        if not self.secret or not is_genuine(header, body, self.secret):
            return False
        event = json.loads(body)
        with self._lock:
            # It may come twice: the first one counts.
            self._released.setdefault(event["invoice"], event["created_at"])
            while len(self._released) > KEPT:
                del self._released[next(iter(self._released))]
        return True

    def release_of(self, invoice: str) -> str:
        """Return when its order.release was made; empty while none has come."""
        with self._lock:
            return self._released.get(invoice, "")


def is_genuine(header: str, body: bytes, secret: str) -> bool:
    """As docs/operations.md tells every receiver to do it."""
    parts = [part.partition("=")[::2] for part in header.split(",")]
    at = dict(parts).get("t", "")
    if not at.isdigit() or abs(time.time() - int(at)) > FRESH_S:
        return False
    wanted = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(value, wanted) for name, value in parts if name == "v1")
