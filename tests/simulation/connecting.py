"""A merchant whom the platform has connected: direct charges, of which it takes its fee."""

import json
from typing import Any
from urllib.parse import urlsplit

from tests.doubles.invocations import Json
from tests.doubles.tenants import publishable_key, secret_key
from tests.functions.platform import PLATFORM, fill_in, follow, onboard, read
from tests.functions.shop import FEATURES, Shop, expect
from tests.simulation.bounces import LIMIT

#: Of 40.00 it is 80 cents.
FEE_POLICY: Json = {"percent": "1.5", "amounts": [{"currency": "eur", "fixed": 20}]}
KEYS = {"secret_key": secret_key(PLATFORM), "publishable_key": publishable_key(PLATFORM)}
#: Where the platform's keys are, as its owner stores them once.
SECRET, KEPT = "receivable/sim/platform/test", json.dumps(KEYS)
SHOP = "https://shop.example"


def connected_shop(opening: Any, tenant: str) -> Shop:
    """Let a tenant's second account be made in Stripe's own pages, and sell through it."""
    begun = onboard(opening, tenant, name="Branch")
    # Not within an assert: `python -O` would leave the merchant half made.
    back = follow(opening, fill_in(opening, begun["url"]))
    assert back.status == 303, back.text
    admin, account = opening.client(tenant), read(opening, begun["id"], tenant)
    terms = {"features": FEATURES, "fee_policy": FEE_POLICY}
    body = {"name": "Branch cards", "account": account["id"], **terms}
    module = expect(201, admin.post("/v1/payment-modules", body))
    state = f"/v1/payment-modules/{module['id']}/state"
    expect(200, admin.post(state, {"state": "sandbox"}))
    for profile in ("operator", "storefront"):
        expect(200, admin.put(f"/v1/profiles/{profile}/modules/{module['id']}"))
    return Shop(opening, tenant, account, module)


def decide(opening: Any, tenant: str, **more: Json) -> None:
    """Name the origin to which a storefront's payers are led back, and how many mails they get."""
    admin = opening.client(tenant)
    headers = {"if-match": admin.get("/v1/settings").headers["etag"]}
    asked = {"return_origins": [SHOP], "mail_limits": {"address": LIMIT}, **more}
    expect(200, admin.send("PATCH", "/v1/settings", asked, headers=headers))


def publishable(merchant: Any) -> str:
    """Return with which key a payer's browser speaks to Stripe."""
    return publishable_key(PLATFORM if merchant.connected else merchant.tenant)


def dashboard(merchant: Any) -> dict[str, str]:
    """Return the headers of a request in the merchant's own Dashboard."""
    if not merchant.connected:
        return {"authorization": f"Bearer {secret_key(merchant.tenant)}"}
    mine = {"stripe-account": merchant.account["stripe_account"]}
    return {"authorization": f"Bearer {secret_key(PLATFORM)}", **mine}


def path_of(url: str) -> str:
    return urlsplit(url).path
