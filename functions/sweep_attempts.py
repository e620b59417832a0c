"""Every two minutes: unknown outcomes, expired sessions, events kept but not applied."""

from dataclasses import asdict
from typing import Any

from payments.cases import sweeping
from payments.edge import batches, runtime


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Answer with what was done."""
    runtime.begin(context)
    swept = asdict(sweeping.sweep(runtime.doors()))
    batches.logger.info("swept", **swept)
    return swept
