"""Decide whether a mail may go out: not to an address that bounced, and not too many."""

import hashlib
import hmac
from collections.abc import Iterable

from payments.doors.doors import Doors
from payments.doors.mail import Mail
from payments.doors.store import change
from payments.errors import AddressSuppressed, MailLimited
from payments.facts.mailing import MailCount, Scope, Suppression
from payments.facts.notification import TELLINGS, Kind, Notification, PartStatus
from payments.steps.retry import retrying

Room = tuple[MailCount, int]


class Withheld(Exception):
    """The mail is not sent; the text gives the reason in a word of our own."""

    def __init__(self, status: PartStatus, reason: str) -> None:
        """Keep the status and the reason that the message's part gets."""
        super().__init__(reason)
        self.status = status


def known_as(address: str, tenant: str, doors: Doors) -> str:
    """Return the keyed hash of an address; nobody can tell the address from it."""
    said = f"\0mail\0{tenant}\0{address.strip().lower()}".encode()
    return hmac.new(doors.secrets.link_key(), said, hashlib.sha256).hexdigest()


def suppression_of(address: str, tenant: str, doors: Doors) -> Suppression | None:
    """Return why nothing is sent to an address, or None if mails may go there."""
    found = doors.store.suppression(tenant, known_as(address, tenant, doors))
    return found if found and found.is_active else None


def first_reachable(addresses: Iterable[str | None], tenant: str, doors: Doors) -> str | None:
    """Return the first of a merchant's addresses that takes mails, or None."""
    known = (each for each in addresses if each)
    return next((each for each in known if not suppression_of(each, tenant, doors)), None)


def count_mail(mail: Mail, reader: str, notice: Notification, doors: Doors) -> None:
    """Count the mail, or raise Withheld; after a crash, the same mail may count twice."""
    scopes: list[Scope] = ["tenant"] if TELLINGS[notice.kind].limited else []
    if scopes and reader == "buyer":
        # For one invoice, only the mails that a person asked for are limited.
        scopes += ["address", "invoice"] if notice.kind is Kind.INVOICE_SENT else ["address"]
    detail = "Too many mails were counted at once; this one was not sent."
    retrying(lambda: _count_or_withhold(mail.to, scopes, notice, doors), doors, detail)


def require_reachable(address: str, invoice: str, tenant: str, doors: Doors) -> None:
    """Refuse to send a mail that a suppression or a limit would hold back."""
    stopped, found = _room(address, ["tenant", "address", "invoice"], invoice, tenant, doors)
    if stopped:
        raise AddressSuppressed(
            f"A mail to this address {_TROUBLES[stopped.reason]}, so none is sent to it. Send the "
            "link to another address and correct the customer's. If this one works again: POST "
            "/v1/notifications/lift-suppression.",
            reason=stopped.reason,
            since=stopped.since.isoformat(),
        )
    now = doors.now()
    for count, most in found:
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


def _count_or_withhold(
    address: str, scopes: list[Scope], notice: Notification, doors: Doors
) -> None:
    now = doors.now()
    stopped, found = _room(address, scopes, notice.subject, notice.tenant, doors)
    if stopped:
        raise Withheld(PartStatus.SUPPRESSED, stopped.reason)
    for count, most in found:
        if count.total(now) >= most:
            raise Withheld(PartStatus.CAPPED, f"{count.scope}_limit")
    counted = [change(count.one_more(now), count if count.version else None) for count, _ in found]
    if counted:
        doors.store.write(*counted)


def _room(
    address: str, scopes: list[Scope], invoice: str, tenant: str, doors: Doors
) -> tuple[Suppression | None, list[Room]]:
    """Return the address's suppression, or None, and each limit with what was counted."""
    digest = known_as(address, tenant, doors)
    names: dict[Scope, str] = {
        "tenant": "all",
        "address": digest,
        "invoice": f"{invoice}:{digest}",
    }
    counted = {scope: names[scope] for scope in scopes}
    settings, stopped, counts = doors.store.rations(tenant, digest, counted)
    limits = settings.mail_limits
    return (
        stopped if stopped and stopped.is_active else None,
        [(count, getattr(limits, count.scope)) for count in counts],
    )
