"""Which platform may act for which account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json

MAKES = ("v2", "v1", "none")
"""With which API a platform may make accounts: the newer one includes the older."""
REFUSALS = {
    "v2": "Accounts v2 is not enabled for your platform.",
    "v1": "You can only create new accounts if you've signed up for Connect, which you can do at "
    "https://dashboard.stripe.com/connect.",
}

if TYPE_CHECKING:
    from local.standin.engine.call import Call


def require_may_make(call: Call, api: str) -> None:
    makes = call.store.hidden("", call.account).get("makes", MAKES[0])
    if MAKES.index(makes) > MAKES.index(api):
        raise InvalidRequest(REFUSALS[api])


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
