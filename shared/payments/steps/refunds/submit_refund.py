"""Send a refund to Stripe once, however often it is tried, and find out what became of it."""

from typing import TYPE_CHECKING

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import StripeRefused, StripeRequestRefused, StripeUnavailable
from payments.facts.attempt import SWEEP_AFTER
from payments.facts.outcome import CardRefused, FailedAtStripe, OutcomeUnknown
from payments.facts.refund import FAILURES_MAX, Refund, RefundStatus
from payments.facts.stripe_objects import StripeRefund
from payments.steps.attempts.provenance import Slot
from payments.steps.refunds.apply_refund import apply_refund, record
from payments.steps.retry import retrying

if TYPE_CHECKING:
    # Not at run time: a refund is read without loading Stripe's SDK.
    from payments.doors.gateway import Gateway

_S = RefundStatus


def submit(refund: Refund, doors: Doors) -> Refund:
    """
    Take an open refund as far as Stripe allows and return it; the sweep ends what stays unclear.

    A refund that may have been sent is looked for first. It is sent again with its own key while
    Stripe remembers that key; later, a refund that Stripe does not list has failed. After a failure
    at Stripe it is looked for after a pause, and sent under another key. So it goes on by itself
    once Stripe's outage is over.
    """
    gateway = doors.gateway(refund.tenant, refund.account or "", refund.mode or "")
    if refund.stripe_refund:
        return apply_own_refund(refund, gateway.refund(refund.stripe_refund), doors)
    if refund.status is _S.SUBMITTED and (told := _found_at_stripe(refund, gateway)):
        return apply_own_refund(refund, told, doors)
    if refund.waits(doors.now()):
        return refund
    if not refund.may_replay(doors.now()) or refund.failures > FAILURES_MAX:
        return give_up(refund, "failed_at_stripe" if refund.failures else "not_sent", doors)
    return _send(refund, gateway, doors) if doors.may_write else refund


def apply_own_refund(refund: Refund, told: StripeRefund, doors: Doors) -> Refund:
    """Apply what Stripe says of a refund of ours, asked in its own account."""
    return apply_refund(told, Slot.of(refund), doors)


def give_up(refund: Refund, reason: str, doors: Doors) -> Refund:
    """End a refund that Stripe does not have, free what was reserved for it, and return it."""

    def step() -> Refund:
        found = latest_refund(refund, doors)
        if not found.is_open or found.stripe_refund:
            return found
        payment = doors.store.payment(found.tenant, found.invoice, found.charge or found.payment)
        failed = found.become(_S.FAILED, failure_reason=reason)
        return record(failed, found, payment, doors, at=doors.now()) if payment else found

    return retrying(step, doors, "The payment kept changing; the refund is not ended yet.")


def latest_refund(refund: Refund, doors: Doors) -> Refund:
    """Return the refund as it is stored now."""
    return doors.store.refund(refund.tenant, refund.invoice, refund.id) or refund


def _send(refund: Refund, gateway: "Gateway", doors: Doors) -> Refund:
    first = refund.status is _S.REQUESTED
    try:
        sent = _sending(refund, doors) if first else refund
        return apply_own_refund(sent, gateway.create_refund(sent), doors)
    except RowChanged:
        # The sweep, a webhook or another request was faster, and its result stands.
        return latest_refund(refund, doors)
    except FailedAtStripe:
        return _note_failure(refund, doors)
    except (OutcomeUnknown, StripeUnavailable):
        # StripeUnavailable may hide a success, too: the SDK may have sent the refund before and
        # lost the answer.
        return latest_refund(refund, doors)
    except (StripeRequestRefused, CardRefused) as refusal:
        return give_up(refund, _reason(refusal), doors)
    except StripeRefused as refusal:
        if first:
            give_up(refund, refusal.code, doors)
        raise


def _note_failure(refund: Refund, doors: Doors) -> Refund:
    """
    Note that Stripe says it failed to make a refund, and leave the refund to the sweep.

    Stripe may have made it all the same, and lists it after a while: a refund is sent again only if
    it is missing then. Stripe repeats the failure for its key, so the next try has another key.
    """
    found = latest_refund(refund, doors)
    if not found.is_open or found.stripe_refund or found.failures != refund.failures:
        return found
    try:
        return doors.store.save(found.failing(doors.now()), found)
    except RowChanged:
        return latest_refund(refund, doors)


def _sending(refund: Refund, doors: Doors) -> Refund:
    """
    Note that Stripe may have the refund from now on, and return it.

    From then on only Stripe's answer can end it.
    """
    sweep_at = doors.now() + SWEEP_AFTER
    return doors.store.save(refund.become(_S.SUBMITTED, sweep_at=sweep_at), refund)


def _found_at_stripe(refund: Refund, gateway: "Gateway") -> StripeRefund | None:
    """Return the refund that Stripe lists, or None; a list, unlike a key, repeats no failure."""
    listed = gateway.refunds_of(refund.charge or "")
    return next((told for told in listed if told.metadata.get("refund") == refund.id), None)


def _reason(refusal: StripeRequestRefused | CardRefused) -> str:
    if isinstance(refusal, CardRefused):
        return refusal.decline.code
    too_much = refusal.members.get("param") == "amount"
    return str(
        refusal.members.get("stripe_code") or ("amount_too_large" if too_much else "refused")
    )
