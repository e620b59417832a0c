"""Schedules: queue a reconciliation run, or a back-fill of events, for every active account."""

from typing import Any

from payments.cases import backfilling, reconciliation
from payments.edge import batches, runtime


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Answer with how many were queued."""
    runtime.begin(context)
    if event.get("job") == "backfill":
        queued = backfilling.schedule_backfills(runtime.doors())
    else:
        queued = len(reconciliation.schedule_runs(runtime.doors()))
    batches.logger.info("queued", job=event.get("job", "reconcile"), accounts=queued)
    return {"queued": queued}
