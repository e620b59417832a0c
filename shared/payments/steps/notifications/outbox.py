"""The outbox: a notice is written in the transaction of its fact, or not at all."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from payments.doors.store import Change, change
from payments.facts.invoice import Invoice, InvoiceStatus
from payments.facts.notification import LEFT_OVER_AFTER, About, Kind, Notification
from payments.facts.refund import Refund, RefundStatus

#: The word for each status of a refund; others see two of Stripe's words as one.
_TOLD_AS = {
    RefundStatus.PENDING: "pending",
    RefundStatus.REQUIRES_ACTION: "pending",
    RefundStatus.SUCCEEDED: "succeeded",
    RefundStatus.FAILED: "failed",
    RefundStatus.CANCELED: "canceled",
}


def of_invoice(
    kind: Kind, key: str, *, tenant: str, invoice: str, at: datetime, **refs: str
) -> Change[Notification]:
    """
    Return the notice to write in the transaction of a fact about an invoice.

    `key` belongs to the fact, so that what makes the fact unique makes the row unique. A key that
    was used before makes the whole transaction fail. It therefore has to follow from a row or a
    transition that the same transaction writes.
    """
    return _outbox_row(kind, key, (tenant, "INV", invoice), at, refs)


def of_refund(
    refund: Refund, before: Refund | None, at: datetime
) -> Iterator[Change[Notification]]:
    """Yield the notice of a refund's step, if that step is told to anybody."""
    events = [] if before else ["created"]
    now, was = _TOLD_AS.get(refund.status), _TOLD_AS.get(before.status) if before else None
    if now and now != was:
        events.append(now)
    if events:
        written = refund.status in {RefundStatus.SUCCEEDED, RefundStatus.FAILED}
        yield of_invoice(
            Kind.REFUND_CHANGED if written else Kind.REFUND_NOTED,
            f"{refund.id}:{refund.version}",
            tenant=refund.tenant,
            invoice=refund.invoice,
            at=at,
            refund=refund.id,
            status=refund.status.value,
            events=",".join(events),
        )


def coverage(before: Iterable[Invoice], paid: Iterable[Invoice]) -> dict[str, str]:
    """Return what a notice says of invoices just paid: how far, and which orders are released."""
    pairs = list(zip(before, paid, strict=True))
    listed = {
        status.value: [new.id for old, new in pairs if new.paid > old.paid and new.status is status]
        for status in (InvoiceStatus.PAID, InvoiceStatus.PARTIALLY_PAID)
    }
    listed["released"] = [new.id for old, new in pairs if new.frees_after(old)]
    return {name: ",".join(names) for name, names in listed.items() if names}


def of_account(
    kind: Kind, key: str, *, tenant: str, account: str, at: datetime, **refs: str
) -> Change[Notification]:
    """Return the notice of a fact about an account; for the rest see `of_invoice`."""
    return _outbox_row(kind, key, (tenant, "ACC", account), at, refs)


def of_customer(
    kind: Kind, key: str, *, tenant: str, customer: str, at: datetime, **refs: str
) -> Change[Notification]:
    """Return the notice of a fact about a customer; for the rest see `of_invoice`."""
    return _outbox_row(kind, key, (tenant, "CUS", customer), at, refs)


def of_tenant(
    kind: Kind, key: str, *, tenant: str, at: datetime, **refs: str
) -> Change[Notification]:
    """Return the notice of a fact about the tenant itself; for the rest see `of_invoice`."""
    return _outbox_row(kind, key, (tenant, "SET", "own"), at, refs)


def _outbox_row(
    kind: Kind, key: str, home: tuple[str, About, str], at: datetime, refs: dict[str, str]
) -> Change[Notification]:
    tenant, about, subject = home
    row = Notification(
        id=f"{kind}:{key}",
        tenant=tenant,
        kind=kind,
        about=about,
        subject=subject,
        created_at=at,
        refs=refs,
        sweep_at=at + LEFT_OVER_AFTER,
    )
    return change(row)
