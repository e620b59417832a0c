"""Decide whether a Stripe object was made by us, and matches what we asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.errors import PaymentsError
from payments.facts.attempt import Attempt
from payments.facts.invoice import Invoice
from payments.facts.outcome import OutcomeUnknown
from payments.facts.payment import Payment
from payments.facts.stripe_objects import Intent, StripeDispute, StripeRefund


class NotOurs(Exception):
    """The object was not made by us: the merchant sells elsewhere too."""


class OtherConnection(NotOurs):
    """The merchant connected one Stripe account twice; the other connection books the object."""


class UnknownAttempt(Exception):
    """The object names an attempt that is not stored here, or not yet."""


class Mismatch(Exception):
    """The object contradicts what we asked Stripe for; a person must look before it is booked."""


#: These errors keep a caller from booking what Stripe says. The webhook, the sweep and
#: reconciliation will know more later.
UNSETTLED = (NotOurs, UnknownAttempt, Mismatch, OutcomeUnknown, PaymentsError)


@dataclass(frozen=True, slots=True)
class Books:
    """What the books say of a charge: its attempt, its payment, and its first invoice."""

    attempt: Attempt
    payment: Payment | None
    invoice: Invoice


def books_of(tenant: str, invoice: str, attempt: str, charge: str, doors: Doors) -> Books:
    """Return what the books say of a charge, or raise UnknownAttempt."""
    asked, payment, found = doors.store.charged(tenant, invoice, attempt, charge)
    if not asked or not found:
        raise UnknownAttempt(attempt)
    return Books(asked, payment, found)


def named_by(metadata: Mapping[str, str], tenant: str) -> tuple[str, str]:
    """Return the invoice and the attempt that the metadata names, or raise NotOurs."""
    if "attempt" not in metadata or "invoice" not in metadata or metadata.get("tenant") != tenant:
        raise NotOurs
    return metadata["invoice"], metadata["attempt"]


def attempt_of(metadata: Mapping[str, str], tenant: str, doors: Doors) -> Attempt:
    """Return the attempt that the metadata names, or raise NotOurs or UnknownAttempt."""
    invoice, name = named_by(metadata, tenant)
    attempt = doors.store.attempt(tenant, invoice, name)
    if not attempt:
        raise UnknownAttempt(name)
    return attempt


def require_match(
    told: Intent | StripeRefund | StripeDispute, ours: Attempt | Payment, account: str, mode: str
) -> None:
    """
    Raise OtherConnection or Mismatch if the Stripe object cannot belong to `ours`.

    `account` and `mode` say which Stripe account was asked.
    """
    if ours.account != account:
        raise OtherConnection(told.id)
    if (ours.mode, ours.currency) != (mode, told.currency):
        raise Mismatch(f"{told.id} is not of the mode or currency of {ours.id}.")
    # A refund does not say in which mode it is.
    if not isinstance(told, StripeRefund) and told.livemode is not (mode == "live"):
        raise Mismatch(f"{told.id} is not in {mode} mode.")
