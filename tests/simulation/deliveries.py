"""Stripe's deliveries of events: late, twice, in no order, or never."""

import json
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.doubles.invocations import Json
from tests.simulation.scheduler import HOUR, MINUTE

if TYPE_CHECKING:
    from tests.simulation.world import World

#: Stripe tries for three days.
AGAIN_S = (60, 300, 1800, 7200, 18_000, 36_000, 36_000, 36_000, 36_000, 36_000)
#: A function looks for a new webhook secret at most once in ten seconds; it takes a while itself.
RECHECK_S = 20.0


class Webhooks:
    """Stripe's deliveries: at least once, in no order, and perhaps never."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.acknowledged: dict[str, float] = {}
        #: Genuine events that were refused for their signature.
        self.refused: list[str] = []
        self.kept_down_until = self.rotated_at = 0.0
        #: When the last of those that are on their way arrives.
        self.last_at = 0.0

    def add(self, outbox: list[Any]) -> None:
        world, random = self._world, self._world.random
        for outgoing in outbox:
            if not world.kind.webhooks:
                break
            if world.kind.loses_events and world.faults.happens("webhook lost"):
                continue
            for _ in range(2 if world.faults.happens("webhook twice") else 1):
                late = world.faults.happens("webhook late")
                wait = random.uniform(MINUTE, 3 * HOUR) if late else random.uniform(0.05, 4)
                self._send(wait, outgoing, 0)
        outbox.clear()

    def _send(self, wait: float, outgoing: Any, tries: int) -> None:
        self.last_at = max(self.last_at, self._world.scheduler.now + wait)
        self._world.scheduler.after(wait, partial(self._begin, outgoing, tries))

    def _begin(self, outgoing: Any, tries: int) -> None:
        self._world.scheduler.spawn(partial(self._deliver, outgoing, tries))

    def _deliver(self, outgoing: Any, tries: int) -> None:
        world, sent = self._world, []
        world.standin.deliveries._send(outgoing, lambda *request: sent.append(request) or 200)
        if not sent:
            return
        url, headers, body = sent[0]
        if world.faults.happens("endpoint down"):
            self.kept_down_until = world.scheduler.now + world.random.uniform(MINUTE, 30 * MINUTE)
        status = 0 if world.scheduler.now < self.kept_down_until else self._post(url, headers, body)
        if status == 400 and world.scheduler.now - self.rotated_at > RECHECK_S:
            self.refused.append(outgoing.event)
        if 200 <= status < 300:
            self.acknowledged.setdefault(outgoing.event, world.scheduler.now)
        elif tries < len(AGAIN_S):
            self._send(AGAIN_S[tries] * world.random.uniform(0.9, 1.1), outgoing, tries + 1)

    def rotate(self, account: Json) -> None:
        """Give an endpoint a new secret, as an operator rotates it: here, and at Stripe."""
        world, self.rotated_at = self._world, self._world.scheduler.now
        name = f"receivable/sim/webhooks/{account['id']}/test"
        kept = json.loads(world.secrets.kept[name])
        fresh = f"whsec_{world.new_token()}"
        value = kept | {"current": fresh, "previous": kept["current"]}
        world.secrets.kept[name] = json.dumps(value)
        store, scope = world.standin.store, account["stripe_account"]
        (endpoint,) = store.select(scope, "webhook_endpoint")
        store.hide(scope, endpoint["id"], secret=fresh)

    def _post(self, url: str, headers: Json, body: bytes) -> int:
        answer = self._world.ask("POST", urlsplit(url).path, body, headers)
        return answer.status if answer else 0
