"""Turn money that comes back for a debt that was paid meanwhile into the customer's credit."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.facts.invoice import Invoice
from payments.facts.ledger import set_free
from payments.facts.payment import Allocation, Payment


def freed_by(
    payment: Payment, back: Iterable[Allocation], counted: Sequence[Change[Invoice]]
) -> tuple[Allocation, ...]:
    """
    Return the parts of the money that comes `back` to invoices which do not need it.

    `counted` are the changes of those invoices, with the money counted in.
    """
    needless = {each.new.id: each.new.excess for each in counted}
    parts = (
        Allocation(
            invoice=part.invoice,
            amount=min(part.amount, needless[part.invoice], payment.allocated_to(part.invoice)),
        )
        for part in back
    )
    return tuple(part for part in parts if part.amount)


def without(counted: Change[Invoice], free: Iterable[Allocation]) -> Change[Invoice]:
    """Return the change of an invoice, less the amount that is set free."""
    amount = sum(part.amount for part in free if part.invoice == counted.new.id)
    return change(counted.new.set_free(amount), counted.old)


def beside_freed(
    payment: Payment,
    free: tuple[Allocation, ...],
    counted: Sequence[Change[Invoice]],
    source: str,
    doors: Doors,
    *,
    at: datetime,
) -> Iterator[Change[Any]]:
    """Yield the journal entry and the shares that change when money is set free."""
    if not free:
        return
    given_up = frozenset(each.new.id for each in counted if each.new.written_off_at)
    yield change(set_free(payment, free, given_up, source, at).entered(doors.now()))
    for part in free:
        if share := doors.store.share(payment.tenant, part.invoice, payment.id):
            yield change(share.having(amount=share.amount - part.amount), share)
