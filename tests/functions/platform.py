"""The platform of the tests, and merchants in Stripe's own pages."""

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from local.standin.engine.messages import Request
from payments.edge import runtime
from tests.doubles.tenants import publishable_key, secret_key
from tests.functions.shop import FEATURES, Shop, expect
from tests.functions.world import Answer, Json, World

PLATFORM = "receivable"
OAUTH = "/v1/accounts/oauth-sessions"
SESSIONS = "/v1/accounts/onboarding-sessions"
RETURN, REFRESH = "/v1/accounts/onboarding/return", "/v1/accounts/onboarding/refresh"
CALLBACK = "/v1/accounts/oauth/callback"
CLIENT_ID = "ca_" + PLATFORM * 3


def configure(world: World, mode: str = "test", **changes: str) -> None:
    """Store the platform's keys, as the owner does once."""
    keys = {
        "secret_key": secret_key(PLATFORM),
        "publishable_key": publishable_key(PLATFORM),
        "client_id": CLIENT_ID,
    }
    text = json.dumps({name: value for name, value in (keys | changes).items() if value})
    name = f"receivable/{world.resources['stage']}/platform/{mode}"
    world.aws("secretsmanager").create_secret(Name=name, SecretString=text)


def session(**changes: Any) -> Json:
    """The body that begins an onboarding."""
    body = {
        "name": "Main",
        "mode": "test",
        "country": "DE",
        "email": "shop@example.com",
        "return_path": "/settings",
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


def onboard(world: World, tenant: str = "tulips", **changes: Any) -> Json:
    """Begin an onboarding, and return what the API showed."""
    asked = world.client(tenant).post(SESSIONS, session(**changes))
    return expect(201, asked)


def browse(world: World, url: str, method: str = "GET", **form: str) -> Any:
    """Open a page of Stripe's, or send its form."""
    parts = urlsplit(url)
    body = urlencode(form).encode() if method == "POST" else b""
    return world.standin.handle(Request(method, parts.path, parts.query, {}, body))


def fill_in(world: World, url: str, **answers: str) -> str:
    """Open Stripe's onboarding, submit it, and return where it leads."""
    assert browse(world, url).status == 200
    return str(browse(world, url, "POST", **answers).headers["Location"])


def follow(world: World, url: str, **headers: str) -> Answer:
    """Come back to us, as the browser does that Stripe sends."""
    parts = urlsplit(url)
    return world.public.send("GET", parts.path, query=dict(parse_qsl(parts.query)), headers=headers)


def read(world: World, account: str, tenant: str = "tulips") -> Json:
    return expect(200, world.client(tenant).get(f"/v1/accounts/{account}"))


def connected_shop(world: World, tenant: str = "tulips", **changes: Any) -> Shop:
    """A tenant whose merchant has gone through Stripe's onboarding, and who may sell."""
    begun = onboard(world, tenant, **changes)
    assert follow(world, fill_in(world, begun["url"])).status == 303
    admin, account = world.client(tenant), read(world, begun["id"], tenant)
    asked = {"name": "Cards", "account": account["id"], "features": FEATURES}
    module = expect(201, admin.post("/v1/payment-modules", asked))
    path = f"/v1/payment-modules/{module['id']}/state"
    module = expect(200, admin.post(path, {"state": "sandbox"}))
    for profile in ("operator", "storefront"):
        expect(200, admin.put(f"/v1/profiles/{profile}/modules/{module['id']}"))
    shop = Shop(world, tenant, account, module)
    shop.customer()
    return shop


def forget_secrets() -> None:
    """Let every secret be read anew, as after five minutes."""
    runtime.secret_store.cache_clear()
    runtime.doors.cache_clear()


def made_at_stripe(world: World) -> list[Json]:
    """Every account that the platform made or was granted."""
    listed = world.at_stripe("GET", "/v1/accounts", tenant=PLATFORM, limit="100")
    return list(listed["data"])


def told(answer: Answer) -> Json:
    """What the app is told on the way back."""
    assert answer.status == 303, answer.text
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


def authorization(**changes: str) -> Json:
    """The body that begins a consent."""
    return {"name": "Theirs", "mode": "test", "return_path": "/settings"} | changes


def state_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]


def consent(world: World, tenant: str = "tulips", **changes: str) -> str:
    """Begin, consent in Stripe's page, and return where it leads."""
    answers = {"account": changes.pop("account", "new")}
    asked = expect(201, world.client(tenant).post(OAUTH, authorization(**changes)))
    return agree(world, asked["authorize_url"], **answers)


def agree(world: World, url: str, **answers: str) -> str:
    assert browse(world, url).status == 200
    form = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    form |= {"outcome": "connect"} | answers
    return str(browse(world, url, "POST", **form).headers["Location"])


def merchant(world: World, name: str = "rosa") -> str:
    """A Stripe account that exists already."""
    return str(world.at_stripe("GET", "/v1/account", tenant=name)["id"])
