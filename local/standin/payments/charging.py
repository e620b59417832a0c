"""One attempt to take money for a PaymentIntent: authenticate, decline, authorize, succeed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from local.standin.connect.accounts import display_name
from local.standin.engine.messages import Json
from local.standin.engine.routing import job
from local.standin.payments import debits, disputes, radar, takings
from local.standin.payments.cards import (
    BY_NAME,
    NOT_AUTHENTICATED,
    TOO_OLD,
    UNAUTHENTICATED,
    Card,
    Decline,
)
from local.standin.payments.debits import Debit
from local.standin.payments.mandates import mandate_of
from local.standin.payments.payment_methods import (
    attach_to,
    card_behaviour,
    debit_behaviour,
    declined_error,
    has_expired,
)
from local.standin.payments.states import CHARGE, INTENT

if TYPE_CHECKING:
    from local.standin.engine.call import Call

RISK_SCORES = {"normal": 17, "elevated": 67, "highest": 88}
HELD_FOR_S = 7 * 24 * 3600
SENTENCES = {
    "authorized": "Payment complete.",
    "manual_review": "Stripe evaluated this payment as having elevated risk, and placed it in your "
    "manual review queue.",
    "blocked": "Stripe blocked this payment as too risky.",
    "issuer_declined": "The bank did not return any further details with this decline.",
}


def attempt(
    call: Call,
    intent: Json,
    method: Json,
    operation: str = "confirm",
    *,
    off_session: bool = False,
) -> Json:
    """Confirm, or go on after the payer has authenticated."""
    if method["type"] != "card":
        return start_debit(call, intent, method)
    card = card_behaviour(call, method)
    if operation == "confirm" and asks_payer(call, card, method, off_session=off_session):
        if off_session:
            return refuse_unasked(call, intent, method)
        return require_action(call, intent, method)
    declined = card.decline or (TOO_OLD if has_expired(call, method) else None)
    if declined is not None:
        return decline(call, intent, method, declined, operation)
    if intent["capture_method"] == "manual":
        return authorize(call, intent, method, card, operation)
    return succeed(call, intent, method, card, operation)


def asks_payer(call: Call, card: Card, method: Json, *, off_session: bool) -> bool:
    """Whether the bank wants the payer to prove who they are."""
    if card.authentication == "until_set_up":
        return not call.hidden(method["id"]).get("set_up")
    if card.authentication == "on_session":
        return not off_session
    return card.authentication == "required"


def require_action(call: Call, intent: Json, method: Json) -> Json:
    INTENT.move(
        intent, "confirm", "requires_action",
        payment_method=method["id"], next_action=next_action(call, intent),
        last_payment_error=None,
    )  # fmt: skip
    # The bank's page knows no key: whose payment it is, and who has a part in it, is kept.
    call.hide(intent["id"], platform=call.platform)
    call.save(intent)
    call.emit("payment_intent.requires_action", intent)
    return intent


def next_action(call: Call, intent: Json) -> Json:
    url = f"{call.world.base_url}/c/authenticate/{intent['id']}"
    back = call.hidden(intent["id"]).get("return_url")
    if back:
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": back, "url": url}}
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url},
    }


def outcome_of(card: Card | None, declined: Decline | None) -> Json:
    risk = card.risk if card else "normal"
    usual = "manual_review" if risk == "elevated" else "authorized"
    kind = declined.outcome if declined else usual
    return {
        "advice_code": declined.advice if declined else None,
        "network_advice_code": declined.network_advice if declined else None,
        "network_decline_code": declined.network_code if declined else None,
        "network_status": declined.network_status if declined else "approved_by_network",
        "reason": (declined.reason or declined.decline_code) if declined
        else "elevated_risk_level" if risk == "elevated" else None,
        "risk_level": risk, "risk_score": RISK_SCORES[risk],
        "seller_message": SENTENCES[kind], "type": kind,
    }  # fmt: skip


def method_details(call: Call, method: Json, card: Card | None, *, amount: int) -> Json:
    kind = method["type"]
    if kind != "card":
        account = {k: v for k, v in method[kind].items() if k not in debits.OF_THE_METHOD_ONLY}
        return {kind: {**account, "mandate": mandate_of(call, method)}, "type": kind}
    shown = method["card"]
    return {
        "card": {
            "amount_authorized": amount, "authorization_code": "123456", "brand": shown["brand"],
            "checks": {**shown["checks"], "cvc_check": "pass"}, "country": shown["country"],
            "exp_month": shown["exp_month"], "exp_year": shown["exp_year"],
            "extended_authorization": {"status": "disabled"},
            "fingerprint": shown["fingerprint"], "funding": shown["funding"],
            "incremental_authorization": {"status": "unavailable"}, "installments": None,
            "last4": shown["last4"], "mandate": None, "multicapture": {"status": "unavailable"},
            "network": card.brand if card else None,
            "network_token": {"used": False}, "network_transaction_id": "104102131013710",
            "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
            "regulated_status": "unregulated", "three_d_secure": None, "wallet": None,
        },
        "type": "card",
    }  # fmt: skip


def new_charge(call: Call, intent: Json, method: Json, **state: Any) -> Json:
    card = card_behaviour(call, method) if method["type"] == "card" else None
    ident = call.new_id("ch" if card else "py")
    receipt = f"{call.world.base_url}/c/receipt/{ident}"
    charge = {
        "id": ident, "object": "charge", "amount": intent["amount"], "amount_captured": 0,
        "amount_refunded": 0, "application": None, "application_fee": None,
        "application_fee_amount": intent["application_fee_amount"], "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": statement(call, intent), "captured": False,
        "created": call.now, "currency": intent["currency"], "customer": intent["customer"],
        "description": intent["description"], "destination": None, "dispute": None,
        "disputed": False, "failure_balance_transaction": None, "failure_code": None,
        "failure_message": None, "fraud_details": {}, "livemode": call.livemode,
        "metadata": intent["metadata"], "on_behalf_of": intent["on_behalf_of"], "order": None,
        "outcome": outcome_of(card, None), "paid": True, "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": method_details(call, method, card, amount=intent["amount"]),
        "radar_options": {}, "receipt_email": intent["receipt_email"], "receipt_number": None,
        "receipt_url": receipt, "refunded": False, "review": None, "shipping": intent["shipping"],
        "source": None, "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded", "transfer_data": shared_with(intent["transfer_data"]),
        "transfer_group": intent["transfer_group"],
    }  # fmt: skip
    charge.update(state)
    return call.insert(charge)


def shared_with(destination: Json | None) -> Json | None:
    return {"amount": None, **destination} if destination else None


def statement(call: Call, intent: Json) -> str:
    suffix = intent["statement_descriptor_suffix"]
    name = display_name(call).upper()
    return f"{name[: 20 - len(suffix)]}* {suffix.upper()}"[:22] if suffix else name[:22]


def error_object(declined: Decline, method: Json, charge: str | None = None) -> Json:
    error = {
        "advice_code": declined.advice, "charge": charge, "code": declined.code,
        "decline_code": declined.decline_code,
        "doc_url": f"https://docs.stripe.com/error-codes/{declined.code.replace('_', '-')}",
        "message": declined.message, "network_advice_code": declined.network_advice,
        "network_decline_code": declined.network_code,
        "param": declined.param, "payment_method": method, "type": "card_error",
    }  # fmt: skip
    return {name: value for name, value in error.items() if value is not None}


def refuse_unasked(call: Call, intent: Json, method: Json) -> Json:
    """Refuse without a charge: the payer would have to authenticate and is not present."""
    INTENT.move(
        intent, "confirm", "requires_payment_method",
        payment_method=None, next_action=None,
        last_payment_error=error_object(UNAUTHENTICATED, method),
    )  # fmt: skip
    call.save(intent)
    call.emit("payment_intent.payment_failed", intent)
    raise declined_error(UNAUTHENTICATED, payment_intent=intent, payment_method=method)


def decline(call: Call, intent: Json, method: Json, declined: Decline, operation: str) -> Json:
    """Keep the failed charge, ask for another method, answer 402."""
    card = card_behaviour(call, method)
    charge = new_charge(
        call, intent, method,
        paid=False, status="failed", failure_code=declined.code, receipt_url=None,
        failure_message=declined.message, outcome=outcome_of(card, declined),
    )  # fmt: skip
    reopen(call, intent, charge, error_object(declined, method, charge["id"]), operation)
    raise declined_error(
        declined, charge=charge["id"], payment_intent=intent, payment_method=method
    )


def reopen(call: Call, intent: Json, charge: Json, error: Json, operation: str) -> None:
    INTENT.move(
        intent, operation, "requires_payment_method",
        payment_method=None, latest_charge=charge["id"], last_payment_error=error,
        next_action=None, processing=None,
    )  # fmt: skip
    call.save(intent)
    call.emit("charge.failed", charge)
    call.emit("payment_intent.payment_failed", intent)


def fail_authentication(call: Call, intent: Json) -> None:
    """Reopen an intent whose payer did not prove who they are; no charge was ever made."""
    method = call.get("payment_method", intent["payment_method"])
    INTENT.move(
        intent, "authenticate", "requires_payment_method",
        payment_method=None, next_action=None,
        last_payment_error={
            "code": "payment_intent_authentication_failure",
            "doc_url": "https://docs.stripe.com/error-codes/payment-intent-authentication-failure",
            "message": NOT_AUTHENTICATED, "payment_method": method, "type": "invalid_request_error",
        },
    )  # fmt: skip
    call.save(intent)
    call.emit("payment_intent.payment_failed", intent)


def authorize(call: Call, intent: Json, method: Json, card: Card, operation: str) -> Json:
    charge = new_charge(call, intent, method)
    charge["payment_method_details"]["card"]["capture_before"] = call.now + HELD_FOR_S
    call.save(charge)
    call.hide(charge["id"], behaviour=card.name)
    INTENT.move(
        intent, operation, "requires_capture",
        amount_capturable=intent["amount"], next_action=None, latest_charge=charge["id"],
        payment_method=method["id"], last_payment_error=None,
    )  # fmt: skip
    remember_method(call, intent, method)
    call.save(intent)
    call.emit("charge.succeeded", charge)
    call.emit("payment_intent.amount_capturable_updated", intent)
    return intent


def succeed(call: Call, intent: Json, method: Json, card: Card, operation: str) -> Json:
    charge = new_charge(call, intent, method)
    call.hide(charge["id"], behaviour=card.name)
    takings.collect(call, intent, charge, "capture", charge["amount"], at_once=card.settles_at_once)
    intent["payment_method"] = method["id"]
    remember_method(call, intent, method)
    finish(call, intent, charge, operation)
    return intent


def finish(call: Call, intent: Json, charge: Json, operation: str) -> None:
    INTENT.move(
        intent, operation, "succeeded",
        amount_received=charge["amount_captured"], amount_capturable=0,
        latest_charge=charge["id"], last_payment_error=None, next_action=None, processing=None,
    )  # fmt: skip
    call.save(intent)
    call.emit("charge.captured" if operation == "capture" else "charge.succeeded", charge)
    # Stripe tells of a test card's dispute before it tells that the intent has succeeded.
    if card := BY_NAME.get(call.hidden(charge["id"]).get("behaviour", "")):
        doubt(call, intent, charge, card)
    call.emit("payment_intent.succeeded", intent)


def doubt(call: Call, intent: Json, charge: Json, card: Card) -> None:
    """Let Radar, the network or the payer doubt a payment that has come, as its card has it."""
    if card.risk == "elevated":
        radar.open_review(call, charge, intent)
        call.save(intent)
    if card.warned_of:
        radar.warn(call, charge)
    if card.dispute:
        takings.ensure_booked(call, charge)
        disputes.dispute(call, charge, card.dispute)


def remember_method(call: Call, intent: Json, method: Json) -> None:
    """Give a method for future use to the customer; a loose one is spent."""
    if intent["setup_future_usage"] and intent["customer"]:
        attach_to(call, method, intent["customer"])
        call.hide(method["id"], set_up=True)
    elif method["customer"] is None:
        call.hide(method["id"], used_up=True)


def start_debit(call: Call, intent: Json, method: Json) -> Json:
    debit = debit_behaviour(call, method)
    unassessed = outcome_of(None, None)
    del unassessed["risk_score"]
    charge = new_charge(
        call, intent, method,
        status="pending", paid=False,
        outcome={**unassessed, "risk_level": "not_assessed"},
    )  # fmt: skip
    INTENT.move(
        intent, "confirm", "processing",
        latest_charge=charge["id"], payment_method=method["id"], next_action=None,
        last_payment_error=None,
    )  # fmt: skip
    remember_method(call, intent, method)
    call.hide(charge["id"], platform=call.platform)
    call.save(intent)
    call.emit("charge.pending", charge)
    call.emit("payment_intent.processing", intent)
    call.later(debit.clears_after_s, "clear_debit", intent["id"])
    return intent


@job("clear_debit")
def clear_debit(call: Call, ident: str) -> None:
    intent = call.get("payment_intent", ident)
    charge = call.get("charge", intent["latest_charge"])
    method = call.get("payment_method", charge["payment_method"])
    debit = debit_behaviour(call, method)
    call.platform = call.hidden(charge["id"])["platform"]
    if debit.failure is None:
        takings.collect(call, intent, charge, "clear", charge["amount"])
        finish(call, intent, charge, "clear")
    else:
        bounce(call, intent, charge, debit, method)
    for listener in AFTER_CLEARING:
        listener(call, intent)


def bounce(call: Call, intent: Json, charge: Json, debit: Debit, method: Json) -> None:
    CHARGE.move(
        charge, "clear", "failed",
        status="failed", failure_code=debit.failure, failure_message=debit.message,
    )  # fmt: skip
    call.save(charge)
    error = {
        "charge": charge["id"], "code": debit.failure, "message": debit.message,
        "payment_method": method, "type": "invalid_request_error",
    }  # fmt: skip
    reopen(call, intent, charge, error, "clear")


# A session learns here of its delayed payment, and so does a refund that has waited for it.
AFTER_CLEARING: list[Callable[[Call, Json], None]] = []
