"""
The token of a pay link: where a payer goes to, and comes back to.

It is made of the link's id and a secret that never leaves Secrets Manager. So a mail can contain it
at any time, and no row holds what opens the page.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.doors.rows.invoices import InvoiceRows
from payments.doors.store import change
from payments.doors.table import RowChanged
from payments.errors import require_found
from payments.facts.account import Account
from payments.facts.attempt import Attempt, Channel, WayBack
from payments.facts.customer import Customer
from payments.facts.invoice import Invoice
from payments.facts.link import LinkPointer, PayLink
from payments.facts.module import PaymentModule
from payments.facts.settings import Settings


@dataclass(frozen=True, slots=True)
class Behind:
    """A pay link, its invoice, and their module, account, customer and settings, as stored now."""

    link: PayLink
    invoice: Invoice
    module: PaymentModule
    account: Account
    customer: Customer
    settings: Settings


def token_of(tenant: str, link: str, doors: Doors) -> str:
    """Return the token of a pay link: 256 bits that stay the same for the link's whole life."""
    said = f"{tenant}:{link}".encode()
    made = hmac.new(doors.secrets.link_key(), said, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def digest(token: str) -> str:
    """Return the digest by which a token is found; the token itself is stored nowhere."""
    return hashlib.sha256(token.encode()).hexdigest()


def page_of(base_url: str, tenant: str, link: str, doors: Doors) -> str:
    """Return the address of a pay link's page."""
    return f"{base_url}/p/{token_of(tenant, link, doors)}"


def behind(token: str, doors: Doors) -> Behind:
    """
    Return what a token opens, or raise NotFound.

    An older pointer does not name module, account and customer; they are read one by one.
    """
    pointer = _pointer(token, doors)
    tenant, led = pointer.tenant, doors.store.led_to(pointer)
    invoice = require_found(led.invoice, "invoice")
    link = _led_to(pointer, led.link)
    module = led.module or doors.store.module(tenant, link.module)
    return Behind(
        link=link,
        invoice=invoice,
        module=module,
        account=led.account or doors.store.account(tenant, module.account),
        customer=led.customer or doors.store.customer(tenant, invoice.customer),
        settings=led.settings or Settings.undecided(tenant),
    )


def pointer_to(link: PayLink, account: str, customer: str) -> LinkPointer:
    """Return the row that leads from a token to its link, invoice, module, account and customer."""
    return LinkPointer(
        digest=link.digest,
        tenant=link.tenant,
        invoice=link.invoice,
        link=link.id,
        module=link.module,
        account=account,
        customer=customer,
    )


def rows_behind(token: str, doors: Doors) -> tuple[PayLink, InvoiceRows]:
    """Return the pay link that a token opens, and all rows of its invoice."""
    pointer = _pointer(token, doors)
    rows = doors.store.invoice_rows(pointer.tenant, pointer.invoice)
    link = next((link for link in rows.links if link.id == pointer.link), None)
    return _led_to(pointer, link), rows


def _pointer(token: str, doors: Doors) -> LinkPointer:
    return require_found(doors.store.find_link(digest(token)), "pay link")


def _led_to(pointer: LinkPointer, link: PayLink | None) -> PayLink:
    own = link if link and link.digest == pointer.digest else None
    return require_found(own, "pay link")


def link_for(attempt: Attempt, invoice: Invoice, doors: Doors) -> PayLink | None:
    """
    Return a link by which the payer of an attempt can go on, or None if there may be none.

    A missing link is made. Its name follows from the attempt's, so two callers make the same link.
    """
    now = doors.now()
    for link in doors.store.links(invoice.tenant, invoice.id):
        if link.is_usable(now) and link.rule == "full":
            return link
    module = doors.store.module(invoice.tenant, attempt.module)
    if not module.features.link:
        return None
    name = f"lnk_{attempt.id.removeprefix('att_')}"
    token = digest(token_of(invoice.tenant, name, doors))
    link = PayLink(
        id=name,
        tenant=invoice.tenant,
        invoice=invoice.id,
        module=module.id,
        digest=token,
        created_at=now,
    )
    pointer = pointer_to(link, module.account, invoice.customer)
    try:
        doors.store.write(change(link), change(pointer))
    except RowChanged:
        found = doors.store.link(invoice.tenant, invoice.id, name)
        return found if found.is_usable(now) else None
    return link


def way_back(attempt: Attempt, doors: Doors) -> WayBack:
    """Return where the attempt's session leads back to; each replay of its creation says it."""
    if attempt.channel is Channel.CHECKOUT:
        return WayBack(attempt.success_url or "", attempt.cancel_url or "")
    page = page_of(attempt.return_url or "", attempt.tenant, attempt.link or "", doors)
    language = f"lang={attempt.locale or ''}"
    return WayBack(
        f"{page}/return?session_id={{CHECKOUT_SESSION_ID}}&{language}", f"{page}?{language}"
    )
