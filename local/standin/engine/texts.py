"""What a text may be: how long, and of which form where it is an address of mail."""

from __future__ import annotations

import re
from typing import Any

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json

LENGTH_MAX = 5000
"""Of everything that has no length of its own, in Stripe's published schema."""
STATEMENT = {"statement_descriptor": 22, "statement_descriptor_suffix": 22}
PAYMENT_DATA = {
    f"payment_intent_data[{name}]": length
    for name, length in {**STATEMENT, "description": 1000}.items()
}
PAGE = {
    **PAYMENT_DATA,
    **dict.fromkeys(
        (f"custom_text[{name}][message]" for name in (
            "after_submit", "shipping_address", "submit", "terms_of_service_acceptance")), 1200,
    ),
    "custom_fields[][key]": 200, "custom_fields[][label][custom]": 50,
    "line_items[][price_data][product_data][description]": 40_000,
    "line_items[][price_data][product_data][unit_label]": 12,
}  # fmt: skip
CUSTOMER = {"email": 512, "name": 256, "phone": 20}
PRODUCT = {"description": 40_000, "statement_descriptor": 22, "unit_label": 12}
LENGTHS: dict[str, dict[str, int]] = {
    "ChargeCaptureParams": STATEMENT,
    "ChargeCreateParams": {**STATEMENT, "description": 40_000},
    "ChargeUpdateParams": {"description": 40_000},
    "CustomerCreateParams": CUSTOMER,
    "CustomerUpdateParams": CUSTOMER,
    "DisputeUpdateParams": {
        f"evidence[{name}]": 20_000 for name in (
            "access_activity_log", "cancellation_policy_disclosure", "cancellation_rebuttal",
            "duplicate_charge_explanation", "product_description", "refund_policy_disclosure",
            "refund_refusal_explanation", "uncategorized_text",
        )
    },
    "PaymentIntentCaptureParams": STATEMENT,
    "PaymentIntentCreateParams": {"description": 1000, **STATEMENT},
    "PaymentIntentUpdateParams": {"description": 1000, **STATEMENT},
    "PaymentLinkCreateParams": PAGE,
    "PaymentLinkUpdateParams": {
        name: length for name, length in PAGE.items() if not name.startswith("line_items")
    },
    "PayoutCreateParams": {"statement_descriptor": 22},
    "PriceCreateParams": {"lookup_key": 200},
    "PriceUpdateParams": {"lookup_key": 200},
    "ProductCreateParams": PRODUCT,
    "ProductUpdateParams": PRODUCT,
    "SetupIntentCreateParams": {"description": 1000},
    "SetupIntentUpdateParams": {"description": 1000},
    "checkout.SessionCreateParams": {**PAGE, "client_reference_id": 200},
}  # fmt: skip
INDEX = re.compile(r"\[\d+\]")
EMAILS = frozenset({"contact_email", "customer_email", "email", "receipt_email", "support_email"})
# In ASCII, and with a domain that has a part after its last dot: Stripe takes no others.
EMAIL = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)
# What a seller, or a browser, says in their own words.
OWN_WORDS = ("metadata", "card", "file")


def check(operation: str, raw: Json) -> None:
    """Refuse a text that is too long, or that is no address where one belongs."""
    walk(LENGTHS.get(operation, {}), raw, "", operation)


def walk(lengths: dict[str, int], value: Any, path: str, operation: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in OWN_WORDS:
                walk(lengths, inner, f"{path}[{key}]" if path else key, operation)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            walk(lengths, inner, f"{path}[{number}]", operation)
    elif isinstance(value, str) and value:
        require_length(value, lengths.get(INDEX.sub("[]", path), LENGTH_MAX), path)
        if path.rpartition("[")[2].rstrip("]") in EMAILS:
            require_email(value, path)


def require_length(text: str, longest: int, param: str) -> None:
    if len(text) > longest:
        raise InvalidRequest(
            f"Invalid string: {text[:10]}...{text[-5:]}; must be at most {longest} characters",
            param=param,
        )


def require_email(text: str, param: str) -> None:
    if not EMAIL.fullmatch(text):
        raise InvalidRequest(f"Invalid email address: {text}", code="email_invalid", param=param)
