"""Connect's money on its way back: application fee refunds and transfer reversals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.messages import Json
from local.standin.funds import balance

if TYPE_CHECKING:
    from local.standin.engine.call import Call


def give_back(call: Call, charge: Json, refund: Json, wishes: Json) -> None:
    """Only on the caller's wish, in proportion to what is refunded, and never more than is left."""
    if wishes.get("reverse_transfer") and charge.get("transfer"):
        transfer = call.get("transfer", charge["transfer"])
        amount = part_of(transfer["amount"], refund, charge)
        if amount := min(amount, transfer["amount"] - transfer["amount_reversed"]):
            refund["transfer_reversal"] = reverse_transfer(call, transfer, amount, refund["id"])[
                "id"
            ]
    if wishes.get("refund_application_fee") and charge.get("application_fee"):
        home = call.on(call.platform) if call.platform else call
        fee = home.get("application_fee", charge["application_fee"])
        amount = part_of(fee["amount"], refund, charge)
        if amount := min(amount, fee["amount"] - fee["amount_refunded"]):
            refund_fee(home, fee, amount)


def part_of(whole: int, refund: Json, charge: Json) -> int:
    """Give the refund's part of a whole, rounded half up."""
    captured = int(charge["amount_captured"])
    return int(2 * whole * refund["amount"] + captured) // (2 * captured)


def refund_fee(call: Call, fee: Json, amount: int) -> Json:
    """Give the connected account what the platform gives back."""
    ident = call.new_id("fr")
    entry = balance.post(call, "application_fee_refund", -amount, fee["currency"], ident)
    fee_refund = {
        "id": ident, "object": "fee_refund", "amount": amount, "balance_transaction": entry["id"],
        "created": call.now, "currency": fee["currency"], "fee": fee["id"],
        "metadata": call.params.get("metadata") or {},
    }  # fmt: skip
    call.insert(fee_refund)
    fee["amount_refunded"] += amount
    fee["refunded"] = fee["amount_refunded"] == fee["amount"]
    fee["refunds"]["data"].insert(0, fee_refund)
    call.save(fee)
    receiver = call.on(call.scope_for(fee["account"]))
    balance.post(receiver, "adjustment", amount, fee["currency"], ident)
    call.emit("application_fee.refunded", fee)
    return fee_refund


def reverse_transfer(call: Call, transfer: Json, amount: int, refund: str | None = None) -> Json:
    ident = call.new_id("trr")
    entry = balance.post(call, "transfer_refund", amount, transfer["currency"], ident)
    receiver = call.on(call.scope_for(transfer["destination"]))
    back = receiver.new_id("pyr")
    balance.post(receiver, "payment_refund", -amount, transfer["currency"], back)
    reversal = {
        "id": ident, "object": "transfer_reversal", "amount": amount,
        "balance_transaction": entry["id"], "created": call.now, "currency": transfer["currency"],
        "destination_payment_refund": back, "metadata": {}, "source_refund": refund,
        "transfer": transfer["id"],
    }  # fmt: skip
    call.insert(reversal)
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"].insert(0, reversal)
    call.save(transfer)
    call.emit("transfer.reversed", transfer)
    return reversal
