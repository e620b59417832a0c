"""Balance transactions, and the balance as nothing but their sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.lists import answer_list, created_conditions
from local.standin.engine.messages import Json
from local.standin.engine.routing import job, route
from local.standin.funds.conversion import settled, settled_lines
from local.standin.funds.currencies import decimals

if TYPE_CHECKING:
    from local.standin.engine.call import Call

FEE_PER_MILLE = 29
FEE_FIXED_CENTS = 30
CATEGORIES = {
    "adjustment": "dispute", "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund", "payment": "charge",
    "payment_refund": "refund",
}  # fmt: skip


def processing_fee(amount: int, currency: str) -> int:
    """2.9 % and 30 cents, rounded half up."""
    fixed = FEE_FIXED_CENTS * (10 if decimals(currency) > 2 else 1)
    return min((amount * FEE_PER_MILLE + 500) // 1000 + fixed, amount)


def fee_line(amount: int, currency: str, kind: str = "stripe_fee") -> Json:
    spoken = {"stripe_fee": "Stripe processing fees", "application_fee": "Application fee"}
    return {
        "amount": amount, "application": None, "currency": currency,
        "description": spoken.get(kind), "type": kind,
    }  # fmt: skip


def post(
    call: Call,
    kind: str,
    amount: int,
    currency: str,
    source: str,
    *,
    fees: list[Json] | None = None,
    at_once: bool = False,
    description: str | None = None,
    category: str | None = None,
) -> Json:
    """One line in the account's books; every movement of money goes through here."""
    amount, currency, rate = settled(call, amount, currency)
    fees = settled_lines(call, fees or [])
    fee = sum(line["amount"] for line in fees)
    wait_s = 0 if at_once or amount < 0 else call.world.settlement_s
    entry = {
        "id": call.new_id("txn"), "object": "balance_transaction", "amount": amount,
        "available_on": call.now + wait_s, "balance_type": "payments", "created": call.now,
        "currency": currency, "description": description, "exchange_rate": rate, "fee": fee,
        "fee_details": fees, "net": amount - fee,
        "reporting_category": category or CATEGORIES.get(kind, kind), "source": source,
        "status": "pending" if wait_s else "available", "type": kind,
    }  # fmt: skip
    if wait_s:
        call.later(wait_s, "settle", entry["id"])
    return call.insert(entry)


@job("settle")
def settle(call: Call, ident: str) -> None:
    entry = call.get("balance_transaction", ident)
    entry["status"] = "available"
    call.save(entry)
    call.emit("balance.available", current(call))


def sums(call: Call, status: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for entry in call.store.select(call.scope, "balance_transaction", [("status", "=", status)]):
        totals[entry["currency"]] = totals.get(entry["currency"], 0) + entry["net"]
    return totals


def available(call: Call, currency: str) -> int:
    return sums(call, "available").get(currency, 0)


def lines(totals: dict[str, int], currencies: list[str]) -> list[Json]:
    return [
        {"amount": totals.get(c, 0), "currency": c, "source_types": {"card": totals.get(c, 0)}}
        for c in currencies
    ]


def current(call: Call) -> Json:
    free, waiting = sums(call, "available"), sums(call, "pending")
    currencies = sorted(free.keys() | waiting.keys()) or ["usd"]
    return {
        "object": "balance", "available": lines(free, currencies),
        "connect_reserved": [{"amount": 0, "currency": c} for c in currencies],
        "instant_available": lines(free, currencies), "livemode": call.livemode,
        "pending": lines(waiting, currencies),
        "refund_and_dispute_prefunding": {
            "available": lines({}, currencies), "pending": lines({}, currencies),
        },
    }  # fmt: skip


@route("GET", "/v1/balance", "BalanceRetrieveParams")
def retrieve(call: Call) -> Json:
    return current(call)


@route("GET", "/v1/balance_transactions", "BalanceTransactionListParams")
def list_transactions(call: Call) -> Json:
    conditions = created_conditions(call.params, "available_on")
    if "payout" in call.params:
        payout = call.get("payout", call.params["payout"], param="payout")
        paid = call.hidden(payout["id"]).get("transactions", [])
        conditions.append(("id", "IN", paid))
    return answer_list(
        call, "balance_transaction", "currency", "source", "type", conditions=conditions
    )


@route("GET", "/v1/balance_transactions/{id}", "BalanceTransactionRetrieveParams")
@route("GET", "/v1/balance/history/{id}")
def retrieve_transaction(call: Call) -> Json:
    return call.named("balance_transaction")
