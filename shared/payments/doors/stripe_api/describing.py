"""What Stripe is told about an attempt, by whatever means it is paid."""

import re
from typing import Any

from payments.facts.attempt import Attempt

#: What is left of a statement's line after the longest prefix.
SUFFIX_MAX = 10


def described(attempt: Attempt, number: str) -> dict[str, Any]:
    """Return the parameters that name the invoice in Stripe's Dashboard and on the statement."""
    told: dict[str, Any] = {
        "description": f"Invoice {number}",
        "metadata": {"tenant": attempt.tenant, "invoice": attempt.invoice, "attempt": attempt.id},
    }
    if attempt.application_fee:
        told["application_fee_amount"] = attempt.application_fee
    suffix = statement_suffix(number)
    return {**told, "statement_descriptor_suffix": suffix} if suffix else told


def kept(attempt: Attempt) -> dict[str, str]:
    """Return the parameters that save the card for later charges, if its owner has consented."""
    return {"setup_future_usage": "off_session"} if attempt.save_card else {}


def statement_suffix(number: str) -> str | None:
    """
    Return the invoice number as a card statement can show it, or None if nothing can be shown.

    Stripe's rule: up to 22 characters with the account's prefix of up to 10, an asterisk and a
    blank. At least one is a letter, and none is an angle bracket, backslash, quote or asterisk.
    """
    clean = re.sub(r"[^A-Za-z0-9 .,/_-]", "", number)[-SUFFIX_MAX:].strip()
    if not clean or re.search("[A-Za-z]", clean):
        return clean or None
    return f"INV {clean[4 - SUFFIX_MAX :].strip()}"
