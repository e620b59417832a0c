"""Which platform may act for which account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.messages import Json

if TYPE_CHECKING:
    from local.standin.engine.call import Call


def connect(call: Call, account: str, *, made_here: bool) -> None:
    """From now on the platform may act for the account with `Stripe-Account`."""
    link: Json = {
        "id": f"{call.account}/{account}", "object": "connection", "platform": call.account,
        "account": account, "made_here": made_here,
    }  # fmt: skip
    if call.store.get("", "connection", link["id"]) is None:
        call.store.insert("", link)
        listed = {"id": account, "object": "account", "created": call.now}
        call.store.insert(f"{call.account}#connections", listed)


def disconnect(call: Call, account: str) -> None:
    call.store.delete("", f"{call.account}/{account}")
    call.store.delete(f"{call.account}#connections", account)
