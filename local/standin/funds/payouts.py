"""Payouts: money on its way to the bank, by hand or by schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.standin.engine.errors import Conflict, InvalidRequest
from local.standin.engine.lists import answer_list, created_conditions
from local.standin.engine.messages import Json
from local.standin.engine.routing import job, route
from local.standin.funds import balance
from local.standin.funds.currencies import require_currency

if TYPE_CHECKING:
    from local.standin.engine.call import Call

ARRIVES_AFTER_S = 2 * 24 * 3600
STATES: dict[str, frozenset[str]] = {
    "pending": frozenset({"cancel", "pay"}),
    "in_transit": frozenset({"pay"}),
    "paid": frozenset({"reverse"}),
    "failed": frozenset(),
    "canceled": frozenset(),
}


def require_state(payout: Json, operation: str) -> None:
    if operation not in STATES[payout["status"]]:
        raise Conflict(
            f"Payout {payout['id']} has a status of {payout['status']}, so you cannot {operation} "
            "it.",
            code="payouts_not_allowed",
        )


def new_payout(call: Call, amount: int, currency: str, **state: Any) -> Json:
    ident = call.new_id("po")
    entry = balance.post(call, "payout", -amount, currency, ident, description="STRIPE PAYOUT")
    payout = {
        "id": ident, "object": "payout", "amount": amount, "application_fee": None,
        "application_fee_amount": None, "arrival_date": call.now + ARRIVES_AFTER_S,
        "automatic": False, "balance_transaction": entry["id"], "created": call.now,
        "currency": currency, "description": None, "destination": f"ba_{call.account[5:]}",
        "failure_balance_transaction": None, "failure_code": None, "failure_message": None,
        "livemode": call.livemode, "metadata": {}, "method": "standard", "original_payout": None,
        "payout_method": None, "reconciliation_status": "not_applicable", "reversed_by": None,
        "source_type": "card", "statement_descriptor": None, "status": "pending",
        "trace_id": {"status": "pending", "value": None}, "type": "bank_account",
    }  # fmt: skip
    payout.update(state)
    call.insert(payout)
    call.emit("payout.created", payout)
    call.later(ARRIVES_AFTER_S, "arrive", ident)
    return payout


@route("POST", "/v1/payouts", "PayoutCreateParams")
def create(call: Call) -> Json:
    params = call.params
    currency = require_currency(params["currency"])
    if params["amount"] < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer", param="amount",
        )  # fmt: skip
    if params["amount"] > balance.available(call, currency):
        raise InvalidRequest(
            "You have insufficient funds in your Stripe account for this transfer. Your card "
            "balance is too low.",
            code="balance_insufficient",
        )
    return new_payout(
        call, params["amount"], currency,
        description=params.get("description"), metadata=params.get("metadata") or {},
        method=params.get("method") or "standard",
        statement_descriptor=params.get("statement_descriptor"),
    )  # fmt: skip


def pay_out_everything(call: Call, currency: str) -> Json | None:
    """Pay out all that is available, itemised, as Stripe's schedule does."""
    paid = {
        ident
        for payout in call.store.select(call.scope, "payout")
        for ident in call.hidden(payout["id"]).get("transactions", [])
    }
    entries = [
        entry
        for entry in call.store.select(
            call.scope, "balance_transaction",
            [("status", "=", "available"), ("currency", "=", currency)],
        )
        if entry["id"] not in paid and entry["type"] != "payout"
    ]  # fmt: skip
    amount = min(sum(entry["net"] for entry in entries), balance.available(call, currency))
    if amount <= 0:
        return None
    payout = new_payout(call, amount, currency, automatic=True, reconciliation_status="in_progress")
    included = [payout["balance_transaction"], *(entry["id"] for entry in entries)]
    call.hide(payout["id"], transactions=included)
    return payout


@job("arrive")
def arrive(call: Call, ident: str) -> None:
    payout = call.get("payout", ident)
    if "pay" not in STATES[payout["status"]]:
        return
    payout["status"] = "paid"
    payout["trace_id"] = {"status": "supported", "value": f"TRACE{ident[-8:].upper()}"}
    if payout["automatic"]:
        payout["reconciliation_status"] = "completed"
    previous = call.replace(payout)
    call.emit("payout.paid", payout, previous)
    if payout["automatic"]:
        call.emit("payout.reconciliation_completed", payout)


@route("GET", "/v1/payouts", "PayoutListParams")
def list_payouts(call: Call) -> Json:
    conditions = created_conditions(call.params, "arrival_date")
    return answer_list(call, "payout", "destination", "status", conditions=conditions)


@route("GET", "/v1/payouts/{id}", "PayoutRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.named("payout", "payout")


@route("POST", "/v1/payouts/{id}", "PayoutUpdateParams")
def update(call: Call) -> Json:
    payout = call.named("payout", "payout")
    call.merge_metadata(payout)
    return call.change(payout, "payout.updated")


@route("POST", "/v1/payouts/{id}/cancel", "PayoutCancelParams")
def cancel(call: Call) -> Json:
    payout = call.named("payout", "payout")
    require_state(payout, "cancel")
    entry = balance.post(call, "payout_cancel", payout["amount"], payout["currency"], payout["id"])
    payout.update(status="canceled", failure_balance_transaction=entry["id"])
    return call.change(payout, "payout.canceled")


@route("POST", "/v1/payouts/{id}/reverse", "PayoutReverseParams")
def reverse(call: Call) -> Json:
    payout = call.named("payout", "payout")
    require_state(payout, "reverse")
    back = new_payout(
        call, -payout["amount"], payout["currency"],
        original_payout=payout["id"], metadata=call.params.get("metadata") or {},
    )  # fmt: skip
    payout["reversed_by"] = back["id"]
    call.save(payout)
    return back
