"""
The one place where money leaves the books again.

A refund's own answer, webhooks, the sweep and reconciliation all end here, in any order and any
number of times. Stripe's refund id decides, not the path of the news nor who asked for the refund.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from payments.doors.doors import Doors
from payments.doors.keys import dated
from payments.doors.store import Change, change
from payments.facts.invoice import Invoice, Trouble
from payments.facts.ledger import (
    recovered,
    refund_given,
    refund_reversed,
    refund_settled,
)
from payments.facts.payment import Allocation, Payment
from payments.facts.refund import CreditNote, Refund, RefundStatus, divide, room
from payments.facts.stripe_objects import Intent, StripeRefund
from payments.steps.attempts.provenance import (
    Mismatch,
    NotOurs,
    Slot,
    books_behind,
    require_match,
)
from payments.steps.collecting.claims import end_soon
from payments.steps.notifications.outbox import of_refund
from payments.steps.payments.apply_payment import apply_intent
from payments.steps.payments.freed_credit import beside_freed, freed_by, without
from payments.steps.payments.from_charge import apply_fees, fee_given_back
from payments.steps.payments.payment_rows import give_credit, overpaying
from payments.steps.retry import retrying

#: How often Stripe is asked about a refund that it has and the payer has not.
ASK_EVERY = timedelta(days=1)


class NotYetPaid(NotOurs):
    """The charge has not brought money, so nothing can be given back; Stripe tells again."""


def apply_refund(told: StripeRefund, slot: Slot, doors: Doors) -> Refund:
    """
    Book what Stripe says of a refund exactly once and return our refund.

    One that we did not ask for was made in the Dashboard and gets a row of its own. `slot` says
    whose Stripe account was asked. Raise what `apply_intent` raises.
    """
    apply = partial(_apply, slot=slot, doors=doors)
    try:
        return apply(told)
    except Mismatch:
        # What was told may be older than the books, or the books than what was told: all refunds
        # of the charge are asked for, and those that came to nothing make room for the others.
        listed = list(
            doors.gateway(slot.tenant, slot.account, slot.mode).refunds_of(told.charge or "")
        )
        for other in sorted(listed, key=lambda each: not _is_dead(each)):
            with suppress(Mismatch):
                apply(other)
        return apply(next((each for each in listed if each.id == told.id), told))


def _apply(told: StripeRefund, *, slot: Slot, doors: Doors) -> Refund:
    payment = _payment_of(told, slot, doors)
    # What was read a moment ago is good for the first try, at the version there.
    read = [payment]

    def step() -> Refund:
        seen = read.pop() if read else _again(payment, doors)
        refunds = doors.store.refunds_of(seen)
        known = matching(told, refunds)
        heard = _heard(known or _imported(told, seen, refunds), told, doors)
        if known and heard is known:
            return known
        return record(heard, known, seen, doors, at=_at(told))

    applied = retrying(step, doors, "The payment kept changing; the refund is not booked yet.")
    detail = "The payment kept changing; the platform's fee is not booked yet."
    retrying(lambda: _apply_fee_back(payment, told, doors), doors, detail)
    return applied


def record(
    new: Refund, old: Refund | None, payment: Payment, doors: Doors, *, at: datetime
) -> Refund:
    """
    Write a refund's step, from the request to the end, with all that follows; return the refund.

    One transaction writes the refund, its payment and the invoices at the versions seen, the
    customer's credit, credit notes and the journal. What follows is the difference between `old`
    and `new`.
    """
    saved = change(new, old)
    under_way = new.is_open - bool(old and old.is_open)
    given = new.is_given - bool(old and old.is_given)
    counted = _counted(saved.new, under_way, given, doors)
    free = freed_by(payment, new.allocations, counted) if given < 0 else ()
    moved = [without(each, free) for each in counted]
    doors.store.write(
        saved,
        *_payment_change(saved, payment, under_way, given, free),
        *overpaying(payment, _freed(free) - given * new.unapplied, moved, doors),
        *_beside_invoices(saved.new, counted, given, doors, at=at),
        *beside_freed(payment, free, counted, new.source, doors, at=at),
        *_credit_change(saved.new, payment, under_way + given, free, doors),
        *_credit_notes(saved.new, given, doors),
        *_entry(saved, payment, given, at, doors.now()),
        *of_refund(saved.new, old, doors.now()),
    )
    return saved.new


def _again(payment: Payment, doors: Doors) -> Payment:
    return doors.store.payment(payment.tenant, payment.invoice, payment.source) or payment


def _apply_fee_back(payment: Payment, told: StripeRefund, doors: Doors) -> None:
    """Enter once what the platform has given back of its fee."""
    intent = told.payment_intent
    if isinstance(intent, Intent) and fee_given_back(intent.latest_charge):
        apply_fees(_again(payment, doors), intent.charge, at=_at(told), doors=doors)


def matching(told: StripeRefund, refunds: Iterable[Refund]) -> Refund | None:
    """Return our refund for Stripe's: by its id or, before that is known, by the metadata."""
    asked = told.metadata.get("refund")
    for refund in refunds:
        waits = refund.is_open and not refund.stripe_refund
        if refund.stripe_refund == told.id or (waits and refund.id == asked):
            return refund
    return None


