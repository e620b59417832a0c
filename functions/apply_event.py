"""The queue of stored events: fetch what each speaks of from Stripe and book it."""

from typing import Any

from payments.cases.webhooks import apply_event
from payments.edge import batches, runtime


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the messages that failed and have to come again."""
    doors = runtime.doors()
    return batches.each(
        event, context, lambda message: apply_event.apply_event(message, doors), doors.events
    )
