"""
The one place where a dispute enters the books, by whatever path the news came.

An event proves nothing: the dispute is fetched, and Stripe's balance transactions alone say what
money moved.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from payments.doors.doors import Doors
from payments.doors.keys import dated
from payments.doors.store import Change, change
from payments.facts.dispute import Dispute, DisputeStatus, as_seen, may_become
from payments.facts.invoice import Invoice
from payments.facts.ledger import dispute_lost, dispute_moved, dispute_settled
from payments.facts.loss import Loss, lose
from payments.facts.notification import Kind, Notification
from payments.facts.payment import Allocation, Payment
from payments.facts.stripe_objects import Intent, StripeDispute
from payments.steps.attempts.provenance import (
    Books,
    Mismatch,
    NotOurs,
    Slot,
    UnknownAttempt,
    books_behind,
    require_match,
)
from payments.steps.notifications.outbox import of_invoice
from payments.steps.payments.apply_payment import apply_intent
from payments.steps.payments.freed_credit import beside_freed, freed_by, without
from payments.steps.payments.payment_rows import give_credit, overpaying
from payments.steps.retry import retrying


def apply_dispute(stripe_id: str, slot: Slot, doors: Doors) -> Dispute:
    """
    Book what Stripe says of a dispute and return the dispute.

    One transaction writes the dispute, its payment and their invoices at the versions seen, the
    customer's credit and the journal. Raise NotOurs, UnknownAttempt or Mismatch.
    """
    gateway = doors.gateway(slot.tenant, slot.account, slot.mode)

    def step() -> Dispute:
        found = gateway.dispute(stripe_id)
        home = _disputed_books(found, slot, doors).attempt.invoice
        known = doors.store.dispute(slot.tenant, home, stripe_id)
        if known:
            # Stripe is asked after the row was read: a newer answer has changed the row's version.
            found = gateway.dispute(stripe_id)
        payment = _disputed_payment(found, home, slot, doors)
        require_match(found, payment, slot)
        _require_follows(found, known)
        seen = as_seen(found, known, payment, ident=dispute_id(found), now=doors.now())
        return _book(seen, known, payment, doors)

    return retrying(step, doors, "The dispute kept changing; nothing of it was booked.")


def dispute_id(found: StripeDispute) -> str:
    """Return our id for Stripe's dispute: the same by every path, and sorted by time."""
    return dated("dsp", found.created * 1000, hashlib.sha256(found.id.encode()).digest()[:10])


def _disputed_books(found: StripeDispute, slot: Slot, doors: Doors) -> Books:
    """Return whose payment is disputed, or raise NotOurs."""
    intent = found.payment_intent
    if not isinstance(intent, Intent):
        raise NotOurs(found.id)
    return books_behind(intent, slot, doors)


def _disputed_payment(found: StripeDispute, home: str, slot: Slot, doors: Doors) -> Payment:
    """Return the disputed payment, and book it first where nobody has told us of it yet."""
    payment = doors.store.payment(slot.tenant, home, found.charge)
    if payment:
        return payment
    if isinstance(found.payment_intent, Intent):
        apply_intent(found.payment_intent, slot, doors)
    payment = doors.store.payment(slot.tenant, home, found.charge)
    if not payment:
        raise UnknownAttempt(found.id)
    return payment


def _require_follows(found: StripeDispute, known: Dispute | None) -> None:
    """Raise Mismatch for an undocumented status, or one that cannot follow the known status."""
    if found.status not in set(DisputeStatus):
        raise Mismatch(f"{found.id} has a status that is not known here.")
    if known and not may_become(known.status, DisputeStatus(found.status)):
        raise Mismatch(f"{found.id} was {known.status}, which does not lead to {found.status}.")


def _book(seen: Dispute, known: Dispute | None, payment: Payment, doors: Doors) -> Dispute:
    """Write what is new of the dispute and return it; write nothing if nothing is new."""
    invoices: dict[str, Invoice] = {}
    if seen.lost != seen.loss.total or seen.flagged != (known.flagged if known else ()):
        names = dict.fromkeys(_concerned(seen, known, payment))
        invoices = {name: doors.store.invoice(seen.tenant, name) for name in names}
    if seen.lost != seen.loss.total:
        stayed = {name: invoice.paid for name, invoice in invoices.items()}
        seen = seen.having(loss=lose(seen.loss, seen.lost, payment, stayed))
    if seen == known:
        return known
    saved = change(seen.having(sweep_at=seen.ask_at(doors.now())), known)
    moved = list(_moved(saved, invoices, doors.now()))
    free = freed_by(payment, _found_again(saved), moved)
    source = f"{seen.stripe_id}#found#{saved.new.version}"
    doors.store.write(
        saved,
        *_rows_beside(saved, payment, free, doors),
        *overpaying(
            payment, _credit_grown(saved, free), [without(each, free) for each in moved], doors
        ),
        *_entries(saved, payment, invoices, doors.now()),
        *beside_freed(payment, free, moved, source, doors, at=doors.now()),
        *_dispute_notices(saved, moved, doors.now()),
    )
    return saved.new


