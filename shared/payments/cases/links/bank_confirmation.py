"""Let a payer confirm a charge of their saved card with their bank; the same payment goes on."""

from dataclasses import dataclass
from datetime import timedelta

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.errors import (
    InvoiceNotPayable,
    StripeRequestRefused,
    StripeUnavailable,
    VelocityLimited,
)
from payments.facts.attempt import Attempt
from payments.facts.outcome import CardRefused, OutcomeUnknown
from payments.facts.stripe_objects import Intent
from payments.steps.attempts.provenance import UNSETTLED
from payments.steps.links.bank_confirmation import waiting_for
from payments.steps.links.link_tokens import behind
from payments.steps.modules.permissions import require_own_books, require_ready
from payments.steps.modules.velocity_limits import count_look
from payments.steps.payments.apply_payment import apply_own_intent
from payments.steps.retry import retrying

TRIES = 4
#: A press is not a look: an earlier look does not answer it.
NOT_AT_ALL = timedelta(0)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Where the bank's page leads back to; `page` is the pay link's page on this deployment."""

    page: str
    locale: str

    @property
    def return_url(self) -> str:
        """The address that Stripe leads back to, with the payment's id added."""
        return f"{self.page}/return?lang={self.locale}"


def confirm(token: str, asked: Confirmation, *, doors: Doors) -> str | None:
    """
    Return the address of the bank's page, on which the payer goes on with the waiting payment.

    Return None where nothing is left to confirm: the link's page tells the outcome. Raise
    StripeUnavailable while the state is unknown.
    """

    def step() -> str | None:
        found = behind(token, doors)
        attempt = waiting_for(found.invoice, doors)
        if not attempt or not found.link.is_usable(doors.now()):
            return None
        _require_wanted(attempt, doors)
        if not count_look(attempt, doors, remembered=NOT_AT_ALL):
            raise VelocityLimited("Too many presses of Confirm; nothing was charged.")
        gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
        try:
            intent = gateway.intent(attempt.payment_intent or "")
            if intent.awaits_payer and not intent.bank_page:
                intent = _lead(attempt, asked, gateway, doors)
            apply_own_intent(attempt, intent, doors)
        except OutcomeUnknown:
            # The bank may have been asked, or what had failed there may not be canceled yet.
            detail = "Stripe did not say what has become of the payment."
            raise StripeUnavailable(detail, attempt_id=attempt.id) from None
        return intent.bank_page

    detail = "The payment kept changing; nothing was charged."
    return retrying(step, doors, tries=TRIES, pausing=False, detail=detail)


def come_back(token: str, *, doors: Doors) -> bool:
    """
    Ask Stripe at once what the bank has said, and return whether that is known now.

    The invoice names the payment: anybody could have written the address.
    """
    attempt = waiting_for(behind(token, doors).invoice, doors)
    if not attempt:
        return True
    if not count_look(attempt, doors):
        return False
    gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
    try:
        apply_own_intent(attempt, gateway.intent(attempt.payment_intent or ""), doors)
    except UNSETTLED:
        return False
    return True


def _require_wanted(attempt: Attempt, doors: Doors) -> None:
    """Refuse where the merchant would not charge the card now, or not that much."""
    module = doors.store.module(attempt.tenant, attempt.module)
    permitted = require_ready(module, "charge_saved", doors)
    require_own_books(attempt, permitted)
    doors.store.customer(attempt.tenant, attempt.customer).require_enabled()
    for part in attempt.shares:
        invoice = doors.store.invoice(attempt.tenant, part.invoice)
        invoice.require_payable()
        if part.amount > invoice.outstanding:
            raise InvoiceNotPayable(
                f"Less than that is owed of invoice {invoice.number} by now.", invoice=invoice.id
            )


def _lead(attempt: Attempt, asked: Confirmation, gateway: Gateway, doors: Doors) -> Intent:
    """Count the payer's way to their bank, and confirm the intent again with the payer present."""
    if not doors.may_write:
        raise StripeUnavailable("There is no time left to ask Stripe.", attempt_id=attempt.id)
    sent = doors.store.save(attempt.confirming(doors.now()), attempt)
    try:
        return gateway.confirm_with_payer(sent, asked.return_url)
    except (CardRefused, StripeRequestRefused):
        # It was declined all the same, or ended meanwhile: its status says which.
        return gateway.intent(sent.payment_intent or "")
