"""Connect's money: application fees of direct charges, transfers of destination charges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json
from local.standin.funds import balance

if TYPE_CHECKING:
    from local.standin.engine.call import Call


def require_destination(call: Call, destination: str) -> None:
    if not call.world.is_connected(call.account, destination):
        raise InvalidRequest(
            f"No such destination: '{destination}'",
            code="resource_missing",
            param="transfer_data[destination]",
        )


def fee_of(intent: Json, captured: int) -> int:
    """Cap the platform's fee at what is captured."""
    return min(intent["application_fee_amount"] or 0, captured)


def share(call: Call, intent: Json, charge: Json) -> None:
    """Pay the platform of a direct charge its fee, and the destination of another the rest."""
    platform, destination = call.platform, intent["transfer_data"]
    fee = fee_of(intent, charge["amount_captured"])
    if platform and fee:
        take_fee(call.on(platform), charge, call.account, fee)
    elif destination:
        send_on(call, intent, charge, destination)


def take_fee(platform: Call, charge: Json, account: str, amount: int, source: str = "") -> Json:
    ident = platform.new_id("fee")
    entry = balance.post(platform, "application_fee", amount, charge["currency"], ident)
    fee = {
        "id": ident, "object": "application_fee", "account": account, "amount": amount,
        "amount_refunded": 0, "application": f"ca_{platform.account[5:]}",
        "balance_transaction": entry["id"], "charge": source or charge["id"],
        "created": platform.now, "currency": charge["currency"],
        "fee_source": {"charge": charge["id"], "type": "charge"},
        "livemode": platform.livemode, "originating_transaction": charge["id"] if source else None,
        "refunded": False,
        "refunds": {
            "object": "list", "data": [], "has_more": False,
            "url": f"/v1/application_fees/{ident}/refunds",
        },
    }  # fmt: skip
    platform.insert(fee)
    charge["application_fee"] = ident
    platform.emit("application_fee.created", fee)
    return fee


def send_on(call: Call, intent: Json, charge: Json, destination: Json) -> None:
    fee = fee_of(intent, charge["amount_captured"])
    amount = destination.get("amount") or charge["amount_captured"]
    receiver = call.on(call.scope_for(destination["destination"]))
    payment = receive(receiver, charge, amount, fee)
    transfer = new_transfer(
        call, amount, charge["currency"], destination["destination"], payment["id"],
        source=charge["id"], group=charge["transfer_group"] or f"group_{intent['id']}",
    )  # fmt: skip
    payment["source_transfer"] = transfer["id"]
    receiver.save(payment)
    charge.update(transfer=transfer["id"], transfer_group=transfer["transfer_group"])
    if fee:
        take_fee(call, charge, destination["destination"], fee, source=payment["id"])


def receive(receiver: Call, charge: Json, amount: int, fee: int) -> Json:
    """Show the destination a payment of its own, less the platform's fee."""
    fees = [balance.fee_line(fee, charge["currency"], "application_fee")] if fee else []
    ident = receiver.new_id("py")
    entry = balance.post(receiver, "payment", amount, charge["currency"], ident, fees=fees)
    payment = {
        **charge, "id": ident, "amount": amount, "amount_captured": amount,
        "balance_transaction": entry["id"], "customer": None, "payment_intent": None,
        "payment_method": None, "transfer_data": None, "application_fee": None,
        "application_fee_amount": fee or None, "metadata": {}, "description": None,
    }  # fmt: skip
    return receiver.insert(payment)


def new_transfer(
    call: Call, amount: int, currency: str, destination: str, payment: str, *,
    source: str | None = None, group: str | None = None,
) -> Json:  # fmt: skip
    ident = call.new_id("tr")
    entry = balance.post(call, "transfer", -amount, currency, ident)
    transfer = {
        "id": ident, "object": "transfer", "amount": amount, "amount_reversed": 0,
        "balance_transaction": entry["id"], "created": call.now, "currency": currency,
        "description": None, "destination": destination, "destination_payment": payment,
        "livemode": call.livemode, "metadata": {},
        "reversals": {
            "object": "list", "data": [], "has_more": False,
            "url": f"/v1/transfers/{ident}/reversals",
        },
        "reversed": False, "source_transaction": source, "source_type": "card",
        "transfer_group": group,
    }  # fmt: skip
    call.insert(transfer)
    call.emit("transfer.created", transfer)
    return transfer
