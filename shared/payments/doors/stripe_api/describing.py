"""What Stripe is told about an attempt, by whatever means it is paid."""

import re
from collections.abc import Sequence
from typing import Any

from payments.facts.attempt import Attempt

#: What is left of a statement's line after the longest prefix.
SUFFIX_MAX = 10
#: What Stripe takes of a description, and some.
DESCRIPTION_MAX = 500


def described(attempt: Attempt, numbers: Sequence[str]) -> dict[str, Any]:
    """Return what makes Stripe's Dashboard and the payer's statement speak of the invoices."""
    told: dict[str, Any] = {
        "description": _description(numbers),
        "metadata": {"tenant": attempt.tenant, "invoice": attempt.invoice, "attempt": attempt.id},
    }
    if attempt.application_fee:
        told["application_fee_amount"] = attempt.application_fee
    suffix = statement_suffix(numbers[0] if len(numbers) == 1 else f"INV x{len(numbers)}")
    return {**told, "statement_descriptor_suffix": suffix} if suffix else told


def _description(numbers: Sequence[str]) -> str:
    """Return which invoices are paid: all of them, as far as Stripe has room."""
    if len(numbers) == 1:
        return f"Invoice {numbers[0]}"
    shown = list(numbers)
    while sum(map(len, shown)) + 2 * len(shown) > DESCRIPTION_MAX:
        shown.pop()
    left = len(numbers) - len(shown)
    more = f" and {left} more" if left else ""
    return f"Invoices {', '.join(shown)}{more}"


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
