"""
The one place where money enters the books.

A charge's answer, the payer's return, webhooks, the sweep and reconciliation all end here, in any
order and any number of times. Stripe's charge id decides, not the path of the news.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.facts.attempt import Attempt, AttemptStatus
from payments.facts.outcome import OutcomeUnknown
from payments.facts.payment import Payment
from payments.facts.refund import Refund
from payments.facts.stripe_objects import Intent, Session, SetupIntent
from payments.steps.attempts.provenance import (
    Books,
    Slot,
    attempt_behind,
    books_behind,
    books_of,
    bound,
    require_match,
    require_same_account,
)
from payments.steps.attempts.transitions import advance, await_payer, latest, others_of
from payments.steps.customers.card_consent import save_card, save_paid_card
from payments.steps.notifications.outbox import of_refund
from payments.steps.payments.from_charge import apply_fees, paid_by, payment_of, surcharged_with
from payments.steps.payments.payment_rows import (
    give_back_excess,
    link_filled,
    rows_beside,
    surcharge_entry,
)
from payments.steps.retry import retrying

#: How often Stripe is asked about a bank debit, which takes days and cannot be stopped.
DEBIT_EVERY = timedelta(days=1)


def apply_intent(intent: Intent, slot: Slot, doors: Doors) -> Attempt:
    """
    Book what Stripe says of a PaymentIntent and return its attempt.

    `slot` says whose Stripe account was asked. Raise NotOurs, UnknownAttempt or Mismatch.
    """
    return _apply_known(intent, books_behind(intent, slot, doors), slot, doors)


def apply_own_intent(attempt: Attempt, intent: Intent, doors: Doors) -> Attempt:
    """Bring into the books what Stripe says of an attempt's own intent: it was asked for by id."""
    slot = Slot.of(attempt)
    if intent.status == "succeeded":
        books = books_of(attempt.tenant, attempt.invoice, attempt.id, intent.charge_id, doors)
        return _apply_known(intent, books, slot, doors)
    current = latest(attempt, doors)
    require_match(intent, current, slot)
    return _apply_unpaid(current, intent, doors)


def _apply_known(intent: Intent, books: Books, slot: Slot, doors: Doors) -> Attempt:
    require_match(intent, books.attempt, slot)
    if intent.status != "succeeded":
        return _apply_unpaid(books.attempt, intent, doors)
    paid = apply_payment(books.attempt, intent, doors=doors, books=books)
    if paid.save_card:
        save_paid_card(paid, intent, doors)
    return paid


def _apply_unpaid(attempt: Attempt, intent: Intent, doors: Doors) -> Attempt:
    """Move the attempt on by an intent without money, or end it; return the attempt."""
    if intent.status == "processing":
        return advance(
            attempt,
            AttemptStatus.PROCESSING,
            doors=doors,
            payment_intent=intent.id,
            sweep_at=doors.now() + DEBIT_EVERY,
        )
    if intent.status == "canceled" and not attempt.channel.has_session:
        end = attempt.end_of_cancel(intent.decline, doors.now())
        decline = intent.decline or attempt.decline
        return advance(attempt, end, doors=doors, payment_intent=intent.id, decline=decline)
    if intent.awaits_payer and attempt.asks_payer:
        return await_payer(attempt, intent.decline, doors)
    if intent.status == "requires_payment_method" and _has_failed(attempt, intent):
        return _end_failed(attempt, intent, doors)
    return attempt


def _has_failed(attempt: Attempt, intent: Intent) -> bool:
    """Whether a debit has bounced, or a payer or their bank has refused to confirm."""
    refused = attempt.waits and intent.decline is not None
    return refused or attempt.status is AttemptStatus.PROCESSING


def apply_session(session: Session, slot: Slot, doors: Doors) -> None:
    """
    Bring what Stripe says of a Checkout Session into the books; arguments and errors as above.

    A payment, a saved card, or its end.
    """
    if session.mode != "setup":
        attempt = attempt_behind(session, slot, doors)
        require_same_account(session.id, attempt, slot)
        return apply_own_session(attempt, session, doors)
    setup = session.setup_intent
    if isinstance(setup, SetupIntent):
        save_card(setup, session.metadata, slot, doors)
    return None


