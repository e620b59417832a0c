"""Schedules: queue a reconciliation run, or a back-fill of events, for every active account."""

from typing import Any

from payments.cases.books import reconciliation
from payments.cases.webhooks import backfill
from payments.edge import batches, runtime


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Return how many were queued."""
    job = event.get("job", "reconcile")
    return batches.run(context, f"{job} queued", lambda: {"queued": _queue(job)})


def _queue(job: str) -> int:
    if job == "backfill":
        return backfill.schedule_backfills(runtime.doors())
    return len(reconciliation.schedule_runs(runtime.doors()))
