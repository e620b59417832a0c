"""Queue of kept events: fetch what each speaks of from Stripe and bring it into the books."""

from typing import Any

from payments.cases import receiving
from payments.edge import batches, runtime


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer with the messages that have to come again."""
    return batches.each(
        event, context, lambda message: receiving.apply_event(message, runtime.doors())
    )
