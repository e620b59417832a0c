"""Accounts that are reached through the platform: their events, their health, and letting go."""

import json
from typing import Any

import pytest

from tests.functions.platform import (
    CLIENT_ID,
    PLATFORM,
    browse,
    configure,
    connected_shop,
    consent,
    fill_in,
    follow,
    made_at_stripe,
    onboard,
    read,
    told,
)
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.signing import a_body, send_to, signed
from tests.functions.world import Answer, Json, World

CONNECT = "/webhooks/stripe/connect/test"


@pytest.fixture
def shop(platform: World) -> Shop:
    return connected_shop(platform)


# The platform's endpoint.


def secret(world: World) -> str:
    name = f"receivable/{world.resources['stage']}/webhooks/connect/test"
    kept = world.aws("secretsmanager").get_secret_value(SecretId=name)
    return str(json.loads(kept["SecretString"])["current"])


def deliver(world: World, path: str = CONNECT, **changes: Any) -> Answer:
    body = a_body(**changes)
    return send_to(world, path, body, signed(body, secret(world), world.now().timestamp()))


def kept(world: World) -> list[str]:
    """The tenants and accounts under which events were kept."""
    return [pk.split(":", maxsplit=1)[0] for pk, sk in world.rows() if sk == "EVENT"]


def test_an_event_is_kept_under_the_tenant_whose_account_stripe_names(shop: Shop) -> None:
    theirs = shop.world.rows()

    answer = deliver(shop.world, account=shop.account["stripe_account"])

    assert answer.status == 200
    (new,) = set(shop.world.rows()) - set(theirs)
    assert new[0].startswith(f"T#tulips#EVT#{shop.account['id']}:test:evt_")


def test_metadata_names_no_tenant(shop: Shop) -> None:
    body = {
        "id": "pi_1",
        "object": "payment_intent",
        "metadata": {"tenant": "bakery", "account": shop.account["id"]},
    }

    deliver(shop.world, account=shop.account["stripe_account"], data={"object": body})

    assert not [row for row in shop.world.rows() if "#bakery#" in row[0]]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"account": None},
        {"account": "acct_nobody"},
        {"account": "theirs", "livemode": True},
    ],
    ids=str,
)
def test_an_event_of_nobody_here_is_received_and_changes_nothing(shop: Shop, changes: Json) -> None:
    if changes.get("account") == "theirs":
        changes = changes | {"account": shop.account["stripe_account"]}
    before = shop.world.rows()

    answer = deliver(shop.world, **changes)

    assert answer.status == 200
    assert shop.world.rows() == before


@pytest.mark.parametrize("account", ["acct_x#POINTER", ["acct_1"]], ids=str)
def test_an_event_whose_account_is_no_id_is_refused_and_changes_nothing(
    shop: Shop, account: object
) -> None:
    before = shop.world.rows()

    answer = deliver(shop.world, account=account)

    assert (answer.status, answer.code) == (400, "malformed_event")
    assert shop.world.rows() == before


def test_another_secret_signs_nothing(shop: Shop) -> None:
    body = a_body(account=shop.account["stripe_account"])
    before = shop.world.rows()

    for header in (None, "", signed(body, "whsec_forged", shop.world.now().timestamp())):
        assert send_to(shop.world, CONNECT, body, header).code == "invalid_signature"

    assert shop.world.rows() == before


@pytest.mark.parametrize("path", ["live", "both"])
def test_an_endpoint_of_no_mode_does_not_exist(platform: World, path: str) -> None:
    answer = send_to(platform, f"/webhooks/stripe/connect/{path}", a_body(), "t=1,v1=x")

    assert answer.status == 404


def test_an_event_of_a_payment_elsewhere_on_the_account_is_not_ours(shop: Shop) -> None:
    form = {"amount": "500", "currency": "eur"}
    made = shop.world.at_stripe("POST", "/v1/payment_intents", tenant=PLATFORM, **form)

    deliver(
        shop.world,
        account=shop.account["stripe_account"],
        data={"object": {"id": made["id"], "object": "payment_intent"}},
    )
    ended = shop.world.work("apply_event", *shop.world.messages("events"))

    # The platform's own payment is not on the merchant's account.
    assert ended == []
    statuses = [row["status"]["S"] for key, row in shop.world.rows().items() if key[1] == "EVENT"]
    assert "quarantined" in statuses
    assert shop.world.booked() == []


# Two modes.


def live_keys() -> dict[str, str]:
    mark = "live_standin" + PLATFORM * 4
    return {"secret_key": f"sk_{mark}", "publishable_key": f"pk_{mark}"}


