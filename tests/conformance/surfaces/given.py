"""What the requests of several tests have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Make = Callable[..., Any]

#: Unlike the defaults, these ask no payer to come back from anywhere.
NO_REDIRECTS = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
VISA = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
CONTROLLER = {
    "stripe_dashboard": {"type": "full"},
    "fees": {"payer": "account"},
    "losses": {"payments": "stripe"},
    "requirement_collection": "stripe",
}
