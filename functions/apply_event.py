"""Queue of kept events: fetch what each speaks of from Stripe and bring it into the books."""

from typing import Any

from payments.cases.webhooks import apply_event
from payments.edge import batches, runtime


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer with the messages that have to come again."""
    doors = runtime.doors()
    return batches.each(
        event, context, lambda message: apply_event.apply_event(message, doors), doors.events
    )
