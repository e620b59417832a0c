"""PaymentIntents and their charges."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from payments.doors.stripe_api.describing import described, kept
from payments.doors.stripe_api.transport import Transport, window
from payments.errors import StripeRequestRefused
from payments.facts.attempt import Attempt
from payments.facts.stripe_objects import Charge, Intent

#: Its charge, with Stripe's fee and the platform's.
_EXPAND = ["latest_charge.balance_transaction", "latest_charge.application_fee"]


class Intents(Transport):
    """Requests about PaymentIntents and charges."""

    def create_intent(self, attempt: Attempt, *numbers: str) -> Intent:
        """
        Create the attempt's PaymentIntent, unconfirmed: no money can move yet.

        `numbers` are those of its invoices. A payer who is there confirms it in their own browser.
        """
        params = {
            "amount": attempt.charged,
            "currency": attempt.currency,
            "customer": attempt.stripe_customer,
            "payment_method": attempt.payment_method,
            **_methods(attempt),
            **described(attempt, numbers),
            **kept(attempt),
        }
        return self._write(Intent, "/v1/payment_intents", params, attempt.stripe_key("create"))

    def confirm_intent(self, attempt: Attempt) -> Intent:
        """Confirm the intent without the customer and return it; raise CardRefused on a decline."""
        params = {"off_session": True, "expand": _EXPAND}
        path = f"/v1/payment_intents/{attempt.payment_intent}/confirm"
        return self._write(Intent, path, params, attempt.stripe_key("confirm"))

    def confirm_with_payer(self, attempt: Attempt, return_url: str) -> Intent:
        """
        Confirm a refused PaymentIntent again, now with the payer present, and return it.

        Stripe has removed the card from it, so the card is named again. Each of the payer's ways to
        the bank is a request of its own, counted in the attempt before it is sent.
        """
        params = {
            "payment_method": attempt.payment_method,
            "off_session": False,
            "return_url": return_url,
            "expand": _EXPAND,
        }
        path = f"/v1/payment_intents/{attempt.payment_intent}/confirm"
        key = attempt.stripe_key(f"confirm:{attempt.confirmations}")
        return self._write(Intent, path, params, key)

    def intent(self, intent: str) -> Intent:
        """Return the PaymentIntent as it is now."""
        return self._read(Intent, f"/v1/payment_intents/{intent}", {"expand": _EXPAND})

    def fence_intent(self, intent: str) -> Intent:
        """
        Cancel the PaymentIntent unless it is too late, and return it.

        After a cancel no charge can succeed. If Stripe refuses to cancel, the intent has ended or
        is processing. A second cancel does no harm. Under a key of its own, Stripe would repeat a
        failure for a day, so each cancel is a new request.
        """
        try:
            self._request("post", f"/v1/payment_intents/{intent}/cancel", {})
        except StripeRequestRefused as refusal:
            if refusal.members.get("stripe_code") != "payment_intent_unexpected_state":
                raise
        return self.intent(intent)

    def try_payment(
        self, amount: int, currency: str, card: str, metadata: Mapping[str, str], key: str
    ) -> Intent:
        """Try a payment in test mode that belongs to no invoice; raise CardRefused on a decline."""
        params = {
            "amount": amount,
            "currency": currency,
            "payment_method": card,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "description": "Receivable certification, test mode",
            "metadata": metadata,
            "expand": _EXPAND,
        }
        return self._write(Intent, "/v1/payment_intents", params, key)

    def charge(self, charge: str) -> Charge:
        """Return the charge as it is now."""
        return self._read(Charge, f"/v1/charges/{charge}", {"expand": ["balance_transaction"]})

    def intents(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[list[Intent], str | None]:
        """Return the PaymentIntents created in the window, newest first, and the next cursor."""
        expand = [f"data.{path}" for path in _EXPAND]
        wanted = {"created": window(since, until), "expand": expand}
        return self._page(Intent, "/v1/payment_intents", wanted, after)


def _methods(attempt: Attempt) -> dict[str, Any]:
    """
    Return the payment methods: without the payer, none that leads to a bank's page.

    A card whose owner may be asked later allows redirects, since the owner is led there then.
    """
    if attempt.asks_payer:
        return {"allowed_payment_method_types": ["card"]}
    never = {} if attempt.channel.has_payer else {"allow_redirects": "never"}
    return {"automatic_payment_methods": {"enabled": True, **never}}
