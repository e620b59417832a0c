"""Mandates: a payer's leave to debit their bank account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.messages import Json
from local.standin.engine.routing import route

if TYPE_CHECKING:
    from local.standin.engine.call import Call


def mandate_of(call: Call, method: Json) -> str:
    """Find the leave that a bank account's owner has given, or take the first use as one."""
    known = call.hidden(method["id"]).get("mandate")
    return str(known) if known else new_mandate(call, method)


def new_mandate(call: Call, method: Json) -> str:
    ident = call.new_id("mandate")
    kind = method["type"]
    details: Json = {}
    if kind == "sepa_debit":
        details = {"reference": ident[-16:].upper(), "url": f"{call.world.base_url}/c/mandate"}
    call.insert({
        "id": ident, "object": "mandate",
        "customer_acceptance": {"accepted_at": call.now, "offline": {}, "type": "offline"},
        "livemode": call.livemode, "multi_use": {}, "payment_method": method["id"],
        "payment_method_details": {kind: details, "type": kind}, "status": "active",
        "type": "multi_use",
    })  # fmt: skip
    call.hide(method["id"], mandate=ident)
    return ident


@route("GET", "/v1/mandates/{id}", "MandateRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.named("mandate", "mandate")
