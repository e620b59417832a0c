"""
Certify a module: a scripted series of test payments before it may take real money.

It asks Stripe through the module's own account, with Stripe's test cards, and leaves nothing in the
books. Each step is stored when it is done, so that a run which is out of time goes on later.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.table import RowChanged
from payments.errors import (
    PaymentInProgress,
    StripeRefused,
    StripeRequestRefused,
    StripeUnavailable,
)
from payments.facts.caller import Caller
from payments.facts.certification import MARK, Certification, StepResult
from payments.facts.outcome import CardRefused, OutcomeUnknown
from payments.facts.stripe_objects import BalanceTransaction, Intent
from payments.money import least_charge

PAYS, DECLINES, ASKS = (
    "pm_card_visa",
    "pm_card_visa_chargeDeclined",
    "pm_card_threeDSecure2Required",
)
#: By how much Stripe's clock may differ from ours.
SKEW = timedelta(minutes=5)


class NotYet(Exception):
    """Stripe has not reported everything yet; a later question will get the answer."""


class Failed(Exception):
    """A step did not end as it should; the text says how it ended."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a step works with."""

    certification: Certification
    gateway: Gateway
    doors: Doors

    def pay(self, name: str, card: str, amount: int) -> Intent:
        """Try a payment with a test card, and return its intent."""
        found = self.certification
        intent = self.gateway.try_payment(
            amount, found.currency, card, {MARK: found.id}, found.stripe_key(name)
        )
        if intent.livemode:
            raise Failed("Stripe answered in live mode: nothing more was tried.")
        return intent


def certify(module_id: str, *, run_id: str, caller: Caller, doors: Doors) -> Certification:
    """
    Begin a module's certification or go on with it, and return it as far as it came.

    A `running` certification has to be asked for again; after its end, a new one begins.
    """
    found = _begin(module_id, run_id, caller, doors)
    gateway = doors.gateway(found.tenant, found.account, "test")
    while (step := found.following) and doors.may_write:
        try:
            result = _result(step, Trial(found, gateway, doors), doors)
        except (NotYet, OutcomeUnknown, StripeUnavailable):
            return found
        try:
            found = doors.store.save(found.after(result), found)
        except RowChanged:
            raise PaymentInProgress("Another request certifies this module.") from None
    return found


def _begin(module_id: str, run_id: str, caller: Caller, doors: Doors) -> Certification:
    module = doors.store.module(caller.tenant, module_id)
    account = doors.store.account(caller.tenant, module.account)
    account.require_active("test")
    known = doors.store.certification(caller.tenant, module_id)
    if known and (known.status == "running" or known.id == run_id):
        return known
    currency = next(iter(module.terms.currencies), "eur")
    fresh = Certification(
        id=run_id,
        tenant=caller.tenant,
        module=module.id,
        account=account.id,
        amount=4 * least_charge(currency),
        currency=currency,
        started_at=doors.now(),
    )
    try:
        return doors.store.save(fresh, known)
    except RowChanged:
        raise PaymentInProgress("Another request certifies this module.") from None


def _result(step: str, trial: Trial, doors: Doors) -> StepResult:
    try:
        detail, objects = _STEPS[step](trial)
    except Failed as failure:
        return StepResult(step=step, ok=False, detail=str(failure), at=doors.now())
    except CardRefused as refusal:
        detail = f"Stripe declined the payment: {refusal.decline.code}."
        return StepResult(step=step, ok=False, detail=detail, at=doors.now())
    except (StripeRefused, StripeRequestRefused) as refusal:
        said = refusal.members.get("stripe_code")
        detail = f"{refusal.detail} ({said})" if said else refusal.detail
        return StepResult(step=step, ok=False, detail=detail, at=doors.now())
    return StepResult(step=step, ok=True, detail=detail, objects=objects, at=doors.now())


Outcome = tuple[str, tuple[str, ...]]


def _pay(trial: Trial) -> Outcome:
    intent = trial.pay("pay", PAYS, trial.certification.amount)
    _require(intent, "succeeded")
    return "A card was charged at once.", (intent.id,)


def _decline(trial: Trial) -> Outcome:
    try:
        intent = trial.pay("decline", DECLINES, trial.certification.amount)
    except CardRefused as refusal:
        return f"A decline is told as one: {refusal.decline.code}.", ()
    raise Failed(f"A card that has to be declined ended as {intent.status}.")


def _three_d_secure(trial: Trial) -> Outcome:
    intent = trial.pay("three_d_secure", ASKS, trial.certification.amount)
    _require(intent, "requires_action")
    _require(trial.gateway.fence_intent(intent.id), "canceled")
    return "The bank asks for the payer, and the payment can be stopped before it.", (intent.id,)


def _part(trial: Trial) -> Outcome:
    whole = trial.certification.amount
    parts = [
        trial.pay("part-1", PAYS, whole // 4),
        trial.pay("part-2", PAYS, whole - whole // 4),
    ]
    for intent in parts:
        _require(intent, "succeeded")
    return "Two parts make the whole.", tuple(intent.id for intent in parts)


def _refund(trial: Trial) -> Outcome:
    found = trial.certification
    (paid,) = found.ids_of("pay")
    refund = trial.gateway.refund_trial(
        paid, found.amount // 4, {MARK: found.id}, found.stripe_key("refund")
    )
    if refund.status not in {"succeeded", "pending"}:
        raise Failed(f"A refund of a part ended as {refund.status}.")
    return "A part was given back.", (refund.id,)


def _reconcile(trial: Trial) -> Outcome:
    """Find every try at Stripe, and compare the amounts to the cent."""
    found = trial.certification
    listed = _listed(trial)
    expected = {*found.ids_of("pay"), *found.ids_of("part")}
    paid = {intent.id: intent for intent in listed if intent.status == "succeeded"}
    if set(paid) != expected:
        raise Failed(f"Stripe lists {len(paid)} payments where {len(expected)} were made.")
    for intent in paid.values():
        booked = intent.charge.balance_transaction
        if not isinstance(booked, BalanceTransaction):
            raise NotYet(intent.id)
        if booked.net != booked.amount - booked.fee:
            raise Failed(f"What Stripe booked for {intent.id} does not add up.")
    total = sum(intent.amount_received for intent in paid.values())
    if total != 2 * found.amount:
        raise Failed(f"Stripe has {total} of {2 * found.amount} minor units.")
    return "Every payment, its amount and its fee were found again.", tuple(paid)


def _listed(trial: Trial) -> list[Intent]:
    since, until = trial.certification.started_at - SKEW, trial.doors.now() + SKEW
    found: list[Intent] = []
    cursor: str | None = ""
    while cursor is not None:
        page, cursor = trial.gateway.intents(since, until, cursor or None)
        found += [intent for intent in page if intent.metadata.get(MARK) == trial.certification.id]
    return found


def _require(intent: Intent, status: str) -> None:
    if intent.status != status:
        raise Failed(f"A payment that has to end as {status} ended as {intent.status}.")


_STEPS: dict[str, Callable[[Trial], Outcome]] = {
    "pay": _pay,
    "decline": _decline,
    "three_d_secure": _three_d_secure,
    "part": _part,
    "refund": _refund,
    "reconcile": _reconcile,
}
