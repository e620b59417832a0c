"""Stripe's refunds."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from payments.doors.stripe_api.transport import Transport, window
from payments.facts.refund import Refund
from payments.facts.stripe_objects import StripeRefund

#: Its balance transaction, its owner, and the payment, which may not be booked yet.
_EXPAND = [
    "balance_transaction",
    "failure_balance_transaction",
    "payment_intent.latest_charge.balance_transaction",
    "payment_intent.latest_charge.application_fee",
]


class Refunds(Transport):
    """Requests about refunds."""

    def create_refund(self, refund: Refund) -> StripeRefund:
        """Refund money of a charge; every replay returns the same refund."""
        metadata = {
            "tenant": refund.tenant,
            "invoice": refund.invoice,
            "payment": refund.payment,
            "refund": refund.id,
        }
        params = {
            "charge": refund.charge,
            "amount": refund.amount,
            "metadata": metadata,
            # In proportion; without this, a refund leaves the platform its whole fee.
            "refund_application_fee": refund.returns_fee or None,
            "expand": _EXPAND,
        }
        return self._write(StripeRefund, "/v1/refunds", params, refund.stripe_key)

    def refund_trial(
        self, intent: str, amount: int, metadata: Mapping[str, str], key: str
    ) -> StripeRefund:
        """Refund a part of a trial payment."""
        params = {"payment_intent": intent, "amount": amount, "metadata": metadata}
        return self._write(StripeRefund, "/v1/refunds", params, key)

    def refund(self, refund: str) -> StripeRefund:
        """Return the refund as it is now."""
        return self._read(StripeRefund, f"/v1/refunds/{refund}", {"expand": _EXPAND})

    def refunds_of(self, charge: str) -> Iterator[StripeRefund]:
        """Yield all refunds of a charge, by whomever they were made, newest first."""
        cursor: str | None = ""
        while cursor is not None:
            found, cursor = self._refunds({"charge": charge}, cursor or None)
            yield from found

    def refunds(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[list[StripeRefund], str | None]:
        """Return the refunds made in the window, newest first, and the next cursor."""
        return self._refunds({"created": window(since, until)}, after)

    def _refunds(
        self, wanted: Mapping[str, Any], after: str | None
    ) -> tuple[list[StripeRefund], str | None]:
        expand = [f"data.{path}" for path in _EXPAND]
        return self._page(StripeRefund, "/v1/refunds", {**wanted, "expand": expand}, after)
