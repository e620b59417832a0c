"""From the first request to the way back: onboarding, consent, and what Stripe says afterwards."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from html import unescape
from itertools import count
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.doubles.invocations import DOMAIN
from tests.doubles.tenants import secret_key
from tests.functions import refusals
from tests.functions.platform import (
    CLIENT_ID,
    OAUTH,
    PLATFORM,
    agree,
    authorization,
    browse,
    configure,
    connected_shop,
    consent,
    fill_in,
    follow,
    forget_secrets,
    made_at_stripe,
    merchant,
    onboard,
    read,
    session,
    state_of,
    told,
)
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, connection, expect
from tests.functions.world import Answer, Died, Json, World

SESSIONS = "/v1/accounts/onboarding-sessions"
RETURN, REFRESH = "/v1/accounts/onboarding/return", "/v1/accounts/onboarding/refresh"
CALLBACK = "/v1/accounts/oauth/callback"


@pytest.fixture
def platform(world: World) -> World:
    """Give a world whose platform has keys of its own."""
    configure(world)
    return world


def dies(begin: Callable[[], object]) -> bool:
    """Say whether the invocation died; one that did not has passed its last request."""
    try:
        begin()
    except Died:
        return True
    raise StopIteration


def makes(world: World, api: str) -> None:
    """Say with which API the platform may make accounts."""
    world.control("platforms", account=merchant(world, PLATFORM), makes=api)


def test_a_merchant_is_onboarded_in_stripes_pages(platform: World) -> None:
    begun = onboard(platform)
    before = read(platform, begun["id"])
    home = follow(platform, fill_in(platform, begun["url"]))

    account = read(platform, begun["id"])
    assert (before["status"], before["method"]) == ("pending", "onboarding")
    assert home.headers["location"].startswith(f"https://{DOMAIN}/settings?")
    assert told(home) == {"account": begun["id"], "status": "active"}
    assert (account["status"], account["status_reason"]) == ("active", None)
    assert account["secret_key_last4"] is None
    assert {check["permission"] for check in account["checks"]} == {
        "charges_enabled",
        "payouts_enabled",
        "capabilities.card_payments",
    }


def test_the_account_is_the_merchants_own_and_made_with_accounts_v2(platform: World) -> None:
    begun = onboard(platform)

    (made,) = made_at_stripe(platform)
    assert made["id"] == read(platform, begun["id"])["stripe_account"]
    assert made["controller"]["fees"] == {"payer": "account"}
    assert made["controller"]["losses"] == {"payments": "stripe"}
    assert made["controller"]["stripe_dashboard"] == {"type": "full"}
    assert (made["country"], made["email"]) == ("DE", "shop@example.com")
    assert made["metadata"] == {"tenant": "tulips", "account": begun["id"]}


def test_where_accounts_v2_are_refused_an_account_v1_is_made(platform: World) -> None:
    makes(platform, "v1")

    begun = onboard(platform)

    (made,) = made_at_stripe(platform)
    assert made["metadata"] == {"tenant": "tulips", "account": begun["id"]}
    assert made["controller"]["fees"] == {"payer": "account"}
    assert told(follow(platform, fill_in(platform, begun["url"])))["status"] == "active"


def test_a_country_and_an_address_may_be_left_to_stripe(platform: World) -> None:
    begun = onboard(platform, country=None, email=None)

    assert told(follow(platform, fill_in(platform, begun["url"])))["status"] == "active"


def test_money_is_taken_on_the_merchants_account_and_booked(platform: World) -> None:
    shop = connected_shop(platform)
    invoice = shop.invoice()

    shop.pay(invoice)
    platform.deliver()

    assert shop.read(invoice)["status"] == "paid"
    assert platform.charged(shop.account) == [4000]
    assert platform.at_stripe("GET", "/v1/charges", tenant=PLATFORM)["data"] == []


def test_every_flow_works_through_the_platform(platform: World) -> None:
    shop = connected_shop(platform)
    card = shop.save_card()
    charged = expect(201, shop.charge(shop.invoice(), payment_method=card))
    path = f"/v1/payments/{charged['payment']['id']}/refunds"
    refund = expect(201, shop.operator.post(path, {"amount": 1000}))
    disputed = shop.invoice()
    shop.pay(disputed, "createDispute")
    platform.deliver()

    truth = platform.truth(shop.account)
    assert refund["status"] == "succeeded"
    assert [each["amount"] for each in truth["refunds"]] == [1000]
    assert shop.read(disputed)["disputes"][0]["status"] == "needs_response"


def test_a_payment_whose_webhook_was_lost_is_reconciled(platform: World) -> None:
    shop = connected_shop(platform)
    platform.control("webhooks", mode="drop")
    shop.pay(invoice := shop.invoice())

    asked = {"account": shop.account["id"], "mode": "heal"}
    run = expect(202, shop.operator.post("/v1/reconciliation/runs", asked))
    platform.work("reconcile_account", *platform.messages("reconciliations"))

    assert shop.operator.get(f"/v1/reconciliation/runs/{run['id']}").json["healed"] == 1
    assert shop.read(invoice)["status"] == "paid"


def test_undelivered_events_are_fetched_from_the_merchants_account(platform: World) -> None:
    shop = connected_shop(platform)
    platform.control("webhooks", mode="drop")
    shop.pay(invoice := shop.invoice())
    platform.control("accounts", account=shop.account["stripe_account"], state="restricted")

    platform.run("reconcile_accounts", {"source": "aws.scheduler", "job": "backfill"})
    platform.work("reconcile_account", *platform.messages("reconciliations"))
    platform.work("apply_event", *platform.messages("events"))

    assert shop.read(invoice)["status"] == "paid"
    assert read(platform, shop.account["id"])["status"] == "restricted"


def test_an_onboarding_that_was_left_is_resumed_with_a_fresh_link(platform: World) -> None:
    begun = onboard(platform)
    browse(platform, begun["url"])

    path = f"/v1/accounts/{begun['id']}/onboarding-link"
    one, two = (expect(200, platform.client().post(path, {})) for _ in range(2))

    assert len({begun["url"], one["url"], two["url"]}) == 3
    assert told(follow(platform, fill_in(platform, two["url"])))["status"] == "active"
    assert len(made_at_stripe(platform)) == 1


def test_whoever_comes_back_without_having_finished_is_pending(platform: World) -> None:
    begun = onboard(platform)
    page = browse(platform, begun["url"]).body.decode()

    (later,) = re.findall(r'href="([^"]+)">Later', page)
    home = follow(platform, unescape(later))

    account = read(platform, begun["id"])
    assert told(home) == {"account": begun["id"], "status": "pending"}
    assert account["status"] == "pending"
    assert "Stripe asks for business_profile.url" in account["status_reason"]
    wanted = [check for check in account["checks"] if check["permission"].startswith("requirem")]
    assert wanted
    assert all("onboarding-link" in check["fix"] for check in wanted)


def test_a_merchant_whom_stripe_cannot_verify_is_restricted(platform: World) -> None:
    begun = onboard(platform)

    home = follow(platform, fill_in(platform, begun["url"], id_number="111111111"))

    account = read(platform, begun["id"])
    assert told(home)["status"] == account["status"] == "restricted"
    assert "representative.verification.document" in account["status_reason"]


@pytest.mark.parametrize(
    ("state", "status"),
    [("restricted", "restricted"), ("paused", "restricted"), ("rejected.fraud", "restricted")],
)
def test_the_status_follows_what_stripe_says(platform: World, state: str, status: str) -> None:
    shop = connected_shop(platform)
    account = shop.account["stripe_account"]
    invoice = shop.invoice()

    platform.control("accounts", account=account, state=state)
    platform.deliver()
    halted = read(platform, shop.account["id"])
    refused = shop.operator.post(f"/v1/invoices/{invoice['id']}/pay-links", {})
    platform.control("accounts", account=account, state="active")
    platform.deliver()

    assert halted["status"] == status
    assert (refused.status, refused.code) == (409, "account_not_active")
    assert read(platform, shop.account["id"])["status"] == "active"


def test_an_older_answer_never_overwrites_a_newer_one(platform: World) -> None:
    shop = connected_shop(platform)
    account = shop.account["stripe_account"]
    platform.control("webhooks", mode="hold")
    for state in ("restricted", "active"):
        platform.control("accounts", account=account, state=state)

    platform.control("webhooks", mode="duplicate")
    platform.deliver()

    assert read(platform, shop.account["id"])["status"] == "active"


def test_a_link_that_stripe_opens_no_more_leads_to_a_fresh_one(platform: World) -> None:
    begun = onboard(platform)
    browse(platform, begun["url"])

    again = browse(platform, begun["url"]).headers["Location"]
    fresh = follow(platform, again)

    assert urlsplit(again).path == REFRESH
    assert fresh.status == 303
    assert fresh.headers["location"] != begun["url"]
    assert told(follow(platform, fill_in(platform, fresh.headers["location"]))) == {
        "account": begun["id"],
        "status": "active",
    }
    assert refuse(platform, lambda: follow(platform, again)) == (400, "invalid_state")


def test_a_way_back_leads_back_once(platform: World) -> None:
    back = fill_in(platform, onboard(platform)["url"])
    told(follow(platform, back))

    answer = follow(platform, back)

    assert refuse(platform, lambda: follow(platform, back)) == (400, "invalid_state")
    assert answer.json["reason"] == "used"
    assert "Begin again" in answer.json["detail"]


def test_a_way_back_is_open_for_ten_minutes(platform: World) -> None:
    begun = onboard(platform)
    back = fill_in(platform, begun["url"])
    platform.advance(minutes=10)

    assert refuse(platform, lambda: follow(platform, back)) == (400, "invalid_state")
    assert follow(platform, back).json["reason"] == "expired"
    platform.deliver()
    # Its event tells what the way back would have asked.
    assert read(platform, begun["id"])["status"] == "active"


@pytest.mark.parametrize("path", [RETURN, REFRESH, CALLBACK])
@pytest.mark.parametrize("state", ["", "forged", "x" * 43, "y" * 5000, "P#STATE#1", "<script>"])
def test_a_state_of_nobody_is_refused(platform: World, path: str, state: str) -> None:
    def come() -> Answer:
        return platform.public.get(path, state=state, code="ac_12345678")

    assert refuse(platform, come) == (400, "invalid_state")
    assert come().json["reason"] == "unknown"


def test_no_state_at_all_is_refused(platform: World) -> None:
    for path in (RETURN, REFRESH):
        assert refuse(platform, lambda path=path: platform.public.get(path)) == (
            400,
            "invalid_state",
        )


def test_a_digest_from_the_table_is_no_state(platform: World) -> None:
    onboard(platform)
    digests = [pk.removeprefix("P#STATE#") for pk, _ in platform.rows() if "#STATE#" in pk]

    for digest in digests:
        assert platform.public.get(RETURN, state=digest).status == 400
    assert digests


def test_a_state_of_one_flow_is_foreign_to_the_other(platform: World) -> None:
    back = fill_in(platform, onboard(platform)["url"])
    asked = expect(201, platform.client().post(OAUTH, authorization()))
    query = {"state": state_of(asked["authorize_url"]), "code": "ac_12345678"}

    assert refuse(platform, lambda: platform.public.get(RETURN, **query)) == (400, "invalid_state")
    assert refuse(
        platform, lambda: platform.public.get(CALLBACK, state=state_of(back), code="ac_12345678")
    ) == (400, "invalid_state")


def test_a_browser_is_told_in_words(platform: World) -> None:
    answer = follow(platform, f"https://{DOMAIN}{RETURN}?state=forged", accept="text/html")

    assert (answer.status, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "Begin again" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_whoever_has_no_app_gets_a_page(platform: World) -> None:
    begun = onboard(platform, return_path=None)

    answer = follow(platform, fill_in(platform, begun["url"]))

    assert answer.status == 200
    assert "You can close this page" in answer.text


def test_the_app_is_at_the_tenants_own_origin(platform: World) -> None:
    origins = {"return_origins": ["https://app.shop.example"]}
    settings = platform.client().get("/v1/settings")
    expect(
        200,
        platform.client().send(
            "PATCH", "/v1/settings", origins, headers={"if-match": settings.headers["etag"]}
        ),
    )

    home = follow(platform, fill_in(platform, onboard(platform, return_path="/a?b=c")["url"]))

    assert home.headers["location"].startswith("https://app.shop.example/a?b=c&account=acc_")


# What cannot be asked for.

BAD = (
    *refusals.ALWAYS,
    refusals.without("name"),
    refusals.without("mode"),
    refusals.invalid("mode that is none", {"mode": "sandbox"}),
    refusals.invalid("country in small letters", {"country": "de"}),
    refusals.invalid("country that is a name", {"country": "Germany"}),
    refusals.invalid("address that is none", {"email": "nobody"}),
    *(
        refusals.invalid(f"a way home to {path!r}", {"return_path": path})
        for path in ("//evil.example", "/\\evil.example", "https://evil.example", "x", "/a\n", "/ ")
    ),
)


@pytest.fixture(scope="module")
def lobby(showroom: Shop) -> World:
    """Give a world with a platform, to be refused in."""
    configure(showroom.world)
    return showroom.world


#: OAuth asks for neither country nor address.
BEGINNINGS = [
    pytest.param(path, bad, id=f"{bad}-{path}")
    for bad in BAD
    for path in (SESSIONS, OAUTH)
    if path == SESSIONS or not {"country", "email"} & bad.change.keys()
]


@pytest.mark.parametrize(("path", "bad"), BEGINNINGS)
def test_what_cannot_be_begun_is_refused_and_stores_nothing(
    lobby: World, path: str, bad: refusals.Bad
) -> None:
    good = session(name="Second") if path == SESSIONS else authorization(name="Second")

    refused = refusals.refuse_body(lobby.client(), "POST", path, good, bad)

    assert refused == (bad.status, bad.code)
    assert made_at_stripe(lobby) == []


@pytest.mark.parametrize("path", [SESSIONS, OAUTH])
def test_without_keys_of_its_own_the_platform_connects_nobody(world: World, path: str) -> None:
    body = session() if path == SESSIONS else authorization()

    assert refuse(world, lambda: world.client().post(path, body)) == (
        409,
        "platform_not_configured",
    )
    assert Shop.open(world, "tulips").account["status"] == "active"


def test_a_platform_with_test_keys_only_onboards_nobody_live(platform: World) -> None:
    def begin() -> Answer:
        return platform.client().post(SESSIONS, session(mode="live"))

    assert refuse(platform, begin) == (409, "platform_not_configured")


def test_a_key_that_stripe_refuses_is_said_to_be_the_platforms(world: World) -> None:
    configure(world)
    world.control("keys", key=secret_key(PLATFORM), revoked=True)

    answer = world.client().post(SESSIONS, session())

    assert (answer.status, answer.code) == (424, "stripe_account_error")
    assert "the platform's own key" in answer.json["detail"]


def test_a_platform_that_may_make_no_accounts_at_all_is_told(platform: World) -> None:
    makes(platform, "none")

    answer = platform.client().post(SESSIONS, session())

    assert (answer.status, answer.code) == (422, "stripe_request_refused")
    assert "Connect" in answer.json["detail"]


def test_a_key_twice_makes_one_account_at_stripe(platform: World) -> None:
    refusals.use_key_twice(platform.client(), SESSIONS, session(), session(name="Other"))

    assert len(made_at_stripe(platform)) == 1


def test_two_accounts_cannot_have_one_name(platform: World) -> None:
    onboard(platform)

    def begin() -> Answer:
        return platform.client().post(SESSIONS, session())

    assert refuse(platform, begin) == (409, "name_taken")
    assert len(made_at_stripe(platform)) == 1


@pytest.mark.parametrize("path", [SESSIONS, OAUTH])
def test_a_name_is_taken_in_whatever_case_and_free_once_it_is_given_up(
    platform: World, path: str
) -> None:
    first = onboard(platform)
    admin, ask = platform.client(), session if path == SESSIONS else authorization

    taken = refuse(platform, lambda: admin.post(path, ask(name="MAIN")))
    expect(200, admin.send("PATCH", f"/v1/accounts/{first['id']}", {"name": "First"}))

    assert taken == (409, "name_taken")
    expect(201, admin.post(path, ask(name="main")))


def test_an_account_with_keys_has_no_onboarding(platform: World) -> None:
    shop = Shop.open(platform, "tulips")
    path = f"/v1/accounts/{shop.account['id']}/onboarding-link"

    assert refuse(platform, lambda: shop.admin.post(path, {})) == (409, "invalid_transition")


def test_another_tenants_onboarding_does_not_exist(platform: World) -> None:
    begun = onboard(platform)
    path = f"/v1/accounts/{begun['id']}/onboarding-link"

    answer = refuse(platform, lambda: platform.client("bakery").post(path, {}))

    assert answer == (404, "not_found")
    assert platform.client("bakery").get("/v1/accounts").json["data"] == []


# Broken off anywhere.


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_onboarding_cut_short_anywhere_makes_one_account(platform: World, moment: str) -> None:
    client = platform.client()
    for name in ("first", "second"):
        onboard(platform, name=name)
    platform.gate.arm(None)
    onboard(platform, name="dry run")
    steps = len(platform.gate.passed)

    for step in range(steps):
        body, key = session(name=f"step {step}"), f"{moment} {step}"
        platform.gate.arm(step, moment)
        with pytest.raises(Died):
            client.post(SESSIONS, body, key=key)
        platform.gate.arm(None)
        platform.advance(minutes=2)
        begun = expect(201, client.post(SESSIONS, body, key=key))
        assert told(follow(platform, fill_in(platform, begun["url"])))["status"] == "active", step

    assert len(made_at_stripe(platform)) == steps + 3


def test_the_platforms_endpoint_is_made_once_however_often_that_is_broken_off(
    platform: World,
) -> None:
    died = 0
    with suppress(StopIteration):
        for step in count():
            platform.gate.arm(step, "before")
            died += dies(lambda step=step: onboard(platform, name=f"step {step}"))
            platform.gate.arm(None)
            platform.advance(minutes=15)
            forget_secrets()
    platform.gate.arm(None)
    assert died > 10
    shop = connected_shop(platform)
    shop.pay(invoice := shop.invoice())
    platform.deliver()

    endpoints = platform.at_stripe("GET", "/v1/webhook_endpoints", tenant=PLATFORM)["data"]
    assert [each["url"] for each in endpoints] == [f"https://{DOMAIN}/webhooks/stripe/connect/test"]
    assert "account.application.deauthorized" in endpoints[0]["enabled_events"]
    assert shop.read(invoice)["status"] == "paid"


def test_an_endpoint_that_is_gone_is_made_anew(platform: World) -> None:
    onboard(platform)
    (endpoint,) = platform.at_stripe("GET", "/v1/webhook_endpoints", tenant=PLATFORM)["data"]
    path = f"/v1/webhook_endpoints/{endpoint['id']}"
    platform.at_stripe("DELETE", path, tenant=PLATFORM)

    shop = connected_shop(platform, name="Second")
    shop.pay(invoice := shop.invoice())
    platform.deliver()

    assert shop.read(invoice)["status"] == "paid"


@pytest.mark.parametrize(
    "kinds", [("500", "500"), ("500_applied",) * 2, ("timeout_lost",) * 2, ("timeout_applied",) * 2]
)
@pytest.mark.parametrize(("api", "hours"), [("v2", 0), ("v1", 25), ("v2", 31 * 24)])
def test_stripe_failing_makes_no_second_account(
    platform: World, kinds: tuple[str, ...], api: str, hours: int
) -> None:
    # Stripe forgets the keys of v1 after a day, and those of v2 after a month.
    client = platform.client()
    makes(platform, api)
    platform.fail("/v2/core/accounts" if api == "v2" else "/v1/accounts", *kinds)

    first = client.post(SESSIONS, session(), key="k")
    platform.advance(hours=hours)
    begun = expect(201, client.post(SESSIONS, session(), key="k"))
    fresh = expect(200, client.post(f"/v1/accounts/{begun['id']}/onboarding-link", {}))

    assert first.status in {201, 503}
    assert told(follow(platform, fill_in(platform, fresh["url"])))["status"] == "active"
    assert len(made_at_stripe(platform)) == 1


@pytest.mark.parametrize("path", ["/v2/core/account_links", "/v1/webhook_endpoints"])
@pytest.mark.parametrize("kind", ["500", "timeout_lost"])
def test_stripe_failing_elsewhere_can_be_tried_again(platform: World, path: str, kind: str) -> None:
    client = platform.client()
    platform.fail(path, kind, kind)

    refused = client.post(SESSIONS, session(), key="k")
    platform.advance(minutes=15)

    assert (refused.status, refused.code) == (503, "stripe_unavailable")
    begun = expect(201, client.post(SESSIONS, session(), key="k"))
    assert told(follow(platform, fill_in(platform, begun["url"])))["status"] == "active"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_way_back_cut_short_is_made_good(platform: World, moment: str) -> None:
    back = fill_in(platform, onboard(platform, name="dry run")["url"])
    platform.gate.arm(None)
    told(follow(platform, back))

    for step in range(len(platform.gate.passed)):
        begun = onboard(platform, name=f"step {step}")
        back = fill_in(platform, begun["url"])
        platform.gate.arm(step, moment)
        with pytest.raises(Died):
            follow(platform, back)
        platform.gate.arm(None)
        again = follow(platform, back)
        assert again.status in {303, 400}, step
        platform.deliver()
        assert read(platform, begun["id"])["status"] == "active", step


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_refresh_cut_short_leaves_an_onboarding_to_resume(platform: World, moment: str) -> None:
    def expired(name: str) -> tuple[str, str]:
        begun = onboard(platform, name=name)
        browse(platform, begun["url"])
        return begun["id"], browse(platform, begun["url"]).headers["Location"]

    _, again = expired("dry run")
    platform.gate.arm(None)
    follow(platform, again)
    for step in range(len(platform.gate.passed)):
        account, again = expired(f"step {step}")
        platform.gate.arm(step, moment)
        with pytest.raises(Died):
            follow(platform, again)
        platform.gate.arm(None)
        answer = follow(platform, again)
        url = answer.headers.get("location") if answer.status == 303 else None
        path = f"/v1/accounts/{account}/onboarding-link"
        url = url or expect(200, platform.client().post(path, {}))["url"]
        assert told(follow(platform, fill_in(platform, url)))["status"] == "active", step


# OAuth.


def test_a_merchant_who_has_an_account_consents(platform: World) -> None:
    rosa = merchant(platform)
    asked = expect(201, platform.client().post(OAUTH, authorization()))
    query = parse_qs(urlsplit(asked["authorize_url"]).query)

    home = follow(platform, agree(platform, asked["authorize_url"], account=rosa))

    account = read(platform, told(home)["account"])
    assert asked["authorize_url"].startswith("https://connect.stripe.com/oauth/authorize?")
    assert asked["expires_at"] == "2026-09-21T14:10:00Z"
    assert (query["client_id"], query["scope"]) == ([CLIENT_ID], ["read_write"])
    assert query["redirect_uri"] == [f"https://{DOMAIN}{CALLBACK}"]
    assert told(home)["status"] == "active"
    assert (account["name"], account["method"], account["status"]) == ("Theirs", "oauth", "active")
    assert account["stripe_account"] == rosa


def test_a_consent_that_is_denied_connects_nothing(platform: World) -> None:
    asked = expect(201, platform.client().post(OAUTH, authorization()))
    home = follow(platform, agree(platform, asked["authorize_url"], outcome="deny"))

    assert told(home) == {"error": "access_denied"}
    assert platform.client().get("/v1/accounts").json["data"] == []


def test_a_platform_without_a_client_id_has_no_oauth(world: World) -> None:
    configure(world, client_id="")

    assert refuse(world, lambda: world.client().post(OAUTH, authorization())) == (
        409,
        "platform_not_configured",
    )
    assert onboard(world)["url"]


def test_a_callback_leads_home_once(platform: World) -> None:
    back = consent(platform)
    told(follow(platform, back))

    assert refuse(platform, lambda: follow(platform, back)) == (400, "invalid_state")
    assert len(platform.client().get("/v1/accounts").json["data"]) == 1


def test_a_callback_comes_within_ten_minutes(platform: World) -> None:
    back = consent(platform)
    platform.advance(minutes=10)

    assert refuse(platform, lambda: follow(platform, back)) == (400, "invalid_state")


def test_a_code_of_nobody_leads_home_with_the_reason(platform: World) -> None:
    asked = expect(201, platform.client().post(OAUTH, authorization()))

    home = platform.public.get(CALLBACK, state=state_of(asked["authorize_url"]), code="ac_nobody00")

    assert told(home) == {"error": "stripe_request_refused"}
    assert platform.client().get("/v1/accounts").json["data"] == []


@pytest.mark.parametrize("query", [{}, {"code": ""}, {"code": "a b"}, {"error": "<script>"}])
def test_a_callback_that_says_nothing_changes_nothing(platform: World, query: Json) -> None:
    asked = expect(201, platform.client().post(OAUTH, authorization()))
    query |= {"state": state_of(asked["authorize_url"])}

    assert refuse(platform, lambda: platform.public.get(CALLBACK, **query)) == (
        422,
        "validation_failed",
    )


def test_an_account_is_connected_once_in_a_tenant(platform: World) -> None:
    rosa = merchant(platform)
    first = told(follow(platform, consent(platform, account=rosa)))

    asked = expect(201, platform.client().post(OAUTH, authorization(name="Again")))
    url = asked["authorize_url"]
    again = told(follow(platform, agree(platform, url, account=rosa)))

    assert again["account"] == first["account"]
    assert len(platform.client().get("/v1/accounts").json["data"]) == 1


def test_an_account_with_keys_is_not_connected_again_by_consent(platform: World) -> None:
    shop = Shop.open(platform, "tulips")

    home = told(follow(platform, consent(platform, account=shop.account["stripe_account"])))

    assert home == {"error": "stripe_account_taken", "account": shop.account["id"]}
    assert made_at_stripe(platform) == []


def test_an_account_of_another_tenant_stays_theirs(platform: World) -> None:
    rosa = merchant(platform)
    theirs = told(follow(platform, consent(platform, account=rosa)))["account"]

    home = told(follow(platform, consent(platform, "bakery", account=rosa)))

    assert home == {"error": "stripe_account_taken"}
    assert platform.client("bakery").get("/v1/accounts").json["data"] == []
    assert read(platform, theirs)["status"] == "active"
    assert [each["id"] for each in made_at_stripe(platform)] == [rosa]


def test_no_token_that_stripe_gives_is_kept(platform: World) -> None:
    told(follow(platform, consent(platform)))

    kept = json.dumps(list(platform.rows().values())) + platform.log.getvalue()
    names = platform.aws("secretsmanager").list_secrets(
        Filters=[{"Key": "name", "Values": [f"receivable/{platform.resources['stage']}"]}]
    )["SecretList"]
    assert "sk_test_acct" not in kept
    assert "rt_" not in kept
    assert {entry["Name"].split("/", 2)[2] for entry in names} == {
        "keys/pay-links",
        "platform/test",
        "webhooks/connect/test",
    }


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_callback_cut_short_anywhere_can_be_begun_again(platform: World, moment: str) -> None:
    back = consent(platform, name="dry run")
    platform.gate.arm(None)
    told(follow(platform, back))

    for step in range(len(platform.gate.passed)):
        rosa = merchant(platform, f"rosa{step:04}")
        back = consent(platform, name=f"step {step}", account=rosa)
        platform.gate.arm(step, moment)
        with pytest.raises(Died):
            follow(platform, back)
        platform.gate.arm(None)
        again = follow(platform, back)
        if again.status == 400:
            assert "begin again" in again.json["detail"].lower(), step
            asked = platform.client().post(OAUTH, authorization(name=f"again {step}"))
            again = follow(
                platform, agree(platform, expect(201, asked)["authorize_url"], account=rosa)
            )
        assert told(again)["status"] == "active", step
        listed = platform.client().get("/v1/accounts", limit=100).json["data"]
        assert [each["stripe_account"] for each in listed].count(rosa) == 1, step


@pytest.mark.parametrize("kind", ["timeout_lost", "timeout_applied", "500"])
def test_stripe_silent_about_a_code_leads_home_and_can_be_begun_again(
    platform: World, kind: str
) -> None:
    rosa = merchant(platform)
    back = consent(platform, account=rosa)
    platform.fail("/oauth/token", kind)

    home = told(follow(platform, back))

    assert home == {"error": "stripe_unavailable"}
    asked = expect(201, platform.client().post(OAUTH, authorization(name="Again")))
    again = follow(platform, agree(platform, asked["authorize_url"], account=rosa))
    assert told(again)["status"] == "active"


# Disconnected at Stripe.


def disconnect(world: World, stripe_account: str) -> None:
    form = {"client_id": CLIENT_ID, "stripe_user_id": stripe_account}
    world.at_stripe("POST", "/oauth/deauthorize", tenant=PLATFORM, **form)


def sells(world: World, account: Json) -> Shop:
    admin = world.client()
    asked = {"name": account["name"], "account": account["id"], "features": {"link": True}}
    module = expect(201, admin.post("/v1/payment-modules", asked))
    expect(200, admin.post(f"/v1/payment-modules/{module['id']}/state", {"state": "sandbox"}))
    return Shop(world, "tulips", account, module)


def test_a_merchant_who_disconnects_is_disconnected_here_and_the_modules_are_off(
    platform: World,
) -> None:
    account = read(platform, told(follow(platform, consent(platform)))["account"])
    shop = sells(platform, account)

    disconnect(platform, account["stripe_account"])
    platform.deliver()

    after = read(platform, account["id"])
    module = platform.client().get(f"/v1/payment-modules/{shop.module['id']}").json
    assert (after["status"], module["state"]) == ("disconnected", "off")
    assert "connect it again" in after["status_reason"]


def test_a_disconnected_merchant_can_be_connected_again(platform: World) -> None:
    account = read(platform, told(follow(platform, consent(platform)))["account"])
    disconnect(platform, account["stripe_account"])
    platform.deliver()

    asked = expect(201, platform.client().post(OAUTH, authorization(name="Again")))
    home = follow(
        platform, agree(platform, asked["authorize_url"], account=account["stripe_account"])
    )

    assert told(home) == {"account": account["id"], "status": "active"}


def test_an_old_word_of_a_disconnection_does_not_undo_a_later_connection(platform: World) -> None:
    account = read(platform, told(follow(platform, consent(platform)))["account"])
    platform.control("webhooks", mode="hold")
    disconnect(platform, account["stripe_account"])
    asked = expect(201, platform.client().post(OAUTH, authorization(name="Again")))
    url = asked["authorize_url"]
    told(follow(platform, agree(platform, url, account=account["stripe_account"])))

    platform.control("webhooks", mode="deliver")
    platform.deliver()

    assert read(platform, account["id"])["status"] == "active"


def test_whoever_uses_a_disconnected_account_first_finds_out(platform: World) -> None:
    account = read(platform, told(follow(platform, consent(platform)))["account"])
    platform.control("webhooks", mode="drop")
    disconnect(platform, account["stripe_account"])

    expect(200, platform.client().post(f"/v1/accounts/{account['id']}/verify"))

    assert read(platform, account["id"])["status"] == "disconnected"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_disconnection_that_is_applied_in_pieces_ends_with_modules_off(
    platform: World, moment: str
) -> None:
    def gone(name: str) -> tuple[Shop, list[Json]]:
        account = read(platform, told(follow(platform, consent(platform, name=name)))["account"])
        shop = sells(platform, account)
        disconnect(platform, account["stripe_account"])
        platform.standin.deliveries.run_due(platform._receive)
        return shop, list(platform.messages("events"))

    _, messages = gone("dry run")
    platform.gate.arm(None)
    platform.work("apply_event", *messages)
    for step in range(len(platform.gate.passed)):
        shop, messages = gone(f"step {step}")
        platform.gate.arm(step, moment)
        with pytest.raises(Died):
            platform.work("apply_event", *messages)
        platform.gate.arm(None)
        assert platform.work("apply_event", *messages) == []
        module = platform.client().get(f"/v1/payment-modules/{shop.module['id']}").json
        assert (read(platform, shop.account["id"])["status"], module["state"]) == (
            "disconnected",
            "off",
        ), step


def test_connecting_by_keys_needs_nothing_of_the_platform(world: World) -> None:
    account = expect(201, world.client().post("/v1/accounts", connection("tulips")))

    assert (account["status"], account["method"]) == ("active", "api_keys")