def test_the_live_mode_of_an_account_is_onboarded_beside_its_test_mode(shop: Shop) -> None:
    world, path = shop.world, f"/v1/accounts/{shop.account['id']}/onboarding-link"
    refused = refuse(world, lambda: shop.admin.post(path, {"mode": "live"}))
    configure(world, "live", **live_keys())

    begun = expect(200, shop.admin.post(path, {"mode": "live"}))
    between = read(world, shop.account["id"])["credentials"]
    home = told(follow(world, fill_in(world, begun["url"])))

    account = read(world, shop.account["id"])
    assert refused == (409, "platform_not_configured")
    assert (between["test"]["status"], between["live"]["status"]) == ("active", "pending")
    assert home == {"account": shop.account["id"], "status": "active"}
    assert {name: slot["status"] for name, slot in account["credentials"].items()} == {
        "test": "active",
        "live": "active",
    }
    assert account["stripe_account"] != shop.account["stripe_account"]


def test_test_and_live_payments_never_meet(shop: Shop) -> None:
    world, path = shop.world, f"/v1/accounts/{shop.account['id']}/onboarding-link"
    configure(world, "live", **live_keys())
    url = expect(200, shop.admin.post(path, {"mode": "live"}))["url"]
    told(follow(world, fill_in(world, url)))
    live = read(world, shop.account["id"])["stripe_account"]

    shop.pay(invoice := shop.invoice())
    world.deliver()

    assert shop.read(invoice)["status"] == "paid"
    assert world.charged(shop.account) == [4000]
    assert world.truth({"stripe_account": live})["charges"] == []


# Letting go.


def open_module(shop: Shop) -> str:
    path = f"/v1/payment-modules/{shop.module['id']}"
    return str(expect(200, shop.admin.get(path))["state"])


def let_go(shop: Shop) -> Answer:
    return shop.admin.post(f"/v1/accounts/{shop.account['id']}/disconnect")


def test_what_a_merchant_granted_is_given_back(platform: World) -> None:
    account = read(platform, told(follow(platform, consent(platform)))["account"])

    answer = platform.client().post(f"/v1/accounts/{account['id']}/disconnect")
    platform.deliver()

    assert expect(200, answer)["status"] == "disconnected"
    assert made_at_stripe(platform) == []
    assert read(platform, account["id"])["status"] == "disconnected"
    again = told(follow(platform, consent(platform, name="B", account=account["stripe_account"])))
    assert again == {"account": account["id"], "status": "active"}


def test_an_account_that_stripe_made_for_us_is_used_no_more(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice)

    gone = expect(200, let_go(shop))
    shop.world.control("accounts", account=shop.account["stripe_account"], state="pending")
    shop.world.control("accounts", account=shop.account["stripe_account"], state="active")
    shop.world.deliver()

    assert (gone["status"], open_module(shop)) == ("disconnected", "off")
    assert read(shop.world, shop.account["id"])["status"] == "disconnected"
    assert shop.world.public.post(f"{path}/pay", key=None).status in {303, 403, 409}
    assert shop.world.charged(shop.account) == []


def test_an_account_that_was_let_go_comes_back_through_stripes_pages(shop: Shop) -> None:
    expect(200, let_go(shop))

    path = f"/v1/accounts/{shop.account['id']}/onboarding-link"
    url = expect(200, shop.admin.post(path, {}))["url"]

    assert told(follow(shop.world, fill_in(shop.world, url)))["status"] == "active"
    assert read(shop.world, shop.account["id"])["status"] == "active"


def test_what_was_paid_before_is_still_heard_of(shop: Shop) -> None:
    shop.pay(invoice := shop.invoice())
    shop.world.deliver()
    expect(200, let_go(shop))

    charge = shop.read(invoice)["payments"][0]["note"]["charge"]
    refund_at_stripe(shop, charge)
    shop.world.deliver()

    assert shop.read(invoice)["amounts"]["refunded"] == 500


def refund_at_stripe(shop: Shop, charge: str) -> None:
    from payments.edge import runtime  # noqa: PLC0415 - a cold start is over by now

    gateway = runtime.doors().gateway("tulips", shop.account["id"], "test")
    gateway._request("post", "/v1/refunds", {"charge": charge, "amount": 500})


@pytest.mark.parametrize("kind", ["timeout_lost", "timeout_applied"])
def test_letting_go_while_stripe_is_silent_can_be_repeated(platform: World, kind: str) -> None:
    account = read(platform, told(follow(platform, consent(platform)))["account"])
    platform.fail("/oauth/deauthorize", kind, kind)
    path = f"/v1/accounts/{account['id']}/disconnect"

    first = platform.client().post(path)
    platform.advance(minutes=2)

    assert (first.status, first.code) == (503, "stripe_unavailable")
    assert expect(200, platform.client().post(path))["status"] == "disconnected"
    assert made_at_stripe(platform) == []


