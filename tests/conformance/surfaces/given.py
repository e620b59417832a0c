"""What the requests of several tests have in common."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep
from typing import Any

Make = Callable[..., Any]


def booked(v1: Any, intent: Any) -> Any:
    """Return the charge of a payment once Stripe's books know of it, which takes a moment."""
    for _ in range(100):
        charge = v1.charges.retrieve(intent.latest_charge)
        if charge.balance_transaction:
            return charge
        sleep(0.05)
    raise AssertionError(f"{charge.id} is in no books")


#: Unlike the defaults, these ask no payer to come back from anywhere.
NO_REDIRECTS = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
VISA = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
CONTROLLER = {
    "stripe_dashboard": {"type": "full"},
    "fees": {"payer": "account"},
    "losses": {"payments": "stripe"},
    "requirement_collection": "stripe",
}
