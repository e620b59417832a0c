"""Probe a pair of keys at Stripe without changing anything: their account and permissions."""

import re
from dataclasses import dataclass
from enum import StrEnum

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.errors import (
    KeyModeMismatch,
    KeysNotSameAccount,
    StripeAccountError,
    StripePermissionMissing,
    StripeUnavailable,
    ValidationFailed,
)
from payments.facts.account import Check
from payments.facts.outcome import OutcomeUnknown

#: Every permission that a feature needs, and a request that tests it and changes nothing.
PROBES = (
    ("payment_intents.read", "get", "/v1/payment_intents"),
    ("payment_intents.write", "post", "/v1/payment_intents"),
    ("charges.read", "get", "/v1/charges"),
    ("customers.write", "post", "/v1/customers/cus_receivable_probe"),
    ("payment_methods.read", "get", "/v1/payment_methods/pm_receivable_probe"),
    ("checkout_sessions.write", "post", "/v1/checkout/sessions"),
    ("refunds.write", "post", "/v1/refunds"),
    ("balance_transactions.read", "get", "/v1/balance_transactions"),
    ("disputes.read", "get", "/v1/disputes"),
    ("disputes.write", "post", "/v1/disputes/du_receivable_probe"),
    ("files.write", "post", "/v1/files"),
    ("events.read", "get", "/v1/events"),
    ("webhook_endpoints.read", "get", "/v1/webhook_endpoints"),
    ("webhook_endpoints.write", "post", "/v1/webhook_endpoints"),
)
SAME_ACCOUNT = "setup_intents.write"
#: A request that tests the same permission without making a SetupIntent.
_SAME_ACCOUNT_PROBE = ("post", "/v1/setup_intents/seti_receivable_probe")
#: What each permission is for; a person who makes a restricted key reads it.
NEEDED_FOR = {
    "payment_intents.read": "to find out how a payment ended",
    "payment_intents.write": "to charge saved cards, and to cancel what has to end",
    "charges.read": "to book what was paid, and its fee",
    "customers.write": "to give each of your customers one customer at Stripe",
    "payment_methods.read": "to show which card was saved",
    "checkout_sessions.write": "to open the hosted page behind a pay link, and to expire it",
    "refunds.write": "to give money back",
    "balance_transactions.read": "to know fees and what is left of each payment",
    "disputes.read": "to hold what a payer's bank takes",
    "disputes.write": "to answer a dispute",
    "files.write": "to send evidence with the answer",
    "events.read": "to fetch the events that could not be delivered",
    "webhook_endpoints.read": "to see that your events still come here",
    "webhook_endpoints.write": "to make the webhook endpoint, and to mend it",
    SAME_ACCOUNT: "to save cards, and to see that both keys are of one account",
}


class Unproven(StrEnum):
    """Why nothing could show whether two keys are of one account, as a person reads it."""

    KEY_REFUSED = "Stripe refuses the secret key."
    PUBLISHABLE_REFUSED = "Stripe refuses the publishable key."
    NOT_PERMITTED = f"The secret key lacks the permission {SAME_ACCOUNT}."


_SECRET = re.compile(r"(?:sk|rk)_(test|live)_[A-Za-z0-9_]{8,240}")
_PUBLISHABLE = re.compile(r"pk_(test|live)_[A-Za-z0-9_]{8,240}")


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """A pair of keys on its way to Secrets Manager; it is never printed."""

    mode: str
    publishable_key: str
    secret_key: str

    @property
    def secret(self) -> dict[str, str]:
        """Return the keys as Secrets Manager keeps them."""
        return {"publishable_key": self.publishable_key, "secret_key": self.secret_key}

    @property
    def shown(self) -> dict[str, str]:
        """Return the part of the keys that a row may hold."""
        return {
            "publishable_key": self.publishable_key,
            "secret_key_last4": self.secret_key[-4:],
        }


def require_form(keys: Keys) -> None:
    """Refuse malformed keys and keys of another mode, before Stripe is asked."""
    secret, publishable = (
        _SECRET.fullmatch(keys.secret_key),
        _PUBLISHABLE.fullmatch(keys.publishable_key),
    )
    if not secret:
        raise ValidationFailed(
            "secret_key is not a Stripe secret or restricted key (sk_... or rk_...)."
        )
    if not publishable:
        raise ValidationFailed("publishable_key is not a Stripe publishable key (pk_...).")
    if {secret[1], publishable[1]} != {keys.mode}:
        detail = f"Both keys have to be of {keys.mode} mode."
        raise KeyModeMismatch(
            detail, secret_key_mode=secret[1], publishable_key_mode=publishable[1]
        )


def prove_same_account(keys: Keys, name: str, secret: Gateway, doors: Doors) -> Unproven | None:
    """
    Return None if both keys are of one account, or why that could not be tried.

    Raise KeysNotSameAccount if the publishable key cannot see what the secret key makes. `name`
    makes Stripe's idempotency key.
    """
    try:
        setup = secret.create_setup_intent(f"{name}:same-account")
    except StripeAccountError:
        return Unproven.KEY_REFUSED
    except StripePermissionMissing:
        return Unproven.NOT_PERMITTED
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; nothing was stored.") from None
    try:
        same = doors.stripe(keys.publishable_key).sees_setup_intent(setup)
    except StripeAccountError:
        return Unproven.PUBLISHABLE_REFUSED
    finally:
        secret.cancel_setup_intent(setup.id)
    if not same:
        raise KeysNotSameAccount("The two keys belong to different Stripe accounts.")
    return None


def permissions(gateway: Gateway) -> tuple[Check, ...]:
    """Test every permission and return the results; nothing is changed at Stripe."""
    proven = gateway.is_permitted(*_SAME_ACCOUNT_PROBE)
    return probe(gateway, proven=proven)


def probe(gateway: Gateway, *, proven: bool) -> tuple[Check, ...]:
    """
    Test every permission and return the results.

    The last result says whether the keys are `proven` to be of one account.
    """
    found = [
        (permission, gateway.is_permitted(method, path)) for permission, method, path in PROBES
    ]
    found.append((SAME_ACCOUNT, proven))
    return tuple(
        Check(permission=name, ok=ok, fix=None if ok else fix_of(name)) for name, ok in found
    )


def fix_of(permission: str) -> str:
    """Return what to do in Stripe's Dashboard about a missing permission."""
    resource, level = permission.split(".")
    words = resource.replace("_", " ").capitalize()
    return (
        f"In Stripe's Dashboard, under API keys, give the restricted key {level} access to {words}."
    )
