"""A merchant is onboarded in Stripe's pages: one account, whatever is cut short."""

import re
from collections.abc import Callable
from contextlib import suppress
from html import unescape
from itertools import count
from urllib.parse import urlsplit

import pytest

from tests.doubles.invocations import DOMAIN
from tests.doubles.tenants import secret_key
from tests.functions import refusals
from tests.functions.platform import (
    OAUTH,
    PLATFORM,
    REFRESH,
    SESSIONS,
    authorization,
    browse,
    configure,
    connected_shop,
    fill_in,
    follow,
    forget_secrets,
    made_at_stripe,
    merchant,
    onboard,
    read,
    session,
    told,
)
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Died, World


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
