"""Scheduled jobs that no request asks for; a job's name comes with its schedule."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from payments.cases.audit import check_trail
from payments.cases.books import nightly_close
from payments.cases.collecting import follow_declines
from payments.cases.customers import expiring_cards
from payments.doors.doors import Doors
from payments.edge import batches, runtime


def recover(doors: Doors) -> dict[str, Any]:
    """Charge declined cards again where that is due, and return the counts."""
    return asdict(follow_declines.follow_up(doors))


def warn(doors: Doors) -> dict[str, Any]:
    """Tell the owners of saved cards that expire soon, and return the counts."""
    return asdict(expiring_cards.warn_due(doors))


def close(doors: Doors) -> dict[str, Any]:
    """Close every tenant's books at midnight, check earlier closings, and return the counts."""
    return asdict(nightly_close.close_books(doors))


def check_trails(doors: Doors) -> dict[str, Any]:
    """Compute the digests of the audit trails again, and return the counts."""
    return asdict(check_trail.check_trails(doors))


JOBS: dict[str, Callable[[Doors], dict[str, Any]]] = {
    "recovery": recover,
    "expiring_cards": warn,
    "books": close,
    "audit": check_trails,
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the counts of the job."""
    job = event["job"]
    return batches.run(context, job, lambda: JOBS[job](runtime.doors()))
