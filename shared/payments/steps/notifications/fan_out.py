"""Write one delivery of each event for each subscription to it."""

import json
from contextlib import suppress
from typing import Any

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.facts.subscription import KEPT, Delivery, delivery_id


def dispatch(tenant: str, events: list[dict[str, Any]], doors: Doors) -> None:
    """Write a delivery of each event to each subscription that wants it, unless it is stored."""
    if not events:
        return
    for subscription in doors.store.subscriptions(tenant):
        for event in events:
            if subscription.wants(event["type"]):
                _write(subscription.id, event, doors)


def _write(subscription: str, event: dict[str, Any], doors: Doors) -> None:
    now = doors.now()
    made = Delivery(
        id=delivery_id(event["id"], subscription),
        tenant=event["tenant"],
        subscription=subscription,
        event=event["id"],
        type=event["type"],
        body=json.dumps(event),
        created_at=now,
        sweep_at=now,
        ttl=int((now + KEPT).timestamp()),
    )
    # It was written before: the fact came twice, and is delivered once.
    with suppress(RowChanged):
        doors.store.save(made)
