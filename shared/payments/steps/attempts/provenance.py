"""Decide whether a Stripe object was made by us, and matches what we asked for."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.errors import PaymentsError
from payments.facts.attempt import Attempt
from payments.facts.dispute import Dispute
from payments.facts.invoice import Invoice
from payments.facts.outcome import OutcomeUnknown
from payments.facts.payment import Payment
from payments.facts.refund import Refund
from payments.facts.reservation import INTENT, STRIPE_CUSTOMER, Reservation
from payments.facts.stripe_objects import Intent, Session, StripeDispute, StripeRefund


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


@dataclass(frozen=True, slots=True)
class Slot:
    """Whose Stripe account was asked, and in which mode."""

    tenant: str
    account: str
    mode: str

    @classmethod
    def of(cls, ours: Attempt | Refund | Dispute) -> "Slot":
        """Return in whose account something was asked for."""
        return cls(ours.tenant, ours.account or "", ours.mode or "")

    @property
    def where(self) -> str:
        """Its name within its tenant."""
        return f"{self.account}:{self.mode}"

    def named(self, stripe_id: str) -> str:
        """Return under which name one of its objects is kept."""
        return f"{self.account}:{self.mode}:{stripe_id}"


def books_of(tenant: str, invoice: str, attempt: str, charge: str, doors: Doors) -> Books:
    """Return what the books say of a charge, or raise UnknownAttempt."""
    found = _books(tenant, (invoice, attempt), charge, doors)
    if not found:
        raise UnknownAttempt(attempt)
    return found


def books_behind(intent: Intent, slot: Slot, doors: Doors) -> Books:
    """
    Return whose PaymentIntent it is, and what the books say of its charge.

    What is stored decides: the intent's id, or that of the session in which it is paid. Metadata
    can be changed by anybody at Stripe; it finds rows, and counts only where no id is stored.
    Raise NotOurs, UnknownAttempt, or Mismatch where it contradicts what is stored.
    """
    named = _named_by(intent.metadata, slot.tenant)
    books = _books(slot.tenant, named, intent.charge_id, doors) if named else None
    if books and books.attempt.payment_intent == intent.id:
        return books
    if kept := doors.store.holder(slot.tenant, INTENT, slot.named(intent.id)):
        invoice, _, attempt = kept.partition("/")
        return books_of(slot.tenant, invoice, attempt, intent.charge_id, doors)
    if books and not books.attempt.is_at_stripe:
        return books
    if found := _books_by_session(intent, books, slot, doors):
        return found
    if books:
        require_same_account(intent.id, books.attempt, slot)
        raise Mismatch(f"{intent.id} names {books.attempt.id}, which is paid by another.")
    if named or intent.metadata.get("tenant") == slot.tenant:
        raise UnknownAttempt(intent.id)
    raise NotOurs(intent.id)


def attempt_behind(session: Session, slot: Slot, doors: Doors) -> Attempt:
    """
    Return whose Checkout Session it is, by its stored id.

    The metadata, or the invoice that it was made for and nobody can change, says where to look.
    Raise as `books_behind`.
    """
    named = _named_by(session.metadata, slot.tenant)
    attempt = doors.store.attempt(slot.tenant, *named) if named else None
    if attempt and attempt.session == session.id:
        return attempt
    if invoice := session.client_reference_id:
        for each in doors.store.attempts(slot.tenant, invoice):
            if each.session == session.id:
                return each
    if attempt and not attempt.is_at_stripe:
        return attempt
    if attempt:
        raise Mismatch(f"{session.id} names {attempt.id}, which has another page.")
    raise UnknownAttempt(session.id) if named else NotOurs(session.id)


def is_anothers(intent: Intent, attempt: Attempt, doors: Doors) -> bool:
    """Say whether a PaymentIntent that names an attempt is stored with another one."""
    slot = Slot.of(attempt)
    kept = doors.store.holder(slot.tenant, INTENT, slot.named(intent.id))
    return kept not in {None, f"{attempt.invoice}/{attempt.id}"}


def bound(new: Attempt, old: Attempt) -> Iterator[Change[Reservation]]:
    """Yield what leads from a PaymentIntent to its attempt; it is written with the attempt."""
    if new.payment_intent and new.payment_intent != old.payment_intent:
        slot = Slot.of(new)
        yield change(
            Reservation(
                tenant=new.tenant,
                kind=INTENT,
                value=slot.named(new.payment_intent),
                holder=f"{new.invoice}/{new.id}",
            )
        )


def _named_by(metadata: Mapping[str, str], tenant: str) -> tuple[str, str] | None:
    """Return the invoice and the attempt that the metadata names, or None."""
    if metadata.get("tenant") != tenant:
        return None
    invoice, attempt = metadata.get("invoice"), metadata.get("attempt")
    return (invoice, attempt) if invoice and attempt else None


def _books(tenant: str, names: tuple[str, str], charge: str, doors: Doors) -> Books | None:
    asked, payment, found = doors.store.charged(tenant, *names, charge)
    return Books(asked, payment, found) if asked and found else None


def _books_by_session(
    intent: Intent, named: Books | None, slot: Slot, doors: Doors
) -> Books | None:
    """
    Return whose page an intent is paid in, or None.

    Stripe is asked only where the customer is one of ours: each page that we make has one.
    """
    customer = slot.named(intent.customer or "")
    if not doors.store.holder(slot.tenant, STRIPE_CUSTOMER, customer):
        return None
    gateway = doors.gateway(slot.tenant, slot.account, slot.mode)
    for session in gateway.sessions_of(intent.id):
        if named and named.attempt.session == session.id:
            return named
        with suppress(NotOurs, UnknownAttempt, Mismatch):
            attempt = attempt_behind(session, slot, doors)
            return books_of(slot.tenant, attempt.invoice, attempt.id, intent.charge_id, doors)
    return None


def require_match(
    told: Intent | StripeRefund | StripeDispute, ours: Attempt | Payment, slot: Slot
) -> None:
    """Raise OtherConnection or Mismatch where what Stripe tells of cannot be about `ours`."""
    require_same_account(told.id, ours, slot)
    if (ours.mode, ours.currency) != (slot.mode, told.currency):
        raise Mismatch(f"{told.id} is not of the mode or currency of {ours.id}.")
    # A refund does not say in which mode it is.
    if not isinstance(told, StripeRefund) and told.livemode is not (slot.mode == "live"):
        raise Mismatch(f"{told.id} is not in {slot.mode} mode.")


def require_same_account(told: str, ours: Attempt | Payment, slot: Slot) -> None:
    """Raise OtherConnection where another connection of the merchant's was asked."""
    if ours.account != slot.account:
        raise OtherConnection(told)
