"""The page of a pay link as its payer sees it: its state, and what may be paid."""

from dataclasses import dataclass, replace
from datetime import datetime

from payments.doors.doors import Doors
from payments.doors.rows.invoices import InvoiceRows
from payments.facts.attempt import Attempt, AttemptStatus
from payments.facts.customer import SavedMethod
from payments.facts.invoice import Invoice
from payments.facts.link import PayLink
from payments.facts.module import PaymentModule
from payments.facts.payment import Payment
from payments.facts.settings import Settings
from payments.money import Money, step
from payments.steps.links.bank_confirmation import card_of, waiting_for
from payments.steps.links.link_tokens import behind
from payments.steps.links.payability import LinkState, least_of, most_of, part_of, state_of
from payments.steps.modules.permissions import least_at_once, surcharge_of


@dataclass(frozen=True, slots=True)
class Received:
    """How much of a payment counts for the invoice, and how much was refunded or charged back."""

    payment: Payment
    amount: int
    went_back: int


@dataclass(frozen=True, slots=True)
class LinkView:
    """What the payer's page shows; `part` is the amount of the Pay button, or the first choice."""

    state: LinkState
    link: PayLink
    invoice: Invoice
    module: PaymentModule
    merchant: str
    settings: Settings
    received: tuple[Received, ...] = ()
    left: int = 0
    part: int = 0
    least: int = 0
    #: The surcharge on `part`.
    surcharge: int = 0
    most: int = 0
    #: Whether a payment through the page failed after the payer had left, as debits do.
    failed_at: datetime | None = None
    #: The attempt that waits for the payer's bank, and the card that it charges.
    waiting: Attempt | None = None
    card: SavedMethod | None = None
    #: Whether the merchant's day is later than the one on which it was to be paid.
    is_overdue: bool = False

    @property
    def least_rest(self) -> int:
        """The least amount that may be left to be paid later."""
        return least_at_once(self.module, self.invoice.currency)

    @property
    def may_choose(self) -> bool:
        """Whether the payer may choose the amount; never where only one amount is possible."""
        return self.link.rule == "choose" and self.least < self.left


def view(token: str, *, doors: Doors) -> LinkView:
    """
    Return what the link's page shows now.

    Reading changes nothing, since mail scanners read the page too.
    """
    found = behind(token, doors)
    link, module, settings = found.link, found.module, found.settings
    rows = doors.store.invoice_rows(link.tenant, link.invoice)
    invoice = rows.require_invoice()
    found = replace(found, invoice=invoice)
    left, most = invoice.collectable + invoice.reserved, most_of(found)
    waiting, state = waiting_for(invoice, doors), state_of(found, doors.now())
    if state is LinkState.CONFIRM and not waiting:
        # The attempt ended while this was read.
        state = LinkState.IN_PROGRESS
    part = part_of(found, invoice, None) or left
    return LinkView(
        state=state,
        link=link,
        invoice=invoice,
        module=module,
        merchant=settings.name or found.account.name,
        settings=settings,
        received=_received(rows, doors),
        left=left,
        part=part,
        surcharge=surcharge_of(module, found.account, Money(part, invoice.currency)),
        least=least_of(found, invoice),
        most=most,
        failed_at=_failed_at(rows),
        waiting=waiting,
        card=card_of(waiting, doors) if waiting else None,
        is_overdue=invoice.due is not None and invoice.due < settings.today(doors.now()),
    )


def wrong_part(view: LinkView, amount: int) -> str:
    """Return why a payer cannot choose this part, or an empty string."""
    if amount < view.least or amount % step(view.invoice.currency):
        return "too_small" if amount < view.least else "unreadable"
    if amount > view.most:
        return "too_large"
    return "rest" if 0 < view.left - amount < view.least_rest else ""


def _received(rows: InvoiceRows, doors: Doors) -> tuple[Received, ...]:
    """Return the payments of the invoice, oldest first, with what went back of each."""
    invoice = rows.require_invoice()
    elsewhere = doors.store.shared(rows.shares)
    refunds = rows.refunds + doors.store.refunds_of(*elsewhere)
    found = sorted(rows.payments + elsewhere, key=lambda each: each.paid_at)
    back = {
        payment.id: sum(
            refund.share_of(invoice.id)
            for refund in refunds
            if refund.is_given and refund.payment == payment.id
        )
        for payment in found
    }
    return tuple(
        Received(
            payment,
            payment.allocated_to(invoice.id),
            back[payment.id] + payment.lost_to_bank(invoice.id),
        )
        for payment in found
        if payment.allocated_to(invoice.id)
    )


def _failed_at(rows: InvoiceRows) -> datetime | None:
    """Return when the payer's last attempt failed, or None if another one has followed."""
    last = max(rows.attempts, key=lambda each: (each.created_at, each.id), default=None)
    if not last or last.status is not AttemptStatus.FAILED:
        return None
    if not last.channel.has_payer and not last.confirmations:
        return None
    return last.changed_at
