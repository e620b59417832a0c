"""A press of Pay on a pay link's page, and the way back from Stripe."""

from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.errors import InvoiceNotPayable
from payments.facts.attempt import SWEEP_AFTER, Attempt, AttemptStatus, Channel
from payments.facts.invoice import Invoice
from payments.facts.link import PayLink
from payments.facts.velocity import Scope
from payments.steps.attempts.provenance import UNSETTLED
from payments.steps.attempts.transitions import advance
from payments.steps.collecting.claims import claim
from payments.steps.collecting.open_checkout import open_session
from payments.steps.customers.card_setup import stripe_customer
from payments.steps.links.link_tokens import behind, rows_behind
from payments.steps.links.payability import part_of, require_in_use, require_payable
from payments.steps.modules.velocity_limits import count_attempt, count_look, payer_at
from payments.steps.payments.apply_payment import apply_own_session


@dataclass(frozen=True, slots=True)
class Press:
    """A press of Pay: its deployment, its language, and the amount that the payer chose."""

    base_url: str
    attempt: str
    locale: str | None = None
    amount: int | None = None
    #: Whether they pay the rest through a link whose own part is paid.
    rest: bool = False
    #: The payer's own address on the net; only a keyed hash of it is kept.
    address: str | None = None


def press(token: str, asked: Press, *, doors: Doors) -> str:
    """Return the address of a new Checkout Session; older sessions are closed at Stripe."""
    found = behind(token, doors)
    link, invoice, customer = found.link, found.invoice, found.customer
    permitted, _ = require_payable(found, asked.amount, doors.now(), rest=asked.rest)
    payer = payer_at(asked.address, link.tenant, doors) if asked.address else None
    subjects: dict[Scope, str | None] = {"ip": payer, "link": link.id, "customer": customer.ref}
    count_attempt(asked.attempt, permitted.module, subjects, doors=doors)
    gateway = doors.gateway(link.tenant, permitted.account.id, permitted.mode)
    stripe_id = stripe_customer(customer, permitted, gateway, doors)

    def propose(present: list[Invoice]) -> Attempt:
        (seen,) = present
        money = seen.require_collectable(part_of(found, seen, asked.amount))
        return Attempt(
            **permitted.binds(money),
            id=asked.attempt,
            invoice=seen.id,
            customer=customer.ref,
            channel=Channel.LINK,
            created_at=doors.now(),
            sweep_at=doors.now() + SWEEP_AFTER,
            stripe_customer=stripe_id,
            link=link.id,
            fills_link=link.rule == "fixed" and not link.is_filled,
            return_url=asked.base_url,
            payer=payer,
            locale=asked.locale,
        )

    attempt = claim([invoice], propose, supersede=True, doors=doors)
    _require_still_in_use(link, attempt, doors)
    return open_session(invoice, attempt, gateway, doors).session_url or ""


def _require_still_in_use(link: PayLink, attempt: Attempt, doors: Doors) -> None:
    """
    Give the claim back if the link was withdrawn just before it; Stripe was not asked yet.

    A request that withdraws a link then looks for a claim, so one of the two always sees the other.
    """
    try:
        require_in_use(doors.store.link(link.tenant, link.invoice, link.id), doors.now())
    except InvoiceNotPayable:
        advance(attempt, AttemptStatus.CANCELED, doors=doors)
        raise


def come_back(token: str, session_id: str, *, doors: Doors) -> bool:
    """
    Ask Stripe at once how the session ended, and return whether that is known now.

    So the page is right even if every webhook is lost.
    """
    _, rows = rows_behind(token, doors)
    attempt = next((entry for entry in rows.attempts if entry.session == session_id), None)
    if not attempt or not attempt.is_open:
        return True
    if not count_look(attempt, doors):
        return False
    try:
        gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
        apply_own_session(attempt, gateway.session(session_id), doors)
    except UNSETTLED:
        return False
    return True
