"""The table's stream, and a schedule for what it left over: send the notices."""

from dataclasses import asdict
from typing import Any

from payments.cases.notifications import notify
from payments.edge import batches, runtime


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return no row that has to come again: a row that failed is found as due."""
    if "Records" in event:
        return batches.each_row(event, context, lambda key: notify.notify_at(key, runtime.doors()))
    return batches.run(context, "told", lambda: asdict(notify.notify_due(runtime.doors())))
