"""Schedule: queue a reconciliation run for every active account."""

from typing import Any

from payments.cases import reconciliation
from payments.edge import batches, runtime


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Answer with how many were queued."""
    runtime.begin(context)
    runs = reconciliation.schedule_runs(runtime.doors())
    batches.logger.info("reconciliation queued", runs=len(runs))
    return {"queued": len(runs)}
