"""Stripe's customers, their cards, and the SetupIntents that save cards."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from payments.doors.stripe_api.transport import Id, Transport
from payments.errors import StripeRequestRefused
from payments.facts.outcome import OutcomeUnknown
from payments.facts.stripe_objects import PaymentMethod, SetupIntent, StripeCustomer


class Customers(Transport):
    """Requests about customers and their cards."""

    def create_customer(self, params: Mapping[str, Any], key: str) -> str:
        """Create a Stripe customer and return its id."""
        return self._write(Id, "/v1/customers", params, key).id

    def update_customer(self, customer: str, name: str, email: str | None) -> None:
        """Tell Stripe a name and an address; without an address, the one it has is removed."""
        params = {"name": name, "email": email or ""}
        self._request("post", f"/v1/customers/{customer}", params)

    def customer(self, customer: str) -> StripeCustomer:
        """Return the customer, who may be deleted."""
        return self._read(StripeCustomer, f"/v1/customers/{customer}", {})

    def delete_customer(self, customer: str) -> None:
        """Delete a customer with all their cards; one that is gone already counts as deleted."""
        self._delete(f"/v1/customers/{customer}")

    def payment_method(self, payment_method: str) -> PaymentMethod:
        """Return a saved card as it is now; `customer` is None for a detached one."""
        return self._read(PaymentMethod, f"/v1/payment_methods/{payment_method}", {})

    def detach(self, payment_method: str) -> None:
        """Detach a card for good; one that is detached already stays so."""
        try:
            self._request("post", f"/v1/payment_methods/{payment_method}/detach", {})
        except StripeRequestRefused:
            if self.payment_method(payment_method).customer:
                raise

    def setup_intent(self, setup_intent: str) -> SetupIntent:
        """Return the SetupIntent as it is now, with the card that it saved."""
        expand = {"expand": ["payment_method"]}
        return self._read(SetupIntent, f"/v1/setup_intents/{setup_intent}", expand)

    def create_setup_intent(self, key: str, params: Mapping[str, Any] | None = None) -> SetupIntent:
        """Create a SetupIntent; without `params` it is a trial that nobody confirms."""
        return self._write(SetupIntent, "/v1/setup_intents", params or {}, key)

    def cancel_setup_intent(self, setup_intent: str) -> None:
        """Cancel a SetupIntent that nobody will confirm; one that is left over does no harm."""
        with suppress(StripeRequestRefused, OutcomeUnknown):
            self._request("post", f"/v1/setup_intents/{setup_intent}/cancel", {})

    def sees_setup_intent(self, setup_intent: SetupIntent) -> bool:
        """Whether this key, secret or publishable, belongs to the account that made it."""
        params = {"client_secret": setup_intent.client_secret}
        try:
            self._read(SetupIntent, f"/v1/setup_intents/{setup_intent.id}", params)
        except StripeRequestRefused:
            return False
        return True
