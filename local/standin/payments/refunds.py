"""Refunds: never more than the charge, sometimes failing days later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import job, route
from local.standin.funds import balance, shares_back
from local.standin.funds.currencies import require_step, shown
from local.standin.payments import charging, radar, takings
from local.standin.payments.cards import BY_NAME
from local.standin.payments.states import CHARGE, DISPUTE, NOTHING_TO_REFUND, REFUND

if TYPE_CHECKING:
    from local.standin.engine.call import Call

CHANGES_AFTER_S = 60
# By what the card does with a refund: as what it begins, and the job that changes it.
STATUSES = {
    "succeeds": "succeeded", "fails_later": "succeeded", "pending": "pending",
    "requires_action": "requires_action",
}  # fmt: skip
CHANGES = {"fails_later": "refund_fails_later", "pending": "refund_pending"}


@route("POST", "/v1/refunds", "RefundCreateParams")
@route("POST", "/v1/charges/{id}/refunds")
def create(call: Call) -> Json:
    charge = charge_to_refund(call)
    require_refundable(call, charge)
    left = left_on(call, charge)
    amount = int(call.params.get("amount", left))
    require_within(charge, amount, left)
    require_step(amount, charge["currency"])
    refund = call.insert(new_refund(call, charge, amount))
    if refund["status"] != "succeeded":
        refund["pending_reason"] = "processing"
    if charge["status"] == "pending":
        refund["pending_reason"] = "charge_pending"
        CHARGE.move(charge, "refund", "pending", status="pending")
        call.hide(refund["id"], wishes=call.params)
        call.save(refund)
        call.emit("refund.created", refund)
        return refund
    takings.ensure_booked(call, charge)
    before = take_back(call, refund, charge, call.params)
    call.emit("refund.created", refund)
    call.emit("charge.refunded", charge, before)
    if charge["refunded"]:
        fraud = call.params.get("reason") == "fraudulent"
        radar.end_doubts(call, charge, "refunded_as_fraud" if fraud else "refunded")
    return refund


def left_on(call: Call, charge: Json) -> int:
    """Give what can still be refunded; of a debit that has not cleared, what is not yet asked."""
    if charge["status"] != "pending":
        return int(charge["amount_captured"] - charge["amount_refunded"])
    return int(charge["amount"] - sum(refund["amount"] for refund in waiting(call, charge)))


def waiting(call: Call, charge: Json) -> list[Json]:
    """Find the refunds that wait for their charge to clear, oldest first."""
    return [
        refund
        for refund in call.store.select(
            call.scope, "refund", [("charge", "=", charge["id"])], ascending=True
        )
        if refund.get("pending_reason") == "charge_pending" and refund["status"] == "pending"
    ]


def charge_to_refund(call: Call) -> Json:
    ident = call.path.get("id") or call.params.get("charge")
    if ident:
        return call.get("charge", ident)
    if "payment_intent" not in call.params:
        raise InvalidRequest(
            "One of the following params should be provided for this request: payment_intent or "
            "charge."
        )
    intent = call.get("payment_intent", call.params["payment_intent"], param="payment_intent")
    charge = call.find("charge", intent["latest_charge"] or "")
    if charge is None:
        raise InvalidRequest(NOTHING_TO_REFUND.sentence.format(payment_intent=intent["id"]))
    return charge


def require_refundable(call: Call, charge: Json) -> None:
    for dispute in call.store.select(call.scope, "dispute", [("charge", "=", charge["id"])]):
        DISPUTE.require(dispute, "refund")
    CHARGE.require(charge, "refund")


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
    if not charge["amount_refunded"]:
        bound, spoken = left, "charge amount"
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
    is_card = charge["payment_method_details"]["type"] == "card"
    ident = call.new_id("re" if is_card else "pyr")
    if behaviour in CHANGES:
        call.later(CHANGES_AFTER_S, CHANGES[behaviour], ident)
    refund = {
        "id": ident, "object": "refund", "amount": amount, "balance_transaction": None,
        "charge": charge["id"], "created": call.now, "currency": charge["currency"],
        "metadata": call.params.get("metadata") or {}, "payment_intent": charge["payment_intent"],
        "reason": call.params.get("reason"), "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if charge["status"] == "pending" else STATUSES[behaviour],
        "transfer_reversal": None,
    }  # fmt: skip
    if is_card:
        refund["destination_details"] = {
            "card": {
                "reference_status": "pending", "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        }  # fmt: skip
    return refund


def take_back(call: Call, refund: Json, charge: Json, wishes: Json) -> Json:
    """Take the money from the balance; give what that changes of the charge, as it was before."""
    kind = "refund" if refund["id"].startswith("re_") else "payment_refund"
    entry = balance.post(
        call, kind, -refund["amount"], refund["currency"], refund["id"],
        description=f"REFUND FOR CHARGE ({charge['description'] or charge['id']})",
    )  # fmt: skip
    refund["balance_transaction"] = entry["id"]
    before = {"amount_refunded": charge["amount_refunded"]}
    charge["amount_refunded"] += refund["amount"]
    whole = charge["amount_refunded"] == charge["amount_captured"]
    CHARGE.move(charge, "refund", "refunded" if whole else "captured", refunded=whole)
    call.save(charge)
    shares_back.give_back(call, charge, refund, wishes)
    call.save(refund)
    return {**before, "refunded": False} if whole else before


def finish(call: Call, refund: Json) -> None:
    REFUND.move(refund, "finish", "succeeded")
    tell_of_change(call, refund, call.replace(refund))


def tell_of_change(call: Call, refund: Json, previous: Json) -> None:
    call.emit("refund.updated", refund, previous)
    call.emit("charge.refund.updated", refund, previous)


@job("refund_pending")
def finish_pending(call: Call, ident: str) -> None:
    refund = call.get("refund", ident)
    if refund.pop("pending_reason", None) == "processing":
        finish(call, refund)


@job("refund_fails_later")
def fail_later(call: Call, ident: str) -> None:
    refund = call.get("refund", ident)
    REFUND.move(refund, "fail", "failed", failure_reason="expired_or_canceled_card")
    put_back(call, refund)


def put_back(call: Call, refund: Json) -> None:
    """Return to the balance what a refund did not bring to the payer."""
    entry = balance.post(call, "refund_failure", refund["amount"], refund["currency"], refund["id"])
    refund["failure_balance_transaction"] = entry["id"]
    refund.pop("pending_reason", None)
    previous = call.replace(refund)
    charge = call.get("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    CHARGE.move(charge, "refund_undone", "captured", refunded=False)
    call.save(charge)
    if refund["status"] == "failed":
        call.emit("refund.failed", refund)
    tell_of_change(call, refund, previous)


def after_clearing(call: Call, intent: Json) -> None:
    """Refund a debit that has cleared; one that has not never took anything to give back."""
    charge = call.get("charge", intent["latest_charge"])
    for refund in waiting(call, charge):
        del refund["pending_reason"]
        if charge["status"] == "succeeded":
            before = take_back(call, refund, charge, call.hidden(refund["id"])["wishes"])
            finish(call, refund)
            call.emit("charge.refunded", charge, before)
        else:
            REFUND.move(refund, "void", "canceled")
            tell_of_change(call, refund, call.replace(refund))


charging.AFTER_CLEARING.append(after_clearing)


@route("GET", "/v1/refunds", "RefundListParams")
def list_refunds(call: Call) -> Json:
    return answer_list(call, "refund", "charge", "payment_intent")


@route("GET", "/v1/charges/{id}/refunds", "RefundListParams")
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
    REFUND.require(refund, "cancel")
    REFUND.move(refund, "cancel", "canceled", failure_reason="merchant_request")
    put_back(call, refund)
    return refund


@route("POST", "/v1/test_helpers/refunds/{id}/expire", "test_helpers.RefundExpireParams")
def expire(call: Call) -> Json:
    refund = call.named("refund")
    REFUND.require(refund, "expire")
    REFUND.move(refund, "expire", "failed", failure_reason="unknown")
    put_back(call, refund)
    return refund
