"""Pay links for staff: make, list, send and withdraw them."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.doors.table import RowChanged
from payments.errors import InvalidTransition, NotFound, StripeUnavailable, ValidationFailed
from payments.facts.caller import Caller
from payments.facts.claim import Collection
from payments.facts.customer import Customer
from payments.facts.invoice import Invoice
from payments.facts.link import LinkPointer, PayLink, Rule
from payments.facts.notification import Kind, Notification
from payments.facts.outcome import OutcomeUnknown
from payments.steps.collecting.close_attempt import close
from payments.steps.links.link_tokens import digest, pointer_to, token_of
from payments.steps.links.payability import largest_part
from payments.steps.modules.permissions import (
    Permitted,
    module_of,
    require_same_books,
    require_use,
)
from payments.steps.notifications.mail_limits import require_reachable
from payments.steps.notifications.outbox import of_invoice
from payments.steps.retry import retrying


@dataclass(frozen=True, slots=True)
class Sending:
    """The reader of a link, by default the customer; `base_url` is where its page is."""

    email: str | None
    base_url: str


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """
    What is paid: all that is left, `amount`, or what the payer chooses, `least` or more.

    Amounts are minor units. `replace` withdraws the invoice's older links.
    """

    module: str | None = None
    rule: Rule | None = None
    amount: int | None = None
    least: int | None = None
    message: str | None = None
    expires_at: datetime | None = None
    replace: bool = False
    send: Sending | None = None


def create_link(
    request: LinkRequest, invoice_id: str, *, link_id: str, caller: Caller, doors: Doors
) -> PayLink:
    """Return a new pay link; its token follows from its id, and only a digest is stored."""
    invoice = doors.store.invoice(caller.tenant, invoice_id)
    module = module_of(invoice, request.module)
    permitted, customer = require_use(caller.tenant, module, "link", invoice.customer, doors)
    require_same_books(invoice, permitted)
    customer.require_enabled()
    rule = request.rule or ("fixed" if request.amount else "full")
    _require_sense(request, rule, invoice, permitted, doors.now())
    if request.send:
        _require_reachable(request.send, customer, invoice, doors)
    link = PayLink(
        id=link_id,
        tenant=caller.tenant,
        invoice=invoice.id,
        module=permitted.module.id,
        digest=digest(token_of(caller.tenant, link_id, doors)),
        created_at=doors.now(),
        rule=rule,
        amount=request.amount,
        least=request.least,
        message=request.message,
        expires_at=request.expires_at,
    )
    pointer = pointer_to(link, permitted.account.id, customer.ref)
    return _keep(link, pointer, request, doors)


def links_of(invoice_id: str, *, caller: Caller, doors: Doors) -> list[PayLink]:
    """Return the links of an invoice, newest first."""
    doors.store.invoice(caller.tenant, invoice_id)
    return doors.store.links(caller.tenant, invoice_id)[::-1]


def send_link(
    link_id: str, sending_id: str, send: Sending, *, caller: Caller, doors: Doors
) -> PayLink:
    """
    Send a link again and return it.

    `sending_id` belongs to the request, so that a repeat sends nothing.
    """
    link = doors.store.named(PayLink, caller.tenant, link_id)
    if not link.is_usable(doors.now()):
        raise InvalidTransition(f"Pay link {link.id} is {link.status} or has expired.")
    invoice = doors.store.invoice(caller.tenant, link.invoice)
    customer = doors.store.customer(caller.tenant, invoice.customer)
    _require_reachable(send, customer, invoice, doors)
    with suppress(RowChanged):
        doors.store.write(_sent(link, sending_id, send, doors))
    return link


def _require_reachable(send: Sending, customer: Customer, invoice: Invoice, doors: Doors) -> None:
    if address := send.email or customer.email:
        require_reachable(address, invoice.id, invoice.tenant, doors)


def _sent(link: PayLink, key: str, send: Sending, doors: Doors) -> Change[Notification]:
    address = {"email": send.email} if send.email else {}
    return of_invoice(
        Kind.INVOICE_SENT,
        key,
        tenant=link.tenant,
        invoice=link.invoice,
        at=doors.now(),
        link=link.id,
        base=send.base_url,
        **address,
    )


def revoke_link(link_id: str, *, caller: Caller, doors: Doors) -> PayLink:
    """
    Withdraw a link, close the page at Stripe that was opened through it, and return the link.

    A repeat closes what could not be closed before.
    """

    def step() -> PayLink:
        link = doors.store.named(PayLink, caller.tenant, link_id)
        revoked = link.revoke(doors.now())
        return link if link.status == "revoked" else doors.store.save(revoked, link)

    link = retrying(step, doors, "The link kept changing; it was not withdrawn.")
    _close_page(link, doors)
    return link


def _require_sense(
    request: LinkRequest, rule: Rule, invoice: Invoice, permitted: Permitted, now: datetime
) -> None:
    if rule == "fixed" and request.amount is None:
        raise ValidationFailed("A link over a fixed part names its amount.")
    if rule == "full" and request.amount is not None:
        raise ValidationFailed("A link over all that is left names no amount.")
    if request.least and (rule != "choose" or (request.amount or request.least) < request.least):
        raise ValidationFailed("`least` is for a payer who chooses, and no more than `amount`.")
    if request.expires_at and request.expires_at <= now:
        raise ValidationFailed("A link cannot have expired before it is made.")
    part = request.amount or largest_part(invoice, permitted.module, permitted.account, None)
    money = invoice.require_collectable(part, beside=invoice.reserved)
    if rule != "choose":
        left = invoice.collectable + invoice.reserved
        permitted.require_money(money, left - money.amount)
    if request.least:
        invoice.require_collectable(request.least, beside=invoice.reserved)
    if money.amount < invoice.outstanding or rule == "choose":
        permitted.module.require("partial")
        invoice.require_partial()


def _keep(link: PayLink, pointer: LinkPointer, request: LinkRequest, doors: Doors) -> PayLink:
    notices = [_sent(link, link.id, request.send, doors)] if request.send else []

    def step() -> PayLink:
        links = doors.store.links(link.tenant, link.invoice) if request.replace else []
        older = (each for each in links if each.status == "active" and each.id != link.id)
        replaced = [change(each.replace(doors.now()), each) for each in older]
        try:
            doors.store.write(change(link), change(pointer), *replaced, *notices)
        except RowChanged:
            # The request was cut short after this write, or an older link was just withdrawn.
            with suppress(NotFound):
                return doors.store.link(link.tenant, link.invoice, link.id)
            raise
        return link

    return retrying(step, doors, detail="The invoice's links kept changing; none was made.")


def _close_page(link: PayLink, doors: Doors) -> None:
    invoice = doors.store.invoice(link.tenant, link.invoice)
    held = invoice.claim.attempt if invoice.claim else ""
    attempt = doors.store.attempt(link.tenant, link.invoice, held)
    if not attempt or attempt.link != link.id or invoice.collection is Collection.PROCESSING:
        return
    try:
        close(attempt, doors)
    except OutcomeUnknown:
        raise StripeUnavailable(
            "The link is withdrawn; the page that was opened through it may still be open."
        ) from None
