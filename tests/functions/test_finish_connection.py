"""From the first request to the way back: onboarding, consent, and what Stripe says afterwards."""

import pytest

from tests.doubles.invocations import DOMAIN
from tests.functions.platform import (
    CALLBACK,
    OAUTH,
    PLATFORM,
    REFRESH,
    RETURN,
    SESSIONS,
    authorization,
    connected_shop,
    fill_in,
    follow,
    onboard,
    read,
    session,
    state_of,
    told,
)
from tests.functions.refusals import refuse
from tests.functions.shop import connection, expect
from tests.functions.world import Answer, Died, World


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


def test_connecting_by_keys_needs_nothing_of_the_platform(world: World) -> None:
    account = expect(201, world.client().post("/v1/accounts", connection("tulips")))

    assert (account["status"], account["method"]) == ("active", "api_keys")
