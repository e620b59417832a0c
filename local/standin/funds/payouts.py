"""Payouts: money on its way to the bank, by hand or by schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.standin.engine.errors import Conflict, InvalidRequest
from local.standin.engine.lists import answer_list, created_conditions
from local.standin.engine.messages import Json
from local.standin.engine.routing import job, route
from local.standin.engine.states import Machine, Refusal, declared
from local.standin.funds import balance
from local.standin.funds.currencies import PAID_OUT_WHOLE, require_currency, require_step

if TYPE_CHECKING:
    from local.standin.engine.call import Call

SENT_AFTER_S = 24 * 3600
ARRIVES_AFTER_S = 2 * 24 * 3600
PAYOUT = declared(Machine(
    "payout",
    initial=("pending",),
    table={
        "pending": {"cancel": ("canceled",), "send": ("in_transit",)},
        "in_transit": {"pay": ("paid",), "fail": ("failed",)},
        # A bank may return what it has already confirmed.
        "paid": {"reverse": ("paid",), "fail": ("failed",)},
        "failed": {},
        "canceled": {},
    },
    refusals={
        "cancel": Refusal(
            "You cannot cancel this payout because it has a status of {status}. Only a payout with "
            "one of the following statuses may be canceled: {allowed}."
        ),
        "reverse": Refusal(
            "You cannot reverse this payout because it has a status of {status}. Only a payout "
            "with one of the following statuses may be reversed: {allowed}."
        ),
    },
))  # fmt: skip
FAILURES = {
    "account_closed": "The bank account has been closed.",
    "could_not_process": "The bank could not process this payout.",
    "no_account": "The bank account details on file are probably incorrect. No bank account could "
    "be located with those details.",
}


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
    call.later(SENT_AFTER_S, "send_payout", ident)
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
    require_step(params["amount"], currency)
    if currency in PAID_OUT_WHOLE and params["amount"] % 100:
        raise InvalidRequest(
            f"Invalid amount: payouts in {currency.upper()} must be divisible by 100.",
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
    """Pay out all that is available, itemised, as Stripe's schedule does.

    What left or came back otherwise, by hand or after a failure, is an item as well: so the items
    are the available balance, and the payout their sum.
    """
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
        if entry["id"] not in paid
    ]  # fmt: skip
    amount = sum(entry["net"] for entry in entries)
    if amount <= 0:
        return None
    payout = new_payout(call, amount, currency, automatic=True, reconciliation_status="in_progress")
    included = [payout["balance_transaction"], *(entry["id"] for entry in entries)]
    call.hide(payout["id"], transactions=included)
    return payout


@job("send_payout")
def send(call: Call, ident: str) -> None:
    payout = call.get("payout", ident)
    if PAYOUT.allows(payout, "send"):
        PAYOUT.move(payout, "send", "in_transit")
        call.change(payout, "payout.updated")


@job("arrive")
def arrive(call: Call, ident: str) -> None:
    payout = call.get("payout", ident)
    if not PAYOUT.allows(payout, "pay"):
        return
    if code := call.hidden(ident).get("failure_code"):
        fail(call, payout, code)
    else:
        pay(call, payout)


def expect(call: Call, payout: Json, code: str) -> None:
    """Let the bank refuse the payout when it arrives, or return one that has arrived."""
    if payout["status"] == "paid":
        fail(call, payout, code)
    else:
        call.hide(payout["id"], failure_code=code)


def pay(call: Call, payout: Json) -> None:
    trace = {"status": "supported", "value": f"TRACE{payout['id'][-8:].upper()}"}
    PAYOUT.move(payout, "pay", "paid", trace_id=trace)
    if payout["automatic"]:
        payout["reconciliation_status"] = "completed"
    call.change(payout, "payout.paid")
    if payout["automatic"]:
        call.emit("payout.reconciliation_completed", payout)


def fail(call: Call, payout: Json, code: str) -> None:
    """Put the money back: the bank did not take it, or has returned it."""
    entry = balance.post(call, "payout_failure", payout["amount"], payout["currency"], payout["id"])
    PAYOUT.move(
        payout, "fail", "failed",
        failure_code=code, failure_message=FAILURES[code],
        failure_balance_transaction=entry["id"],
    )  # fmt: skip
    call.change(payout, "payout.failed")


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
    if payout["automatic"]:
        raise Conflict("You cannot cancel an automatic payout.")
    PAYOUT.require(payout, "cancel")
    entry = balance.post(call, "payout_cancel", payout["amount"], payout["currency"], payout["id"])
    PAYOUT.move(payout, "cancel", "canceled", failure_balance_transaction=entry["id"])
    return call.change(payout, "payout.canceled")


@route("POST", "/v1/payouts/{id}/reverse", "PayoutReverseParams")
def reverse(call: Call) -> Json:
    payout = call.named("payout", "payout")
    PAYOUT.require(payout, "reverse")
    if payout["reversed_by"] or payout["original_payout"]:
        raise Conflict(f"Payout {payout['id']} has already been reversed, or is itself a reversal.")
    back = new_payout(
        call, -payout["amount"], payout["currency"],
        original_payout=payout["id"], metadata=call.params.get("metadata") or {},
    )  # fmt: skip
    PAYOUT.move(payout, "reverse", "paid", reversed_by=back["id"])
    call.change(payout, "payout.updated")
    return back
