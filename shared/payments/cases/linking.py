"""
The pay link: one address for an invoice's life.

Each press of Pay opens a fresh Checkout Session.
"""

import hashlib
from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.store import change
from payments.doors.table import RowChanged
from payments.errors import NotFound, PaymentsError, StripeRefused, StripeRequestRefused
from payments.facts.attempt import SWEEP_AFTER, Attempt, AttemptStatus, Channel
from payments.facts.caller import Caller
from payments.facts.invoice import Invoice
from payments.facts.link import LinkPointer, PayLink
from payments.facts.stripe_objects import OutcomeUnknown, Session
from payments.steps.applying import Mismatch, NotOurs, UnknownAttempt, advance, apply_session
from payments.steps.claiming import claim, in_progress
from payments.steps.permitting import module_of, require_ready, require_same_books, require_use
from payments.steps.saving import stripe_customer


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """`amount` fixes a part in minor units; None means all that is left when the payer comes."""

    module: str | None = None
    amount: int | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class LinkView:
    """What the payer's page shows."""

    link: PayLink
    invoice: Invoice
    merchant: str


def create_link(
    request: LinkRequest, invoice_id: str, *, link_id: str, caller: Caller, doors: Doors
) -> tuple[PayLink, str]:
    """Return a new pay link and its token, of which the link keeps only the digest."""
    invoice = doors.store.invoice(caller.tenant, invoice_id)
    permitted = require_use(caller, module_of(invoice, request.module), "link", doors)
    require_same_books(invoice, permitted)
    doors.store.customer(caller.tenant, invoice.customer).require_enabled()
    money = invoice.require_collectable(request.amount, beside=invoice.reserved)
    if money.amount < invoice.outstanding:
        permitted.module.require("partial")
    token = doors.new_token()
    link = PayLink(
        id=link_id,
        tenant=caller.tenant,
        invoice=invoice.id,
        module=permitted.module.id,
        digest=digest(token),
        created_at=doors.now(),
        amount=request.amount,
        message=request.message,
    )
    pointer = LinkPointer(
        digest=link.digest, tenant=link.tenant, invoice=link.invoice, link=link.id
    )
    try:
        doors.store.write(change(link), change(pointer))
    except RowChanged:
        # The request was cut short after this write: its token is lost, so the link gets another.
        doors.store.write(
            change(link, doors.store.link(link.tenant, link.invoice, link.id)), change(pointer)
        )
    return link, token


def digest(token: str) -> str:
    """
    Return by what a token is found.

    The token itself stands in two more places: in the answer that is kept for a repeat of the
    request, and in the address to which an attempt's session leads back.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def view(token: str, *, doors: Doors) -> LinkView:
    """
    Return what the link's page shows today.

    Reading changes nothing, since mail scanners read too.
    """
    link = _find(token, doors)
    invoice = doors.store.invoice(link.tenant, link.invoice)
    module = doors.store.module(link.tenant, link.module)
    account = doors.store.account(link.tenant, module.account)
    return LinkView(link, invoice, account.name)


def open_session(token: str, *, address: str, attempt_id: str, doors: Doors) -> str:
    """
    Return the address of a fresh Checkout Session for the link, older ones being closed at Stripe.

    `address` is the link's own page, to which the payer comes back.
    """
    link = _find(token, doors)
    invoice = doors.store.invoice(link.tenant, link.invoice)
    permitted = require_ready(doors.store.module(link.tenant, link.module), "link", doors)
    require_same_books(invoice, permitted)
    customer = doors.store.customer(link.tenant, invoice.customer)
    customer.require_enabled()
    invoice.require_collectable(_part(link, invoice), beside=invoice.reserved)
    gateway = doors.gateway(link.tenant, permitted.account.id, permitted.mode)
    stripe_id = stripe_customer(customer, permitted, gateway, doors)

    def propose(found: list[Invoice]) -> Attempt:
        (seen,) = found
        return Attempt(
            id=attempt_id,
            tenant=seen.tenant,
            invoice=seen.id,
            account=permitted.account.id,
            mode=permitted.mode,
            module=permitted.module.id,
            customer=customer.ref,
            channel=Channel.LINK,
            amount=seen.require_collectable(_part(link, seen)).amount,
            currency=seen.currency,
            created_at=doors.now(),
            sweep_at=doors.now() + SWEEP_AFTER,
            stripe_customer=stripe_id,
            link=link.id,
            return_url=address,
        )

    attempt = claim([invoice], propose, supersede=True, doors=doors)
    return _open(invoice, attempt, gateway, doors)


def _open(invoice: Invoice, attempt: Attempt, gateway: Gateway, doors: Doors) -> str:
    try:
        session = gateway.create_session(attempt, invoice.number)
        _remember(attempt, session, doors)
    except (StripeRefused, StripeRequestRefused):
        # Certainly no session was made, so nothing has to be fenced.
        advance(attempt, AttemptStatus.CANCELED, doors=doors)
        raise
    except (OutcomeUnknown, RowChanged):
        raise in_progress(invoice, attempt.id) from None
    return session.url or ""


def come_back(token: str, session_id: str, *, doors: Doors) -> None:
    """Ask Stripe at once how the session ended: the page is right with every webhook lost."""
    link = _find(token, doors)
    rows = doors.store.invoice_rows(link.tenant, link.invoice)
    attempt = next((entry for entry in rows.attempts if entry.session == session_id), None)
    if not attempt or not attempt.is_open:
        return
    try:
        gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
        session = gateway.session(session_id)
        apply_session(
            session, tenant=attempt.tenant, account=attempt.account, mode=attempt.mode, doors=doors
        )
    except (NotOurs, UnknownAttempt, Mismatch, OutcomeUnknown, PaymentsError):
        # The page shows what is known; the webhook, the sweep and reconciliation will know more.
        return


def _find(token: str, doors: Doors) -> PayLink:
    pointer = doors.store.find_link(digest(token))
    if not pointer:
        raise NotFound("There is no such pay link.")
    link = doors.store.link(pointer.tenant, pointer.invoice, pointer.link)
    if link.status != "active" or link.digest != pointer.digest:
        raise NotFound("This pay link was withdrawn.")
    return link


def _part(link: PayLink, invoice: Invoice) -> int | None:
    """Return the link's fixed part, or less if less is left."""
    left = invoice.collectable + invoice.reserved
    return None if link.amount is None or link.amount >= left else link.amount


def _remember(attempt: Attempt, session: Session, doors: Doors) -> Attempt:
    """
    Store the session's id.

    From now on only the payer, the session's end or a newer press ends the attempt.
    """
    opened = attempt.become(
        AttemptStatus.SUBMITTING,
        session=session.id,
        session_url=session.url,
        sweep_at=attempt.session_expires_at() + SWEEP_AFTER,
        changed_at=doors.now(),
    )
    return doors.store.save(opened, attempt)