# The doctor.


def health(shop: Shop) -> Json:
    found = expect(200, shop.admin.get(f"/v1/accounts/{shop.account['id']}/health"))
    return dict(found["modes"]["test"] if "modes" in found else found)


def test_a_connected_account_that_is_well_has_no_problems(shop: Shop) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()

    seen = json.dumps(expect(200, shop.admin.get(f"/v1/accounts/{shop.account['id']}/health")))

    assert '"problems": []' in seen
    assert "/webhooks/stripe/connect/test" in seen
    assert "capabilities.card_payments" in seen


def test_what_stripe_asks_for_is_a_problem_with_its_fix(shop: Shop) -> None:
    shop.world.control("accounts", account=shop.account["stripe_account"], state="restricted")
    shop.world.deliver()

    seen = json.dumps(expect(200, shop.admin.get(f"/v1/accounts/{shop.account['id']}/health")))

    assert "Stripe asks for representative.verification.document" in seen
    assert "onboarding-link" in seen


def test_a_merchant_who_left_unheard_is_known_from_the_first_refusal(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    shop.world.control("webhooks", mode="drop")
    gone = f"/v1/accounts/{shop.account['stripe_account']}"
    shop.world.at_stripe("DELETE", gone, tenant=PLATFORM)
    assert read(shop.world, shop.account["id"])["status"] == "active"

    shop.world.public.post(f"{path}/pay", key=None)

    assert read(shop.world, shop.account["id"])["status"] == "error"


def test_the_health_of_what_a_merchant_has_disconnected_says_so(platform: World) -> None:
    account = read(platform, told(follow(platform, consent(platform)))["account"])
    platform.control("webhooks", mode="drop")
    form = {"client_id": CLIENT_ID, "stripe_user_id": account["stripe_account"]}
    platform.at_stripe("POST", "/oauth/deauthorize", tenant=PLATFORM, **form)

    seen = json.dumps(expect(200, platform.client().get(f"/v1/accounts/{account['id']}/health")))

    assert "The merchant has disconnected it at Stripe" in seen


def test_the_doctor_finds_out_what_no_event_has_told(shop: Shop) -> None:
    shop.world.control("webhooks", mode="drop")
    shop.world.control("accounts", account=shop.account["stripe_account"], state="restricted")
    shop.world.advance(hours=25)

    shop.world.run("check_accounts", {"source": "aws.scheduler"})

    assert read(shop.world, shop.account["id"])["status"] == "restricted"
    assert open_module(shop) == "off"


def test_the_doctor_looks_after_a_merchant_who_is_on_the_way(platform: World) -> None:
    begun = onboard(platform)
    platform.control("webhooks", mode="drop")
    browse(platform, begun["url"])
    browse(platform, begun["url"], "POST")

    platform.advance(minutes=61)
    platform.run("check_accounts", {"source": "aws.scheduler"})

    assert read(platform, begun["id"])["status"] == "active"


def test_an_onboarding_that_nobody_goes_on_with_is_looked_at_ever_more_rarely(
    platform: World,
) -> None:
    begun = onboard(platform)
    looks = 0
    for _ in range(24 * 14):
        platform.advance(hours=1)
        platform.gate.arm(None)
        platform.run("check_accounts", {"source": "aws.scheduler"})
        looks += any("/v1/accounts/" in name for name in platform.gate.passed)

    assert read(platform, begun["id"])["status"] == "pending"
    assert 10 < looks < 25


def test_a_browser_is_given_the_platforms_key_and_the_merchants_account(shop: Shop) -> None:
    expect(
        200,
        shop.admin.put(f"/v1/profiles/storefront/modules/{shop.module['id']}"),
    )
    path = f"/v1/invoices/{shop.invoice()['id']}/payment-intents"

    made = expect(201, shop.storefront.post(path, {}))

    assert made["stripe_account"] == shop.account["stripe_account"]
    assert made["publishable_key"] == "pk_test_" + PLATFORM * 4


def test_keys_cannot_be_put_into_an_account_without_any(shop: Shop) -> None:
    keys = {
        "mode": "test",
        "publishable_key": "pk_test_" + "tulips" * 4,
        "secret_key": "sk_test_" + "tulips" * 4,
    }
    path = f"/v1/accounts/{shop.account['id']}/credentials"

    assert refuse(shop.world, lambda: shop.admin.post(path, keys)) == (409, "invalid_transition")
