"""Every two minutes: unknown outcomes, expired sessions, events kept but not applied."""

from dataclasses import asdict
from typing import Any

from payments.cases.collecting import sweep
from payments.edge import batches, runtime


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Answer with what was done."""
    return batches.run(context, "swept", lambda: asdict(sweep.sweep(runtime.doors())))
