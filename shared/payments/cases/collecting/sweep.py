"""The sweep: ask Stripe about what a request left open, fence it, and end it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from payments.doors.doors import Doors
from payments.doors.secrets import SecretMissing
from payments.doors.table import RowChanged, Unreadable
from payments.facts.attempt import SWEEP_AFTER, Attempt, AttemptStatus
from payments.facts.dispute import Dispute
from payments.facts.event import InboxEvent
from payments.facts.refund import Refund
from payments.steps.attempts.provenance import UNSETTLED, Slot
from payments.steps.attempts.transitions import latest
from payments.steps.collecting.close_attempt import close
from payments.steps.disputes.apply_dispute import apply_dispute
from payments.steps.payments.apply_payment import DEBIT_EVERY, apply_own_intent
from payments.steps.refunds.apply_refund import ASK_EVERY
from payments.steps.refunds.submit_refund import latest_refund, submit

M = TypeVar("M", Attempt, Refund, Dispute)

#: At most this many for each shard and run; the next run, two minutes later, takes the rest.
LIMIT = 25
ASK_AT_LEAST_EVERY = timedelta(minutes=30)
ORPHAN_AFTER = timedelta(hours=24)

#: The errors that keep a row from being ended now, and will pass.
PASSING = (*UNSETTLED, RowChanged, SecretMissing, Unreadable)


@dataclass(slots=True)
class Swept:
    """What a run did; `left` counts what Stripe could not answer yet."""

    attempts: int = 0
    refunds: int = 0
    disputes: int = 0
    events: int = 0
    orphans: int = 0
    left: int = 0


def sweep(doors: Doors) -> Swept:
    """End everything that is due, or leave it for the next run; return the counts."""
    swept = Swept()
    swept.attempts = _sweep(Attempt, _sweep_attempt, _put_off, swept, doors)
    swept.refunds = _sweep(Refund, _sweep_refund, _put_off_refund, swept, doors)
    swept.disputes = _sweep(Dispute, _ask_after_dispute, _put_off_dispute, swept, doors)
    for event in doors.store.due(InboxEvent, doors.now(), limit=LIMIT):
        _requeue(event, swept, doors)
    return swept


def _sweep(
    kind: type[M],
    end: Callable[[M, Doors], None],
    put_off: Callable[[M, Doors], None],
    swept: Swept,
    doors: Doors,
) -> int:
    """End the due rows of a kind and return how many; put off those that cannot end now."""
    ended = 0
    for row in doors.store.due(kind, doors.now(), limit=LIMIT):
        if not doors.may_write:
            break
        try:
            end(row, doors)
            ended += 1
        except PASSING:
            put_off(row, doors)
            swept.left += 1
        except Exception:
            # A bug ends this run, which reports it; the next run begins with the others.
            put_off(row, doors)
            raise
    return ended


def _sweep_refund(refund: Refund, doors: Doors) -> None:
    _ask_again(submit(refund, doors) if refund.is_open else refund, doors)


def _put_off_refund(refund: Refund, doors: Doors) -> None:
    _ask_again(latest_refund(refund, doors), doors)


def _ask_again(refund: Refund, doors: Doors) -> None:
    """Look again later: a pending refund takes Stripe days, and a lost answer is urgent."""
    if not refund.is_open:
        return
    again = doors.now() + (
        ASK_EVERY if refund.stripe_refund else _patience(refund.created_at, doors)
    )
    with suppress(RowChanged):
        doors.store.save(refund.having(sweep_at=again), refund)


def _ask_after_dispute(dispute: Dispute, doors: Doors) -> None:
    """Ask Stripe once a day, and before a reminder: its event about the end may be lost."""
    found = apply_dispute(dispute.stripe_id, Slot.of(dispute), doors)
    if found.version == dispute.version:
        _look_again(found, found.ask_at(doors.now()), doors)


def _put_off_dispute(dispute: Dispute, doors: Doors) -> None:
    _look_again(dispute, doors.now() + ASK_AT_LEAST_EVERY, doors)


def _look_again(dispute: Dispute, at: datetime | None, doors: Doors) -> None:
    with suppress(RowChanged):
        doors.store.save(dispute.having(sweep_at=at), dispute)


def _patience(since: datetime, doors: Doors) -> timedelta:
    """Return how long to wait: as long as the row has waited so far, within bounds."""
    return min(max(SWEEP_AFTER, doors.now() - since), ASK_AT_LEAST_EVERY)


def _sweep_attempt(attempt: Attempt, doors: Doors) -> None:
    if attempt.status is AttemptStatus.PROCESSING:
        return _ask(attempt, doors)
    if attempt.asks_payer and attempt.payment_intent and _waits_on(attempt, doors):
        return None
    if attempt.is_open:
        close(attempt, doors)
    return None


def _waits_on(attempt: Attempt, doors: Doors) -> bool:
    """Ask Stripe about a waiting attempt; return whether it may wait for its payer longer."""
    gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
    found = apply_own_intent(attempt, gateway.intent(attempt.payment_intent or ""), doors)
    if not found.waits:
        return not found.is_open
    now = doors.now()
    if not found.is_waited_for(now) or not _is_owed(found, doors):
        return False
    if not found.sweep_at or found.sweep_at <= now:
        doors.store.save(found.having_waited(now), found)
    return True


def _is_owed(attempt: Attempt, doors: Doors) -> bool:
    """Whether all that the attempt asks for is still outstanding at its invoices."""
    seen = ((doors.store.invoice(attempt.tenant, each.invoice), each) for each in attempt.shares)
    return all(each.amount <= invoice.outstanding for invoice, each in seen)


def _put_off(attempt: Attempt, doors: Doors) -> None:
    """Look again later: what cannot be ended now must not hold up the rest."""
    found = latest(attempt, doors)
    if not found.is_open:
        return
    again = doors.now() + _patience(found.created_at, doors)
    with suppress(RowChanged):
        doors.store.save(found.having(sweep_at=again), found)


def _ask(attempt: Attempt, doors: Doors) -> None:
    """Ask Stripe about a bank debit once a day; it is not fenced, since nobody can stop it."""
    gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
    intent = gateway.intent(attempt.payment_intent or "")
    found = apply_own_intent(attempt, intent, doors)
    if found.status is AttemptStatus.PROCESSING:
        again = found.become(AttemptStatus.PROCESSING, sweep_at=doors.now() + DEBIT_EVERY)
        doors.store.save(again, found)


def _requeue(event: InboxEvent, swept: Swept, doors: Doors) -> None:
    """Put a stored event that was not applied back on the queue; after a day it is an orphan."""
    if event.status != "pending":
        # It was applied after the index listed it: a new mark would make it an orphan one day.
        return
    try:
        # An event that was never swept has only waited: the schedules were down for a day.
        if event.version > 1 and doors.now() - event.received_at > ORPHAN_AFTER:
            doors.store.save(event.done("orphan"), event)
            swept.orphans += 1
            return
        doors.events.send(event.address())
        # Each wait is as long as all before it, so that a bad event does not flood the queue.
        again = doors.now() + max(SWEEP_AFTER, doors.now() - event.received_at)
        doors.store.save(event.having(sweep_at=again), event)
        swept.events += 1
    except RowChanged:
        swept.left += 1
