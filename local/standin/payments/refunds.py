"""Refunds: never more than the charge, sometimes failing days later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.errors import Conflict, InvalidRequest
from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import job, route
from local.standin.funds import balance, shares_back
from local.standin.funds.currencies import shown
from local.standin.payments.cards import BY_NAME

if TYPE_CHECKING:
    from local.standin.engine.call import Call

CHANGES_AFTER_S = 60


@route("POST", "/v1/refunds", "RefundCreateParams")
@route("POST", "/v1/charges/{id}/refunds")
def create(call: Call) -> Json:
    charge = charge_to_refund(call)
    require_refundable(charge)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = int(call.params.get("amount", left))
    require_within(charge, amount, left)
    refund = new_refund(call, charge, amount)
    call.insert(refund)
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    call.save(charge)
    if refund["status"] != "pending":
        take_back(call, refund, charge)
    shares_back.give_back(call, charge, refund)
    call.emit("refund.created", refund)
    call.emit("charge.refunded", charge, before)
    return refund


def charge_to_refund(call: Call) -> Json:
    ident = call.path.get("id") or call.params.get("charge")
    if ident:
        return call.get("charge", ident, param="charge")
    if "payment_intent" not in call.params:
        raise InvalidRequest(
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
            code="parameter_missing",
        )
    intent = call.get("payment_intent", call.params["payment_intent"], param="payment_intent")
    charge = call.find("charge", intent["latest_charge"] or "")
    if charge is None or not charge["captured"]:
        raise InvalidRequest(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        )
    return charge


def require_refundable(charge: Json) -> None:
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise InvalidRequest(f"Charge {charge['id']} has not been captured, nothing to refund.")
    if charge["disputed"]:
        raise Conflict(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if charge["refunded"]:
        raise Conflict(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )


def require_within(charge: Json, amount: int, left: int) -> None:
    currency = charge["currency"]
    if amount < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer", param="amount",
        )  # fmt: skip
    if amount <= left:
        return
    bound, spoken = left, "unrefunded amount on charge"
    if amount > charge["amount_captured"]:
        bound, spoken = charge["amount_captured"], "charge amount"
    raise InvalidRequest(
        f"Refund amount ({shown(amount, currency)}) is greater than {spoken} "
        f"({shown(bound, currency)})",
        param="amount",
    )


def refund_behaviour(call: Call, charge: Json) -> str:
    card = BY_NAME.get(call.hidden(charge["id"]).get("behaviour", ""))
    return card.refund if card else "succeeds"


def new_refund(call: Call, charge: Json, amount: int) -> Json:
    behaviour = refund_behaviour(call, charge)
    ident = call.new_id("re")
    if behaviour != "succeeds":
        call.later(CHANGES_AFTER_S, f"refund_{behaviour}", ident)
    return {
        "id": ident, "object": "refund", "amount": amount, "balance_transaction": None,
        "charge": charge["id"], "created": call.now, "currency": charge["currency"],
        "destination_details": {
            "card": {
                "reference_status": "pending", "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": call.params.get("metadata") or {}, "payment_intent": charge["payment_intent"],
        "reason": call.params.get("reason"), "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if behaviour == "pending" else "succeeded", "transfer_reversal": None,
    }  # fmt: skip


def take_back(call: Call, refund: Json, charge: Json) -> None:
    entry = balance.post(
        call, "refund", -refund["amount"], refund["currency"], refund["id"],
        description=f"REFUND FOR CHARGE ({charge['description'] or charge['id']})",
    )  # fmt: skip
    refund["balance_transaction"] = entry["id"]
    call.save(refund)


@job("refund_pending")
def finish_pending(call: Call, ident: str) -> None:
    refund = call.get("refund", ident)
    if refund["status"] == "pending":
        refund["status"] = "succeeded"
        take_back(call, refund, call.get("charge", refund["charge"]))
        call.emit("refund.updated", refund, {"status": "pending"})


@job("refund_fails_later")
def fail_later(call: Call, ident: str) -> None:
    """Take the money back from the bank; the charge counts as not refunded by it."""
    refund = call.get("refund", ident)
    entry = balance.post(call, "refund_failure", refund["amount"], refund["currency"], refund["id"])
    refund.update(
        status="failed", failure_balance_transaction=entry["id"],
        failure_reason="expired_or_canceled_card",
    )  # fmt: skip
    call.save(refund)
    give_up(call, refund)
    call.emit("refund.failed", refund)
    call.emit("charge.refund.updated", refund, {"status": "succeeded"})


def give_up(call: Call, refund: Json) -> None:
    charge = call.get("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    call.save(charge)


@route("GET", "/v1/refunds", "RefundListParams")
def list_refunds(call: Call) -> Json:
    return answer_list(call, "refund", "charge", "payment_intent")


@route("GET", "/v1/charges/{id}/refunds")
def list_of_charge(call: Call) -> Json:
    charge = call.named("charge", "charge")
    return answer_list(call, "refund", conditions=[("charge", "=", charge["id"])])


@route("GET", "/v1/refunds/{id}", "RefundRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.named("refund")


@route("POST", "/v1/refunds/{id}", "RefundUpdateParams")
def update(call: Call) -> Json:
    refund = call.named("refund")
    call.merge_metadata(refund)
    return call.change(refund, "refund.updated")


@route("POST", "/v1/refunds/{id}/cancel", "RefundCancelParams")
def cancel(call: Call) -> Json:
    refund = call.named("refund")
    if refund["status"] not in {"pending", "requires_action"}:
        raise Conflict(
            f"You cannot cancel this refund because it has a status of {refund['status']}."
        )
    refund["status"] = "canceled"
    call.save(refund)
    give_up(call, refund)
    call.emit("refund.updated", refund, {"status": "pending"})
    return refund
