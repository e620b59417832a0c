"""A merchant who disconnects in Stripe's Dashboard is disconnected here at once."""

import pytest

from tests.functions.platform import (
    CLIENT_ID,
    OAUTH,
    PLATFORM,
    agree,
    authorization,
    consent,
    follow,
    read,
    told,
)
from tests.functions.shop import Shop, expect
from tests.functions.world import Died, Json, World


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
