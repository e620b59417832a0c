"""
Where a payer goes to, and comes back to.

A pay link's token is made of the link's own id and a secret that never leaves Secrets Manager: it
can be written into a mail at any time, and no row holds what opens the page.
"""

import base64
import hashlib
import hmac

from payments.doors.doors import Doors
from payments.doors.rows.invoices import InvoiceRows
from payments.doors.store import change
from payments.doors.table import RowChanged
from payments.errors import NotFound
from payments.facts.attempt import Attempt, Channel, WayBack
from payments.facts.invoice import Invoice
from payments.facts.link import LinkPointer, PayLink


def token_of(tenant: str, link: str, doors: Doors) -> str:
    """Return the token of a pay link: 256 bits, the same ones for the link's whole life."""
    said = f"{tenant}:{link}".encode()
    made = hmac.new(doors.secrets.link_key(), said, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def digest(token: str) -> str:
    """Return by what a token is found; the token itself stands nowhere."""
    return hashlib.sha256(token.encode()).hexdigest()


def page_of(base_url: str, tenant: str, link: str, doors: Doors) -> str:
    """Return the address of a pay link's page."""
    return f"{base_url}/p/{token_of(tenant, link, doors)}"


def invoice_behind(token: str, doors: Doors) -> tuple[PayLink, Invoice]:
    """Return the pay link that a token opens, and its invoice."""
    pointer = _pointer(token, doors)
    link, invoice = doors.store.linked(pointer)
    if not invoice:
        raise NotFound("There is no such invoice.")
    return _led_to(pointer, link), invoice


def rows_behind(token: str, doors: Doors) -> tuple[PayLink, InvoiceRows]:
    """Return the pay link that a token opens, and all that happened to its invoice."""
    pointer = _pointer(token, doors)
    rows = doors.store.invoice_rows(pointer.tenant, pointer.invoice)
    link = next((link for link in rows.links if link.id == pointer.link), None)
    return _led_to(pointer, link), rows


def _pointer(token: str, doors: Doors) -> LinkPointer:
    pointer = doors.store.find_link(digest(token))
    if not pointer:
        raise NotFound("There is no such pay link.")
    return pointer


def _led_to(pointer: LinkPointer, link: PayLink | None) -> PayLink:
    if not link or link.digest != pointer.digest:
        raise NotFound("There is no such pay link.")
    return link


def link_for(attempt: Attempt, invoice: Invoice, doors: Doors) -> PayLink | None:
    """
    Return a link by which the payer of an attempt can go on, or None where there is to be none.

    Where there is none yet one is made, whose name follows from the attempt's: so whoever needs it
    first makes it, and the others find it.
    """
    now = doors.now()
    for link in doors.store.links(invoice.tenant, invoice.id):
        if link.is_usable(now) and link.rule == "full":
            return link
    if not doors.store.module(invoice.tenant, attempt.module).features.link:
        return None
    name = f"lnk_{attempt.id.removeprefix('att_')}"
    token = digest(token_of(invoice.tenant, name, doors))
    named = {"digest": token, "tenant": invoice.tenant, "invoice": invoice.id}
    link = PayLink(**named, id=name, module=attempt.module, created_at=now)
    try:
        doors.store.write(change(link), change(LinkPointer(**named, link=name)))
    except RowChanged:
        found = doors.store.link(invoice.tenant, invoice.id, name)
        return found if found.is_usable(now) else None
    return link


def way_back(attempt: Attempt, doors: Doors) -> WayBack:
    """Return where the attempt's session leads to; every replay of its creation says the same."""
    if attempt.channel is Channel.CHECKOUT:
        return WayBack(attempt.success_url or "", attempt.cancel_url or "")
    page = page_of(attempt.return_url or "", attempt.tenant, attempt.link or "", doors)
    language = f"lang={attempt.locale or ''}"
    return WayBack(
        f"{page}/return?session_id={{CHECKOUT_SESSION_ID}}&{language}", f"{page}?{language}"
    )
