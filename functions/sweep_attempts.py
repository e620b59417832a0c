"""Every two minutes: unknown outcomes, expired sessions, events not applied, erasures."""

from dataclasses import asdict
from typing import Any

from payments.cases.collecting import sweep
from payments.cases.customers import erasure
from payments.edge import batches, runtime


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Return the counts of the run."""
    return batches.run(context, "swept", _sweep)


def _sweep() -> dict[str, int]:
    doors = runtime.doors()
    swept = asdict(sweep.sweep(doors))
    return swept | {"erasures": erasure.go_on_due(doors)}
