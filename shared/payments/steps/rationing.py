"""Whether a mail may go out: to no address that sent one back, and not too many."""

import hashlib
import hmac
from collections.abc import Iterable

from payments.doors.doors import Doors
from payments.doors.mail import Mail
from payments.doors.store import change
from payments.errors import AddressSuppressed, MailLimited
from payments.facts.mailing import UNLIMITED, MailCount, Scope, Suppression
from payments.facts.notification import Kind, Notification, PartStatus
from payments.steps.retrying import retrying

Room = tuple[MailCount, int]


class Withheld(Exception):
    """The mail is not sent; the text says why, in one of our own words."""

    def __init__(self, status: PartStatus, reason: str) -> None:
        """Keep what the message's part becomes."""
        super().__init__(reason)
        self.status = status


def known_as(address: str, tenant: str, doors: Doors) -> str:
    """Return by what an address is known: a keyed hash, from which it cannot be told."""
    said = f"\0mail\0{tenant}\0{address.strip().lower()}".encode()
    return hmac.new(doors.secrets.link_key(), said, hashlib.sha256).hexdigest()


def suppression_of(address: str, tenant: str, doors: Doors) -> Suppression | None:
    """Return why nothing is sent to an address, or None."""
    found = doors.store.suppression(tenant, known_as(address, tenant, doors))
    return found if found and found.is_active else None


def first_reachable(addresses: Iterable[str | None], tenant: str, doors: Doors) -> str | None:
    """Return the first address that takes mails; a merchant has more than one."""
    known = (each for each in addresses if each)
    return next((each for each in known if not suppression_of(each, tenant, doors)), None)


def admit(mail: Mail, reader: str, told: Notification, doors: Doors) -> None:
    """Count the mail, or raise Withheld; one whose sender dies then may count twice."""
    if stopped := suppression_of(mail.to, told.tenant, doors):
        raise Withheld(PartStatus.SUPPRESSED, stopped.reason)
    if told.kind not in UNLIMITED:
        retrying(lambda: _count(mail, reader, told, doors), doors)


def require_reachable(address: str, invoice: str, tenant: str, doors: Doors) -> None:
    """Tell whoever presses Send that nothing would come of it."""
    if stopped := suppression_of(address, tenant, doors):
        raise AddressSuppressed(
            f"A mail to this address {_TROUBLES[stopped.reason]}, so none is sent to it. Send the "
            "link to another address and correct the customer's. If this one works again: POST "
            "/v1/notifications/lift-suppression.",
            reason=stopped.reason,
            since=stopped.since.isoformat(),
        )
    now = doors.now()
    for count, most in _counts(address, invoice, tenant, doors):
        if count.total(now) >= most:
            raise MailLimited(
                f"{most} mails in 24 hours are sent {_SCOPES[count.scope]}, and so many were.",
                scope=count.scope,
                limit=most,
                retry_after_s=max(1, int((count.room_at(now) - now).total_seconds())),
            )


_TROUBLES = {"bounced": "came back", "complained": "was marked as spam by whoever got it"}
_SCOPES: dict[Scope, str] = {
    "tenant": "in all",
    "address": "to one address",
    "invoice": "to one address about one invoice",
}


def _count(mail: Mail, reader: str, told: Notification, doors: Doors) -> None:
    now = doors.now()
    payer = mail.to if reader == "buyer" else None
    asked = told.subject if told.kind is Kind.INVOICE_SENT else None
    found = _counts(payer, asked, told.tenant, doors)
    for count, most in found:
        if count.total(now) >= most:
            raise Withheld(PartStatus.CAPPED, f"{count.scope}_limit")
    counted = [change(count.one_more(now), count if count.version else None) for count, _ in found]
    doors.store.write(*counted)


def _counts(address: str | None, invoice: str | None, tenant: str, doors: Doors) -> list[Room]:
    """Return what was counted by now, with the limit of each; the merchant's own has the one."""
    limits = doors.store.settings(tenant).mail_limits
    names: list[tuple[Scope, str, int]] = [("tenant", "all", limits.tenant)]
    if address:
        digest = known_as(address, tenant, doors)
        names.append(("address", digest, limits.address))
        if invoice:
            names.append(("invoice", f"{invoice}:{digest}", limits.invoice))
    return [
        (
            doors.store.mail_count(tenant, scope, subject)
            or MailCount(tenant=tenant, scope=scope, subject=subject, version=0),
            most,
        )
        for scope, subject, most in names
    ]
