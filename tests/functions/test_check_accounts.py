"""The doctor by the clock: mends what it can, switches Off what does not work, holds nobody up."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from payments.edge import runtime
from payments.facts.account import CHECK_EVERY
from tests.doubles.tenants import another_publishable_key, another_secret_key, secret_key
from tests.functions.shop import Shop, connection, expect
from tests.functions.test_connect_account import EVERYTHING
from tests.functions.world import Died, Json, World


def test_the_sample_event_is_answered(shop: Shop, sample: Callable[[str], Json]) -> None:
    assert shop.world.run("check_accounts", sample("check_accounts")) == checked()


def checked(**found: int) -> Json:
    return {"well": 0, "failing": 0, "left": 0} | found


def check(world: World) -> Json:
    return dict(world.run("check_accounts", {}))


def slot(shop: Shop, mode: str = "test") -> Json:
    path = f"/v1/accounts/{shop.account['id']}"
    return dict(expect(200, shop.admin.get(path))["credentials"][mode])


def state(shop: Shop) -> str:
    module = expect(200, shop.admin.get(f"/v1/payment-modules/{shop.module['id']}"))
    return str(module["state"])


def endpoints(shop: Shop) -> list[Json]:
    return list(shop.world.at_stripe("GET", "/v1/webhook_endpoints")["data"])


def revoke(shop: Shop, *, revoked: bool = True) -> None:
    shop.world.control("keys", key=secret_key(shop.tenant), revoked=revoked)


def test_every_account_is_verified_once_a_day(world: World) -> None:
    tulips, bakery = Shop.open(world, "tulips"), Shop.open(world, "bakery")

    assert check(world) == checked()
    world.advance(hours=24)
    assert check(world) == checked(well=2)
    assert check(world) == checked()
    assert slot(tulips)["verified_at"] == slot(bakery)["verified_at"] == "2026-09-22T14:00:00Z"


def test_each_mode_is_verified_by_itself(shop: Shop) -> None:
    keys = {
        "mode": "live",
        "publishable_key": another_publishable_key("tulips", "live", "live"),
        "secret_key": another_secret_key("tulips", "live", "live"),
    }
    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/credentials", keys))
    shop.world.control("keys", key=keys["secret_key"], revoked=True)
    shop.world.advance(hours=24)

    assert check(shop.world) == checked(well=1, failing=1)

    assert (slot(shop)["status"], slot(shop, "live")["status"]) == ("active", "error")
    assert state(shop) == "sandbox"


def test_an_endpoint_that_is_gone_is_made_anew_and_the_doctor_says_so(shop: Shop) -> None:
    (gone,) = endpoints(shop)
    shop.world.at_stripe("DELETE", f"/v1/webhook_endpoints/{gone['id']}")
    shop.world.advance(hours=24)

    assert check(shop.world) == checked(well=1)

    (made,) = endpoints(shop)
    assert made["url"] == gone["url"]
    health = expect(200, shop.admin.get(f"/v1/accounts/{shop.account['id']}/health"))
    assert "a new one was made" in health["repaired"]
    assert health["healthy"]
    shop.pay(invoice := shop.invoice())
    shop.world.deliver()
    assert shop.read(invoice)["status"] == "paid"


def test_modules_of_a_revoked_account_are_off_within_minutes_of_the_first_sign(shop: Shop) -> None:
    card = shop.save_card()
    revoke(shop)

    shop.charge(shop.invoice(), payment_method=card)
    shop.world.advance(minutes=2)

    assert check(shop.world) == checked(failing=1)
    assert slot(shop)["status_reason"] == "Stripe refuses the secret key."
    assert state(shop) == "off"


def test_the_sweep_finds_the_first_sign_too(shop: Shop) -> None:
    shop.press_pay(shop.link(shop.invoice()))
    revoke(shop)
    shop.world.advance(hours=25)
    before = runtime.store().account("tulips", shop.account["id"])
    runtime.store().save(
        before.having_slot("test", check_at=shop.world.now() + CHECK_EVERY), before
    )

    shop.world.run("sweep_attempts", {})

    assert slot(shop)["status"] == "error"
    assert check(shop.world) == checked(failing=1)
    assert state(shop) == "off"


def test_an_account_that_works_again_is_active_and_its_modules_stay_off(shop: Shop) -> None:
    revoke(shop)
    shop.world.advance(hours=24)
    assert check(shop.world) == checked(failing=1)

    shop.world.advance(minutes=30)
    assert check(shop.world) == checked()
    revoke(shop, revoked=False)
    shop.world.advance(minutes=30)

    assert check(shop.world) == checked(well=1)
    assert slot(shop)["status"] == "active"
    assert state(shop) == "off"
    switch = f"/v1/payment-modules/{shop.module['id']}/state"
    expect(200, shop.admin.post(switch, {"state": "sandbox"}))


@pytest.mark.parametrize(("method", "path"), [("*", "*"), ("POST", "/v1/refunds")])
def test_stripe_being_down_says_nothing_about_an_account(
    shop: Shop, method: str, path: str
) -> None:
    shop.world.advance(hours=24)
    shop.world.fail(path, *("500",) * 40, method=method)

    assert check(shop.world) == checked(left=1)
    shop.world.control("faults", method="*", path="*", kind="500", times=0)

    assert slot(shop)["status"] == "active"
    assert state(shop) == "sandbox"


def test_an_account_whose_check_dies_holds_up_nobody(world: World) -> None:
    shops = [Shop.open(world, "tulips"), Shop.open(world, "bakery")]
    world.advance(hours=24)
    world.gate.arm(None)
    world.gate.arm(14, "after")
    with pytest.raises(Died):
        check(world)
    world.gate.arm(None)

    assert check(world) == checked(well=1)
    world.advance(minutes=10)
    assert check(world) == checked(well=1)
    assert {slot(shop)["verified_at"][:10] for shop in shops} == {"2026-09-22"}


def test_a_check_that_dies_anywhere_is_made_good_by_the_next(shop: Shop) -> None:
    step, world = 0, shop.world
    while True:
        (endpoint,) = endpoints(shop)
        world.at_stripe("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
        world.advance(hours=24)
        world.gate.arm(step, "after")
        try:
            check(world)
        except Died:
            step += 1
        else:
            break
        world.gate.arm(None)
        world.advance(minutes=10)
        check(world)
        (made,) = endpoints(shop)
        assert slot(shop)["status"] == "active"
        assert made["id"] == secret(shop)["endpoint"], step
    assert step > 20


def test_the_secret_before_is_retired_after_three_days(shop: Shop) -> None:
    rotate = f"/v1/accounts/{shop.account['id']}/webhook-secret/rotate"
    expect(200, shop.admin.post(rotate, {}))
    for _ in range(2):
        shop.world.advance(hours=24)
        check(shop.world)
    assert len(endpoints(shop)) == 2
    assert "previous" in secret(shop)

    shop.world.advance(hours=24)
    assert check(shop.world) == checked(well=1)

    (left,) = endpoints(shop)
    assert left["id"] == secret(shop)["endpoint"]
    assert "previous" not in secret(shop)
    assert slot(shop)["webhook"]["previous_until"] is None


def test_a_live_account_that_stripe_holds_back_is_restricted(shop: Shop) -> None:
    keys = {
        "mode": "live",
        "publishable_key": another_publishable_key("tulips", "live", "live"),
        "secret_key": another_secret_key("tulips", "live", "live"),
    }
    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/credentials", keys))
    restricted = {"account": shop.account["stripe_account"], "state": "restricted"}
    shop.world.control("accounts", **restricted, livemode=True)
    shop.world.advance(hours=24)

    assert check(shop.world) == checked(well=1, failing=1)

    assert slot(shop)["status"] == "active"
    assert slot(shop, "live")["status"] == "restricted"
    assert "Stripe asks for" not in slot(shop, "live")["status_reason"]
    assert "verification" in slot(shop, "live")["status_reason"]


def test_a_short_invocation_begins_nothing(shop: Shop) -> None:
    shop.world.advance(hours=24)
    shop.world.remaining_ms = 30_000

    assert check(shop.world) == checked()

    shop.world.remaining_ms = None
    assert check(shop.world) == checked(well=1)


def secret(shop: Shop) -> dict[str, Any]:
    name = f"receivable/{shop.world.resources['stage']}/webhooks/{shop.account['id']}/test"
    found = shop.world.aws("secretsmanager").get_secret_value(SecretId=name)
    return dict(json.loads(found["SecretString"]))


# Who is told


WATCHER = "ar@shop.example"


def mails(shop: Shop) -> list[str]:
    shop.world.notify()
    return shop.world.post.subjects(WATCHER)


def test_one_mail_says_that_it_stopped_and_one_that_it_works_again(shop: Shop) -> None:
    card = shop.save_card()
    revoke(shop)
    for _ in range(3):
        shop.charge(shop.invoice(), payment_method=card)
    for _ in range(30):
        check(shop.world)
        shop.world.advance(hours=1)
        expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify"))

    assert mails(shop) == ["Stripe account Main does not work in test mode"]
    revoke(shop, revoked=False)
    for _ in range(30):
        shop.world.advance(hours=1)
        check(shop.world)
    assert mails(shop)[1:] == ["Stripe account Main works again in test mode"]


def test_the_mail_says_what_is_wrong_and_what_to_do(shop: Shop) -> None:
    everything = sorted(EVERYTHING - {"refunds.write"})
    shop.world.control("keys", key=secret_key("tulips"), allow=everything)
    shop.world.advance(hours=24)
    check(shop.world)

    assert len(mails(shop)) == 1
    text = shop.world.post.to(WATCHER)[0]["Content"]["Simple"]["Body"]["Text"]["Data"]
    assert "The secret key lacks refunds.write." in text
    assert "give the restricted key write access to Refunds" in text
    assert f"/v1/accounts/{shop.account['id']}/health" in text
    assert secret_key("tulips") not in str(shop.world.post.sent)


def test_everybody_who_wants_to_know_is_told_and_nobody_else(shop: Shop) -> None:
    path, wanted = f"/v1/accounts/{shop.account['id']}", ["a@shop.example", "b@shop.example"]
    expect(200, shop.admin.send("PATCH", path, {"error_emails": wanted}))
    revoke(shop)
    shop.world.advance(hours=24)
    check(shop.world)
    shop.world.notify()

    assert [mail["Destination"]["ToAddresses"] for mail in shop.world.post.sent] == [
        [address] for address in wanted
    ]


def test_an_account_that_never_worked_is_told_in_the_answer_only(world: World) -> None:
    world.control("keys", key=secret_key("tulips"), revoked=True)
    account = expect(201, world.client().post("/v1/accounts", connection("tulips")))
    assert account["status"] == "error"
    world.advance(hours=24)
    assert check(world) == checked(failing=1)
    world.notify()

    assert world.post.sent == []


def test_stripe_refusing_once_and_taking_it_again_tells_nobody(shop: Shop) -> None:
    card = shop.save_card()
    revoke(shop)
    shop.charge(shop.invoice(), payment_method=card)
    assert slot(shop)["status"] == "error"
    revoke(shop, revoked=False)

    assert check(shop.world) == checked(well=1)

    assert slot(shop)["status"] == "active"
    assert state(shop) == "sandbox"
    assert mails(shop) == []


def test_who_disconnects_an_account_is_not_warned_of_it(shop: Shop) -> None:
    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/disconnect"))
    shop.world.advance(hours=48)
    check(shop.world)

    assert mails(shop) == []


def test_a_warning_that_dies_on_its_way_is_sent_once(shop: Shop) -> None:
    revoke(shop)
    shop.world.advance(hours=24)
    step = 0
    while True:
        shop.world.gate.arm(step, "after")
        try:
            check(shop.world)
        except Died:
            step += 1
            shop.world.gate.arm(None)
            shop.world.advance(minutes=10)
            continue
        break
    shop.world.gate.arm(None)

    assert step > 5
    assert len(mails(shop)) == 1
    assert state(shop) == "off"
