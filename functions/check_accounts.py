"""Every two minutes: the accounts whose time has come are verified, and mended where possible."""

from dataclasses import asdict
from typing import Any

from payments.cases.accounts import doctor
from payments.edge import batches, runtime


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Answer with what was found."""
    return batches.run(context, "checked", lambda: asdict(doctor.check_due(runtime.doors())))