def apply_own_session(attempt: Attempt, session: Session, doors: Doors) -> None:
    """Bring into the books what Stripe says of an attempt's own session."""
    intent = session.payment_intent
    if isinstance(intent, Intent):
        attempt = apply_own_intent(attempt, intent, doors)
        if session.status == "complete" and intent.status == "requires_payment_method":
            # It failed before it was seen as processing: nobody can pay it any more.
            attempt = _end_failed(attempt, intent, doors)
    if session.status == "expired" and attempt.is_open:
        advance(attempt, AttemptStatus.EXPIRED, doors=doors)


def apply_payment(
    attempt: Attempt, intent: Intent, *, doors: Doors, books: Books | None = None
) -> Attempt:
    """
    Count a succeeded PaymentIntent exactly once and return its attempt.

    One transaction writes the payment under its charge's id, the invoices and the attempt at the
    versions seen, the credit and the journal. A second call finds the payment and changes nothing.
    `books` are rows just read; they serve for the first try, at their versions.
    """
    charge = intent.charge

    def step() -> Attempt:
        nonlocal books
        read = books or books_of(attempt.tenant, attempt.invoice, attempt.id, charge.id, doors)
        current, books = read.attempt, None
        if read.payment:
            apply_fees(read.payment, charge, at=doors.now(), doors=doors)
            # The three rows are not one snapshot: the attempt may be older than the payment.
            knew = current.status is AttemptStatus.SUCCEEDED
            return current if knew else latest(current, doors)
        seen = [read.invoice, *others_of(current, doors)]
        invoices = surcharged_with(seen, current, charge)
        payment = payment_of(current, invoices, intent, doors.new_id("pay"))
        payment, back = give_back_excess(payment, invoices, doors)
        done = _succeeded(current, intent, doors)
        saved = change(done, current)
        paid = [paid_by(each, payment, done).release(doors.now()) for each in invoices]
        doors.store.write(
            change(payment),
            *map(change, paid, seen),
            saved,
            *_beside_attempt(payment, done, current, doors),
            *_promised_back(back, doors),
            *rows_beside(payment, invoices, paid, doors),
            *surcharge_entry(payment, seen[0], invoices[0], doors.now()),
        )
        return saved.new

    return retrying(step, doors, "The invoice kept changing; the payment is not booked yet.")


def _beside_attempt(
    payment: Payment, done: Attempt, before: Attempt, doors: Doors
) -> Iterator[Change[Any]]:
    """Yield what leads from the intent to the attempt, and what its link is for."""
    yield from bound(done, before)
    yield from link_filled(payment, done, doors)


def _promised_back(back: list[Refund], doors: Doors) -> Iterator[Change[Any]]:
    """Yield what is given back of it, and what is told of that."""
    for refund in back:
        yield change(refund)
        yield from of_refund(refund, None, doors.now())


def _succeeded(attempt: Attempt, intent: Intent, doors: Doors) -> Attempt:
    return attempt.become(
        AttemptStatus.SUCCEEDED, payment_intent=intent.id, decline=None, changed_at=doors.now()
    )


def _end_failed(attempt: Attempt, intent: Intent, doors: Doors) -> Attempt:
    """
    End an attempt whose bank debit failed days later, or whose payer did not confirm.

    The intent has no payment method any more.
    """
    if not attempt.is_open:
        return attempt
    gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
    fenced = gateway.fence_intent(intent.id)
    if fenced.status == "succeeded":
        return apply_payment(attempt, fenced, doors=doors)
    if fenced.status != "canceled":
        raise OutcomeUnknown(fenced.id)
    return advance(
        attempt,
        AttemptStatus.FAILED,
        doors=doors,
        payment_intent=fenced.id,
        decline=fenced.decline or intent.decline,
    )