def _payment_of(told: StripeRefund, slot: Slot, doors: Doors) -> Payment:
    """Return the payment that is given back; one that nobody told of is booked first."""
    intent = told.payment_intent
    if not isinstance(intent, Intent) or not told.charge:
        raise NotOurs(told.id)
    books = books_behind(intent, slot, doors)
    found, home = books.payment, books.attempt.invoice
    if not found or found.charge != told.charge:
        apply_intent(intent, slot, doors)
        found = doors.store.payment(slot.tenant, home, told.charge)
    if not found:
        raise NotYetPaid(told.id)
    require_match(told, found, slot)
    return found


def _imported(told: StripeRefund, payment: Payment, refunds: list[Refund]) -> Refund:
    """
    Return the row of a refund that was not asked for here; its id follows from Stripe's.

    It takes what is free, then what refunds have reserved that Stripe will refuse now. A refund
    that failed takes nothing, whatever has taken its place since.
    """
    rooms = [room(payment, refunds), room(payment, refunds, sure=True)]
    if _is_dead(told):
        rooms.append(room(payment.having(lost=()), ()))
    allocations, unapplied, beyond = divide(told.amount, *rooms)
    if beyond:
        raise Mismatch(f"{told.id} gives back more than {payment.id} brought.")
    return Refund.of(
        payment,
        id=dated("rfd", told.created * 1000, sha256(told.id.encode()).digest()[:10]),
        amount=told.amount,
        allocations=allocations,
        unapplied=unapplied,
        reason=told.reason,
        origin="stripe",
        created_at=_at(told),
    )


def _heard(refund: Refund, told: StripeRefund, doors: Doors) -> Refund:
    """Return the refund with Stripe's answer, or unchanged if the answer is not newer."""
    status = RefundStatus(told.status)
    if refund.amount != told.amount:
        raise Mismatch(f"{told.id} is over another amount than {refund.id}.")
    refund = refund.learning(told.settlements)
    if refund.status is status or not refund.may_become(status):
        return refund
    waits = status in {RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION}
    return refund.become(
        status,
        stripe_refund=told.id,
        failure_reason=told.failure_reason,
        pending_reason=told.pending_reason,
        sweep_at=doors.now() + ASK_EVERY if waits else None,
    )


def _is_dead(told: StripeRefund) -> bool:
    return told.status in {RefundStatus.FAILED, RefundStatus.CANCELED}


def _at(told: StripeRefund) -> datetime:
    return datetime.fromtimestamp(told.created, UTC)


