"""Application fees and transfers, as their platform sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.lists import answer_list, as_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import route
from local.standin.funds import balance, shares, shares_back
from local.standin.funds.currencies import require_currency

if TYPE_CHECKING:
    from local.standin.engine.call import Call


@route("GET", "/v1/application_fees", "ApplicationFeeListParams")
def list_fees(call: Call) -> Json:
    return answer_list(call, "application_fee", "charge")


@route("GET", "/v1/application_fees/{id}", "ApplicationFeeRetrieveParams")
def retrieve_fee(call: Call) -> Json:
    return call.named("application_fee")


@route("POST", "/v1/application_fees/{id}/refunds", "ApplicationFeeRefundCreateParams")
def refund_fee(call: Call) -> Json:
    fee = call.named("application_fee")
    left = fee["amount"] - fee["amount_refunded"]
    amount = int(call.params.get("amount", left))
    if not 1 <= amount <= left:
        raise InvalidRequest(
            f"Refund amount ({amount}) is greater than the unrefunded amount on the fee ({left})",
            param="amount",
        )
    return shares_back.refund_fee(call, fee, amount)


@route("GET", "/v1/application_fees/{id}/refunds", "ApplicationFeeRefundListParams")
def list_fee_refunds(call: Call) -> Json:
    return as_list(call.url, call.named("application_fee")["refunds"]["data"])


@route("POST", "/v1/transfers", "TransferCreateParams")
def create_transfer(call: Call) -> Json:
    params = call.params
    currency = require_currency(params["currency"])
    amount = int(params.get("amount") or 0)
    if amount < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer", param="amount",
        )  # fmt: skip
    shares.require_destination(call, params["destination"])
    if amount > balance.available(call, currency) and not params.get("source_transaction"):
        raise InvalidRequest(
            "You have insufficient available funds in your Stripe account.",
            code="balance_insufficient",
        )
    receiver = call.on(call.scope_for(params["destination"]))
    payment = receiver.new_id("py")
    balance.post(receiver, "payment", amount, currency, payment)
    transfer = shares.new_transfer(
        call, amount, currency, params["destination"], payment,
        source=params.get("source_transaction"), group=params.get("transfer_group"),
    )  # fmt: skip
    call.merge_metadata(transfer)
    transfer["description"] = params.get("description")
    call.save(transfer)
    return transfer


@route("GET", "/v1/transfers", "TransferListParams")
def list_transfers(call: Call) -> Json:
    return answer_list(call, "transfer", "destination", "transfer_group")


@route("GET", "/v1/transfers/{id}", "TransferRetrieveParams")
def retrieve_transfer(call: Call) -> Json:
    return call.named("transfer", "transfer")
