"""Every two minutes: verify the accounts that are due, and mend what can be mended."""

from dataclasses import asdict
from typing import Any

from payments.cases.accounts import doctor
from payments.edge import batches, runtime


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Return the counts of the run."""
    return batches.run(context, "checked", lambda: asdict(doctor.check_due(runtime.doors())))
