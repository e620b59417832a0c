"""The outbox: what somebody has to be told is written with the fact itself, or not at all."""

from datetime import datetime

from payments.doors.store import Change, change
from payments.facts.notification import LEFT_OVER_AFTER, About, Kind, Notification


def of_invoice(
    kind: Kind, key: str, *, tenant: str, invoice: str, at: datetime, **refs: str
) -> Change[Notification]:
    """
    Return the row to be written in the transaction of a fact about an invoice.

    `key` is the fact's own: whatever makes the fact happen once makes its row unique. A key that
    was used before would make the whole transaction fail, so it has to follow from a row or a
    transition that the same transaction makes.
    """
    return _row(kind, key, (tenant, "INV", invoice), at, refs)


def of_account(
    kind: Kind, key: str, *, tenant: str, account: str, at: datetime, **refs: str
) -> Change[Notification]:
    """Return the row of a fact about an account; all else as for an invoice."""
    return _row(kind, key, (tenant, "ACC", account), at, refs)


def of_customer(
    kind: Kind, key: str, *, tenant: str, customer: str, at: datetime, **refs: str
) -> Change[Notification]:
    """Return the row of a fact about a customer; all else as for an invoice."""
    return _row(kind, key, (tenant, "CUS", customer), at, refs)


def _row(
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