def _payment_change(
    saved: Change[Refund],
    payment: Payment,
    under_way: int,
    given: int,
    free: tuple[Allocation, ...],
) -> Iterator[Change[Payment]]:
    refund, moves = saved.new, (under_way, given) != (0, 0)
    if saved.old and not moves:
        return
    counted = payment.give_back(
        pending=under_way * refund.amount,
        given=given * refund.amount,
        credit=(under_way + given) * refund.unapplied,
    )
    names = payment.refunds if saved.old else (*payment.refunds, refund.id)
    yield change(counted.set_free(free).having(refunds=names), payment)


def _counted(refund: Refund, under_way: int, given: int, doors: Doors) -> list[Change[Invoice]]:
    """Return the changes of the refund's invoices for its step."""
    if (under_way, given) == (0, 0):
        return []
    counted = []
    names = [part.invoice for part in refund.allocations]
    invoices = doors.store.invoices(refund.tenant, *names)
    for part, invoice in zip(refund.allocations, invoices, strict=True):
        new = invoice.give_back(
            pending=under_way * part.amount,
            given=given * part.amount,
            credited=given * part.amount if refund.settle_as == "credit_note" else 0,
        )
        counted.append(change(new.having(exception=_exception(invoice, refund, given)), invoice))
    return counted


def _beside_invoices(
    refund: Refund, counted: list[Change[Invoice]], given: int, doors: Doors, *, at: datetime
) -> Iterator[Change[Any]]:
    """Yield the changes of attempts on the invoices, and the entries for written-off debts."""
    sooner: dict[str, Change[Any]] = {}
    for each in counted:
        if found := end_soon(each.new, doors) if given < 0 else None:
            sooner[found.new.id] = found
        if given and each.new.written_off_at and refund.settle_as == "reopen":
            # The debt comes back to an invoice that was written off, so it is lost at once.
            back = -given * refund.share_of(each.new.id)
            yield change(
                recovered(each.old or each.new, refund.source, back, at).entered(doors.now())
            )
    yield from sooner.values()


def _exception(invoice: Invoice, refund: Refund, given: int) -> Trouble:
    """Return the invoice's facet: a person must look after a refund that reached nobody."""
    if given < 0 or (refund.status is RefundStatus.FAILED and refund.stripe_refund):
        return Trouble.REFUND_FAILED
    over = given > 0 and invoice.exception is Trouble.REFUND_FAILED
    return Trouble.NONE if over else invoice.exception


def _credit_change(
    refund: Refund,
    payment: Payment,
    taken: int,
    free: tuple[Allocation, ...],
    doors: Doors,
) -> Iterator[Change[Any]]:
    if more := _freed(free) - taken * refund.unapplied:
        yield give_credit(payment, more, doors)


def _freed(free: tuple[Allocation, ...]) -> int:
    return sum(part.amount for part in free)


def _credit_notes(refund: Refund, given: int, doors: Doors) -> Iterator[Change[CreditNote]]:
    if refund.settle_as != "credit_note":
        return
    for part in refund.allocations if given else ():
        if given > 0:
            yield change(_credit_note(refund, part, doors.now()))
        elif note := doors.store.credit_note(refund.tenant, part.invoice, refund.id):
            yield change(note.having(reversed_at=doors.now()), note)


def _credit_note(refund: Refund, part: Allocation, at: datetime) -> CreditNote:
    return CreditNote(
        tenant=refund.tenant,
        invoice=part.invoice,
        refund=refund.id,
        amount=part.amount,
        currency=refund.currency,
        issued_at=at,
    )


def _entry(
    saved: Change[Refund], payment: Payment, given: int, at: datetime, now: datetime
) -> Iterator[Change[Any]]:
    refund, known = saved.new, saved.old
    if given > 0:
        yield change(refund_given(payment, refund, at).entered(now))
    elif known and given < 0:
        yield change(refund_reversed(payment, refund, known, at).entered(now))
    elif refund.moved != (known.moved if known else ()):
        yield change(refund_settled(payment, refund, known, at).entered(now))
