"""A merchant who has a Stripe account consents by OAuth; the account is connected once."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.doubles.invocations import DOMAIN
from tests.functions.platform import (
    CALLBACK,
    CLIENT_ID,
    OAUTH,
    agree,
    authorization,
    configure,
    consent,
    follow,
    made_at_stripe,
    merchant,
    onboard,
    read,
    state_of,
    told,
)
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.world import Died, Json, World


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


def test_a_consent_is_taken_only_in_the_browser_that_began_it(platform: World) -> None:
    """Who is sent the address of somebody else's consent connects nothing for them."""
    back, mine = consent(platform), dict(platform.cookies)
    (name,) = mine

    for other in ({}, {name: "f" * 64}, {name: ""}, {"else": mine[name]}):
        platform.cookies = other
        assert refuse(platform, lambda: follow(platform, back)) == (400, "invalid_state")
        assert follow(platform, back).json["reason"] == "another_browser"
    assert platform.client().get("/v1/accounts").json["data"] == []

    platform.cookies = {"else": "1", **mine}
    assert told(follow(platform, back))["status"] == "active"


def test_one_browser_may_begin_twice_and_come_back_from_both(platform: World) -> None:
    first, second = consent(platform), consent(platform, name="Second")

    assert told(follow(platform, first))["status"] == "active"
    assert told(follow(platform, second))["status"] == "active"


def test_the_cookie_is_read_by_no_script_and_planted_by_no_other_host(platform: World) -> None:
    answer = platform.client().post(OAUTH, authorization())

    (name,) = platform.cookies
    rules = set(answer.headers["set-cookie"].split("; ")[1:])
    assert name.startswith("__Host-")
    assert {"Secure", "HttpOnly", "Path=/", "Max-Age=600"} <= rules


def test_of_a_way_back_only_digests_are_kept(platform: World) -> None:
    told_first = expect(201, platform.client().post(OAUTH, authorization(), key="a key"))
    again = platform.client().post(OAUTH, authorization(), key="a key")

    rows = json.dumps(list(platform.rows().values()))
    states = [state_of(each["authorize_url"]) for each in (told_first, again.json)]
    assert again.headers["idempotent-replayed"] == "true"
    assert [each for each in (*states, *platform.cookies.values()) if each in rows] == []
    assert len(set(states)) == 2


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
