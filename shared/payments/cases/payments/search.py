"""Find payments by invoice, customer, status and date."""

from dataclasses import dataclass
from datetime import datetime

from payments.doors.doors import Doors
from payments.doors.keys import stamp
from payments.facts.payment import Payment, PaymentStatus


@dataclass(frozen=True, slots=True)
class Search:
    """
    What is looked for; None does not narrow.

    Times are in UTC, and `until` is the first moment left out.
    """

    invoice: str | None = None
    customer: str | None = None
    status: PaymentStatus | None = None
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, payment: Payment) -> bool:
        """Whether a payment is looked for."""
        return (
            self.customer in {None, payment.customer}
            and self.status in {None, payment.status}
            and (self.since is None or payment.paid_at >= self.since)
            and (self.until is None or payment.paid_at < self.until)
        )

    def wanted(self) -> dict[str, str]:
        """Return the filter in the index's words."""
        asked = {
            "customer": self.customer,
            "status": self.status,
            "paid_at_from": self.since and stamp(self.since),
            "paid_at_before": self.until and stamp(self.until),
        }
        return {name: str(value) for name, value in asked.items() if value}


def payments(
    search: Search, tenant: str, *, limit: int, cursor: str | None, doors: Doors
) -> tuple[list[Payment], str | None]:
    """Return a page of payments, newest first, and the cursor of the next one."""
    if not search.invoice:
        return doors.store.page(Payment, tenant, limit=limit, cursor=cursor, wanted=search.wanted())
    # An invoice may be paid by payments that are stored with another one: its own rows name all of
    # them.
    found = [
        payment
        for payment in doors.store.payments_of(tenant, search.invoice)
        if search.fits(payment) and (cursor is None or payment.id < cursor)
    ]
    return found[:limit], found[limit - 1].id if len(found) > limit else None
