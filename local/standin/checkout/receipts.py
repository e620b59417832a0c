"""The receipt of a charge, as its `receipt_url` shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.standin.connect.accounts import display_name
from local.standin.engine.markup import filled, html, joined, whole
from local.standin.engine.messages import Answer, Json, html_answer
from local.standin.engine.pages import missing
from local.standin.engine.routing import page
from local.standin.funds.currencies import shown

if TYPE_CHECKING:
    from local.standin.engine.call import Call


@page("GET", "/c/receipt/{id}")
def receipt(call: Call) -> Answer:
    scope = call.store.scope_of("charge", call.path["id"])
    if scope is None:
        return missing()
    call.scope = scope
    charge = call.get("charge", call.path["id"])
    merchant, rows = display_name(call), receipt_rows(charge)
    content = filled(
        __package__, "receipt.html",
        merchant=merchant, amount=shown(charge["amount"], charge["currency"]),
        rows=joined(
            html("<div><dt>$name</dt><dd>$value</dd></div>", name=name, value=value)
            for name, value in rows.items()
        ),
    )  # fmt: skip
    return html_answer(200, whole(f"Receipt from {merchant}", content))


def receipt_rows(charge: Json) -> dict[str, str]:
    details = charge["payment_method_details"]
    paid_with = details[details["type"]]
    name = str(paid_with.get("brand") or details["type"]).replace("_", " ")
    rows = {
        "Date": f"{datetime.fromtimestamp(charge['created'], UTC):%-d %B %Y}",
        "Paid with": f"{name[:1].upper()}{name[1:]} …{paid_with.get('last4', '')}",
        "For": charge["description"] or "A payment",
        "Status": charge["status"].capitalize(),
    }
    if charge["amount_refunded"]:
        rows["Refunded"] = shown(charge["amount_refunded"], charge["currency"])
    return {**rows, "Number": charge["id"]}
