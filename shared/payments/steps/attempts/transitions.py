"""Move an attempt on, together with the claims of its invoices."""

from collections.abc import Iterator

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.facts.attempt import Attempt, AttemptStatus, Decline
from payments.facts.invoice import Invoice
from payments.facts.notification import Kind, Notification
from payments.steps.attempts.provenance import UnknownAttempt, bound
from payments.steps.attempts.recoveries import recoveries
from payments.steps.notifications.outbox import of_invoice
from payments.steps.retry import retrying


def advance(attempt: Attempt, status: AttemptStatus, *, doors: Doors, **changes: object) -> Attempt:
    """
    Move an attempt to `status` with its invoices' claims, and return it.

    An attempt that has ended meanwhile is returned unchanged.
    """

    def step() -> Attempt:
        current, invoices = _standing(attempt, doors)
        if not current.is_open or current.status is status:
            return current
        saved = change(current.become(status, changed_at=doors.now(), **changes), current)
        notices = _attempt_notices(saved.new, current, doors)
        followed = ((invoice.follow(saved.new), invoice) for invoice in invoices)
        moved = [change(new, old) for new, old in followed if new is not old]
        followers = recoveries(saved.new, invoices, doors)
        doors.store.write(saved, *bound(saved.new, current), *moved, *followers, *notices)
        return saved.new

    return retrying(step, doors, "The attempt kept changing; it is as it was.")


def await_payer(attempt: Attempt, decline: Decline | None, doors: Doors) -> Attempt:
    """Keep the attempt open until its payer confirms, and return it; the payer is told once."""
    waiting = attempt.waiting(doors.now(), decline)
    return advance(attempt, AttemptStatus.ACTION_REQUIRED, doors=doors, **waiting)


def _attempt_notices(
    attempt: Attempt, before: Attempt, doors: Doors
) -> Iterator[Change[Notification]]:
    """Yield the payer's notices, each once: a bank has refused, or wants a confirmation."""
    kind = {
        AttemptStatus.FAILED: Kind.PAYMENT_FAILED,
        AttemptStatus.ACTION_REQUIRED: Kind.ACTION_REQUIRED,
    }.get(attempt.status)
    if kind and not (attempt.waits and before.confirm_by):
        yield of_invoice(
            kind,
            attempt.id,
            tenant=attempt.tenant,
            invoice=attempt.invoice,
            at=doors.now(),
            attempt=attempt.id,
        )


def latest(attempt: Attempt, doors: Doors) -> Attempt:
    """Return the stored attempt, or raise UnknownAttempt."""
    current = doors.store.attempt(attempt.tenant, attempt.invoice, attempt.id)
    if not current:
        raise UnknownAttempt(attempt.id)
    return current


def _standing(attempt: Attempt, doors: Doors) -> tuple[Attempt, list[Invoice]]:
    """Return the stored attempt and its invoices, or raise UnknownAttempt."""
    names = (each.invoice for each in attempt.shares)
    current, invoices = doors.store.begun(attempt.tenant, attempt.id, *names)
    if not current:
        raise UnknownAttempt(attempt.id)
    return current, invoices


def others_of(attempt: Attempt, doors: Doors) -> list[Invoice]:
    """Return the attempt's stored invoices without the first one."""
    names = [each.invoice for each in attempt.shares[1:]]
    return doors.store.invoices(attempt.tenant, *names) if names else []
