"""What Stripe is told of an attempt, however it is paid."""

import re
from typing import Any

from payments.facts.attempt import Attempt

#: What is left of a statement's line beside the longest prefix.
SUFFIX_MAX = 10


def described(attempt: Attempt, number: str) -> dict[str, Any]:
    """Return what makes Stripe's Dashboard and the payer's statement speak of the invoice."""
    told: dict[str, Any] = {
        "description": f"Invoice {number}",
        "metadata": {"tenant": attempt.tenant, "invoice": attempt.invoice, "attempt": attempt.id},
    }
    if attempt.application_fee:
        told["application_fee_amount"] = attempt.application_fee
    suffix = statement_suffix(number)
    return {**told, "statement_descriptor_suffix": suffix} if suffix else told


def kept(attempt: Attempt) -> dict[str, str]:
    """Return what saves the card for later charges, where its owner has agreed to that."""
    return {"setup_future_usage": "off_session"} if attempt.save_card else {}


def statement_suffix(number: str) -> str | None:
    """
    Return the invoice number as a card statement can show it, or None if nothing can be shown.

    Stripe's rule: up to 22 characters with the account's prefix of up to 10, an asterisk and a
    blank, at least one letter, and no angle brackets, backslashes, quotes or asterisks.
    """
    clean = re.sub(r"[^A-Za-z0-9 .,/_-]", "", number)[-SUFFIX_MAX:].strip()
    if not clean or re.search("[A-Za-z]", clean):
        return clean or None
    return f"INV {clean[4 - SUFFIX_MAX :].strip()}"
