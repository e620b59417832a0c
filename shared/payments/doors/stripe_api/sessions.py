"""Checkout Sessions: Stripe's pages that take a payment or save a card."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from payments.doors.stripe_api.describing import described, kept
from payments.doors.stripe_api.transport import Transport, window
from payments.errors import StripeRequestRefused
from payments.facts.attempt import Attempt, WayBack
from payments.facts.stripe_objects import Session

_EXPAND = [
    "payment_intent.latest_charge.balance_transaction",
    "setup_intent.payment_method",
]


class Sessions(Transport):
    """Requests about Checkout Sessions."""

    def create_session(self, attempt: Attempt, number: str, back: WayBack) -> Session:
        """
        Create the attempt's Checkout Session and return it.

        The attempt fixes its end, so a replay returns the same session.
        """
        told = described(attempt, [number])
        product = {"name": told["description"]}
        price = {
            "currency": attempt.currency,
            "unit_amount": attempt.amount,
            "product_data": product,
        }
        params = {
            "mode": "payment",
            "customer": attempt.stripe_customer,
            "client_reference_id": attempt.invoice,
            "line_items": [{"quantity": 1, "price_data": price}, *_surcharge(attempt)],
            "payment_intent_data": told | kept(attempt),
            "metadata": told["metadata"],
            "success_url": back.success_url,
            "cancel_url": back.cancel_url,
            "locale": attempt.locale and attempt.locale.partition("-")[0],
            "expires_at": int(attempt.session_expires_at().timestamp()),
            # A filter on Stripe's dynamic payment methods, and not a list of methods.
            "allowed_payment_method_types": list(attempt.methods) or None,
        }
        return self._write(Session, "/v1/checkout/sessions", params, attempt.stripe_key("session"))

    def session(self, session: str) -> Session:
        """Return the Checkout Session as it is now, with its payment or its saved card."""
        return self._read(Session, f"/v1/checkout/sessions/{session}", {"expand": _EXPAND})

    def sessions(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[list[Session], str | None]:
        """Return the Checkout Sessions made in the window, newest first, and the next cursor."""
        wanted = {"created": window(since, until)}
        return self._page(Session, "/v1/checkout/sessions", wanted, after)

    def sessions_of(self, intent: str) -> list[Session]:
        """Return the Checkout Sessions in which a PaymentIntent is paid: one, or none."""
        page, _ = self._page(Session, "/v1/checkout/sessions", {"payment_intent": intent}, None)
        return page

    def fence_session(self, session: str) -> Session:
        """Expire the session unless it has ended, and return it; see `fence_intent`."""
        try:
            self._request("post", f"/v1/checkout/sessions/{session}/expire", {})
        except StripeRequestRefused as refusal:
            if refusal.members.get("stripe_code") == "resource_missing":
                raise
        return self.session(session)

    def create_setup_session(self, params: Mapping[str, Any], key: str) -> Session:
        """Create a hosted page that saves a card and charges nothing."""
        return self._write(Session, "/v1/checkout/sessions", {"mode": "setup", **params}, key)


def _surcharge(attempt: Attempt) -> list[dict[str, Any]]:
    """Return the hosted page's line for the surcharge, or nothing."""
    price = {
        "currency": attempt.currency,
        "unit_amount": attempt.surcharge,
        "product_data": {"name": "Online payment fee"},
    }
    return [{"quantity": 1, "price_data": price}] if attempt.surcharge else []