def _dispute_notices(
    saved: Change[Dispute], moved: list[Change[Invoice]], now: datetime
) -> Iterator[Change[Notification]]:
    """Yield the merchant's notices: the dispute, its deadline, its end."""
    dispute, known = saved.new, saved.old
    ended = dispute.status in {DisputeStatus.WON, DisputeStatus.LOST}
    if known is None or (ended and known.status is not dispute.status):
        freed = [each.new.id for each in moved if each.old and each.new.frees_after(each.old)]
        released = {"released": ",".join(freed)} if freed else {}
        yield _notice(Kind.DISPUTE_CHANGED, dispute, now, status=dispute.status.value, **released)
    # A merchant who learns of the dispute now has just been asked to answer.
    if known and dispute.reminded and dispute.reminded != known.reminded:
        yield _notice(Kind.DISPUTE_DEADLINE, dispute, now, days=str(dispute.reminded))


def _notice(kind: Kind, dispute: Dispute, now: datetime, **refs: str) -> Change[Notification]:
    return of_invoice(
        kind,
        f"{dispute.id}:{dispute.version}",
        tenant=dispute.tenant,
        invoice=dispute.invoice,
        at=now,
        dispute=dispute.stripe_id,
        **refs,
    )


def _concerned(seen: Dispute, known: Dispute | None, payment: Payment) -> Iterator[str]:
    yield payment.invoice
    yield from (each.invoice for each in payment.allocations)
    yield from seen.flagged
    yield from known.flagged if known else ()
    yield from (part.invoice for part in seen.loss.parts)


def _found_again(saved: Change[Dispute]) -> list[Allocation]:
    """Return what the invoices had lost by the dispute and have got back."""
    before, now = saved.old.loss if saved.old else Loss(), saved.new.loss
    back = {part.invoice: before.of(part.invoice) - now.of(part.invoice) for part in before.parts}
    return [Allocation(invoice=name, amount=amount) for name, amount in back.items() if amount > 0]


def _rows_beside(
    saved: Change[Dispute], payment: Payment, free: tuple[Allocation, ...], doors: Doors
) -> Iterator[Change[Any]]:
    """Yield the changes of the payment and of the customer's credit."""
    dispute, known = saved.new, saved.old
    before = known.loss if known else Loss()
    used = dispute.loss.credit - before.credit
    contested = dispute.contested - (known.contested if known else 0)
    if contested or dispute.loss != before:
        marked = payment.having(
            disputed=payment.disputed + contested,
            unapplied=payment.unapplied - used,
            returned=payment.returned + used,
            lost=dispute.loss.instead_of(before, payment.lost),
        )
        yield change(marked.set_free(free), payment)
    if more := _credit_grown(saved, free):
        yield give_credit(payment, more, doors)


def _credit_grown(saved: Change[Dispute], free: tuple[Allocation, ...]) -> int:
    """Return by how much the customer's credit grows: the amount set free less the amount lost."""
    before = saved.old.loss if saved.old else Loss()
    return sum(part.amount for part in free) - (saved.new.loss.credit - before.credit)


def _moved(
    saved: Change[Dispute], invoices: dict[str, Invoice], now: datetime
) -> Iterator[Change[Invoice]]:
    """
    Yield the invoices for which a dispute began or ended, or which lost money or got it back.

    An invoice that is paid again releases its order.
    """
    dispute, known = saved.new, saved.old
    before, flagged = (known.loss, known.flagged) if known else (Loss(), ())
    for name, invoice in invoices.items():
        opened = (name in dispute.flagged) - (name in flagged)
        lost = dispute.loss.of(name) - before.of(name)
        if opened or lost:
            yield change(invoice.disputed(opened=opened, lost=lost).release(now), invoice)


def _entries(
    saved: Change[Dispute], payment: Payment, invoices: dict[str, Invoice], now: datetime
) -> Iterator[Change[Any]]:
    """Yield the journal's entries: each balance transaction once, and each change of the loss."""
    dispute, known = saved.new, saved.old
    entered = {each.id: each for each in known.movements} if known else {}
    for movement in dispute.movements:
        if movement.id not in entered:
            yield change(dispute_moved(dispute, movement, payment).entered(now))
        elif movement.settled and not entered[movement.id].settled:
            yield change(dispute_settled(dispute, movement, payment).entered(now))
    before = known.loss if known else Loss()
    if dispute.loss != before:
        given_up = frozenset(name for name, invoice in invoices.items() if invoice.written_off_at)
        yield change(dispute_lost(dispute, before, given_up, now))
