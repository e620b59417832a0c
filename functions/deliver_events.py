"""Every minute: send signed events to the tenants' own systems, the only way out but Stripe's."""

from dataclasses import asdict
from typing import Any

from payments.cases.notifications import deliveries
from payments.edge import batches, runtime


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Return the counts of the run."""
    return batches.run(
        context, "delivered", lambda: asdict(deliveries.deliver_due(runtime.doors()))
    )
