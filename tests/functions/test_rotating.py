"""Keys and webhook secrets are replaced with an overlap: no charge and no event is lost by it."""

import json
from collections.abc import Callable

import pytest

from payments.doors.gateway import Gateway
from payments.edge import runtime
from payments.facts.stripe_accounts import WebhookEndpoint
from tests.doubles.tenants import (
    another_publishable_key,
    another_secret_key,
    secret_key,
)
from tests.functions.refusals import foreign, refuse
from tests.functions.shop import Shop, expect
from tests.functions.signing import a_body, deliver, send, signed
from tests.functions.world import Answer, Died, Json, World


def of(shop: Shop, name: str) -> str:
    return f"/v1/accounts/{shop.account['id']}/{name}"


def keys(tail: str = "second") -> Json:
    return {
        "mode": "test",
        "publishable_key": another_publishable_key("tulips", tail),
        "secret_key": another_secret_key("tulips", tail),
    }


def rotate(shop: Shop, **asked: object) -> Json:
    return expect(200, shop.admin.post(of(shop, "webhook-secret/rotate"), asked))


def endpoints(shop: Shop) -> list[Json]:
    return list(shop.world.at_stripe("GET", "/v1/webhook_endpoints")["data"])


def kept(shop: Shop, kind: str) -> Json:
    tenant = "tulips/" if kind == "keys" else ""
    name = f"receivable/{shop.world.resources['stage']}/{kind}/{tenant}{shop.account['id']}/test"
    found = shop.world.aws("secretsmanager").get_secret_value(SecretId=name)
    return dict(json.loads(found["SecretString"]))


# Keys


def test_the_answer_says_until_when_the_key_before_may_be_used(shop: Shop) -> None:
    account = expect(200, shop.admin.post(of(shop, "credentials"), keys()))

    assert account["previous_key"] == {"last4": "lips", "until": "2026-09-21T14:05:00Z"}
    assert account["webhook"] == shop.account["webhook"]


def test_a_key_that_is_revoked_right_after_its_rotation_costs_no_charge(shop: Shop) -> None:
    card, invoice = shop.save_card(), shop.invoice()
    expect(200, shop.admin.post(of(shop, "credentials"), keys()))
    # Another environment has read the keys a moment ago, and does not know.
    remember(shop, secret_key("tulips"))
    shop.world.control("keys", key=secret_key("tulips"), revoked=True)

    charged = expect(201, shop.charge(invoice, payment_method=card))

    assert charged["payment"]["gross"] == 4000
    assert shop.world.charged(shop.account) == [4000]
    assert shown(shop)["status"] == "active"


def test_a_key_that_is_revoked_in_the_middle_of_a_charge_costs_no_charge(shop: Shop) -> None:
    card, invoice = shop.save_card(), shop.invoice()
    shop.world.gate.arm(None)
    expect(201, shop.charge(shop.invoice(), payment_method=card))
    writes = [number for number, name in enumerate(shop.world.gate.passed) if "POST /v1" in name]

    def replace() -> None:
        expect(200, shop.admin.post(of(shop, "credentials"), keys()))
        remember(shop, secret_key("tulips"))
        shop.world.control("keys", key=secret_key("tulips"), revoked=True)

    shop.world.gate.arm(None)
    shop.world.gate.before = (writes[1], replace)
    charged = expect(201, shop.charge(invoice, payment_method=card))

    assert charged["invoice"]["status"] == "paid"
    assert shop.world.charged(shop.account) == [4000, 4000]


def test_a_key_that_stripe_refuses_twice_is_used_no_more_and_the_doctor_is_called(
    shop: Shop,
) -> None:
    card = shop.save_card()
    shop.world.control("keys", key=secret_key("tulips"), revoked=True)

    first = shop.charge(shop.invoice(), payment_method=card)
    second = shop.charge(shop.invoice(), payment_method=card)

    assert (first.status, first.code) == (424, "stripe_account_error")
    assert (second.status, second.code) == (409, "account_not_active")
    assert shown(shop)["status"] == "error"
    assert "verified again" in shown(shop)["status_reason"]
    due = runtime.store().due(type(runtime.store().account("tulips", shop.account["id"])),
                              shop.world.now())  # fmt: skip
    assert [account.id for account in due] == [shop.account["id"]]


def test_a_missing_permission_is_told_apart_from_a_refused_key(shop: Shop) -> None:
    card = shop.save_card()
    allow = ["payment_intents.read", "charges.read"]
    shop.world.control("keys", key=secret_key("tulips"), allow=allow)

    answer = shop.charge(shop.invoice(), payment_method=card)

    assert (answer.status, answer.code) == (424, "stripe_permission_missing")
    assert shown(shop)["status"] == "active"
    account = runtime.store().account("tulips", shop.account["id"])
    assert account.check_at == shop.world.now()


def remember(shop: Shop, key: str) -> None:
    """Let the functions' cache hold a key, as an environment's does that has not read since."""
    secrets = runtime.secret_store()
    name = secrets._keys_name("tulips", shop.account["id"], "test")
    secrets.keys("tulips", shop.account["id"], "test")
    read_at, value = secrets._cache[name]
    secrets._cache[name] = (read_at, value | {"secret_key": key})


def shown(shop: Shop) -> Json:
    return expect(200, shop.admin.get(f"/v1/accounts/{shop.account['id']}"))


# Webhook secrets


def test_a_second_endpoint_stands_at_the_same_address(shop: Shop) -> None:
    (before,) = endpoints(shop)

    account = rotate(shop)

    after = endpoints(shop)
    assert {endpoint["url"] for endpoint in after} == {before["url"]}
    assert len(after) == 2
    assert account["webhook"] == shop.account["webhook"] | {
        "previous_until": "2026-09-24T14:00:00Z"
    }
    assert len(kept(shop, "webhooks")["previous"].split()) == 1


@pytest.mark.parametrize("body", [None, {}, {"mode": "test"}])
def test_the_mode_may_be_left_out(shop: Shop, body: Json | None) -> None:
    answer = shop.admin.post(of(shop, "webhook-secret/rotate"), body)

    assert expect(200, answer)["webhook"]["previous_until"]


@pytest.mark.parametrize("which", ["new", "old"])
def test_what_either_endpoint_sends_is_understood(shop: Shop, which: str) -> None:
    (before,) = endpoints(shop)
    rotate(shop)
    silent = next(
        each for each in endpoints(shop) if (each["id"] == before["id"]) == (which == "new")
    )
    path = f"/v1/webhook_endpoints/{silent['id']}"
    shop.world.at_stripe("POST", path, disabled="true")

    shop.pay(invoice := shop.invoice())
    shop.world.deliver()

    assert shop.read(invoice)["status"] == "paid"


def test_two_rotations_leave_three_endpoints_that_are_all_understood(shop: Shop) -> None:
    first = kept(shop, "webhooks")["current"]
    rotate(shop)
    second = kept(shop, "webhooks")["current"]
    rotate(shop)

    assert kept(shop, "webhooks")["previous"] == f"{second} {first}"
    assert len(endpoints(shop)) == 3
    shop.pay(invoice := shop.invoice())
    shop.world.deliver()
    assert shop.read(invoice)["status"] == "paid"


def test_a_secret_that_leaked_is_not_understood_any_more(shop: Shop) -> None:
    leaked = kept(shop, "webhooks")["current"]

    account = rotate(shop, overlap=False)

    assert leaked not in json.dumps(kept(shop, "webhooks"))
    assert len(endpoints(shop)) == 1
    assert account["webhook"]["previous_until"] is None
    shop.pay(invoice := shop.invoice())
    shop.world.deliver()
    assert shop.read(invoice)["status"] == "paid"


# What breaks off, and what happens at once


STEPS: dict[str, Callable[[Shop], Answer]] = {
    "keys": lambda shop: shop.admin.post(of(shop, "credentials"), keys()),
    "secret": lambda shop: shop.admin.post(of(shop, "webhook-secret/rotate"), {}),
    "secret that leaked": lambda shop: shop.admin.post(
        of(shop, "webhook-secret/rotate"), {"overlap": False}
    ),
    "live keys": lambda shop: shop.admin.post(
        of(shop, "credentials"),
        {
            "mode": "live",
            "publishable_key": another_publishable_key("tulips", "live", "live"),
            "secret_key": another_secret_key("tulips", "live", "live"),
        },
    ),
}


@pytest.mark.parametrize("what", STEPS)
def test_a_rotation_cut_short_anywhere_loses_nothing(world: World, what: str) -> None:
    shop, step = Shop.open(world, "tulips"), 0
    while True:
        world.gate.arm(step, "after")
        try:
            expect(200, STEPS[what](shop))
        except Died:
            step += 1
        else:
            break
        world.gate.arm(None)
        world.advance(minutes=2)
        # Meanwhile all is as it was: events come, and charges are made.
        shop.pay(invoice := shop.invoice())
        world.deliver()
        assert shop.read(invoice)["status"] == "paid", step
        account = expect(200, STEPS[what](shop))
        assert {slot["status"] for slot in account["credentials"].values()} == {"active"}
        assert understood(shop) == sorted(found["id"] for found in endpoints(shop)), step
        rotate(shop, mode="test", overlap=False)
    assert step > 5


def understood(shop: Shop) -> list[str]:
    """The endpoints whose secrets are kept."""
    secret = kept(shop, "webhooks")
    return sorted([secret["endpoint"], *secret.get("previous_endpoints", "").split()])


ACTS: dict[str, tuple[str, Json | None]] = {
    "rotate": ("webhook-secret/rotate", {}),
    "verify": ("verify", None),
    "keys": ("credentials", keys()),
    "disconnect": ("disconnect", None),
}


@pytest.mark.parametrize("second", ACTS)
@pytest.mark.parametrize("first", ["rotate", "verify", "keys"])
def test_one_at_a_time_works_on_an_account(shop: Shop, first: str, second: str) -> None:
    """The endpoint is gone, and the first is about to make one when the second comes."""
    for endpoint in endpoints(shop):
        shop.world.at_stripe("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
    answers: list[Answer] = []
    (name, body), (other, asked) = ACTS[first], ACTS[second]
    real = Gateway.create_endpoint

    def create(gateway: Gateway, *given: Json, **more: Json) -> WebhookEndpoint:
        answers.append(shop.admin.post(of(shop, other), asked))
        return real(gateway, *given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gateway, "create_endpoint", create)
        expect(200, shop.admin.post(of(shop, name), body))

    assert [(answer.status, answer.code) for answer in answers] == [(409, "account_busy")]
    assert answers[0].headers["retry-after"] == "5"
    (made,) = endpoints(shop)
    assert made["id"] == kept(shop, "webhooks")["endpoint"]


def test_stripe_not_answering_leaves_the_secret_as_it_was(shop: Shop) -> None:
    before = kept(shop, "webhooks")
    shop.world.fail("/v1/webhook_endpoints", "timeout_applied", "timeout_lost")

    answer = shop.admin.post(of(shop, "webhook-secret/rotate"), {})

    assert (answer.status, answer.code) == (503, "stripe_unavailable")
    assert kept(shop, "webhooks") == before
    rotate(shop)
    assert len(endpoints(shop)) == 2


def test_the_secret_of_an_account_in_error_is_not_rotated(shop: Shop) -> None:
    shop.world.control("keys", key=secret_key("tulips"), revoked=True)
    expect(200, shop.admin.post(of(shop, "verify")))

    answer = refuse(shop.world, lambda: shop.admin.post(of(shop, "webhook-secret/rotate"), {}))

    assert answer == (409, "account_not_active")


def test_nobody_rotates_another_tenants_secret(shop: Shop) -> None:
    path = of(shop, "webhook-secret/rotate")
    assert foreign(shop, path, {}, "POST") == (404, "not_found")


@pytest.mark.parametrize("mode", ["live", "sandbox", 1])
def test_a_mode_that_is_not_there_is_refused(showroom: Shop, mode: object) -> None:
    path = of(showroom, "webhook-secret/rotate")

    status, code = refuse(showroom.world, lambda: showroom.admin.post(path, {"mode": mode}))

    assert (status, code) == (422, "key_mode_mismatch" if mode == "live" else "validation_failed")


def stale(shop: Shop, value: Json) -> None:
    """Let the functions' cache hold a webhook secret, as an environment's does that read it."""
    secrets = runtime.secret_store()
    name = secrets._webhook_name(shop.account["id"], "test")
    secrets._cache[name] = (secrets._monotonic(), value)


def test_a_secret_that_is_ended_without_overlap_is_no_good_even_where_it_is_cached(
    shop: Shop,
) -> None:
    before, now = kept(shop, "webhooks"), shop.world.now().timestamp()
    rotate(shop, overlap=False)
    body = a_body()
    stale(shop, before)

    refused = send(shop, body, signed(body, before["current"], now))

    assert (refused.status, refused.code) == (400, "invalid_signature")
    assert deliver(shop, body).status == 200


def test_with_overlap_what_a_cache_knows_is_understood(shop: Shop) -> None:
    before, now = kept(shop, "webhooks"), shop.world.now().timestamp()
    rotate(shop)
    body = a_body()
    stale(shop, before)

    assert send(shop, body, signed(body, before["current"], now)).status == 200


def test_an_older_secret_that_was_ended_is_no_good_even_where_it_is_cached(shop: Shop) -> None:
    older, now = kept(shop, "webhooks"), shop.world.now().timestamp()
    rotate(shop)
    overlapping = kept(shop, "webhooks")
    rotate(shop, overlap=False)
    body = a_body()
    for secret in (older["current"], overlapping["current"]):
        stale(shop, overlapping)
        assert send(shop, body, signed(body, secret, now)).status == 400


def test_a_disconnected_accounts_secret_is_no_good_even_where_it_is_cached(shop: Shop) -> None:
    before, now = kept(shop, "webhooks"), shop.world.now().timestamp()
    expect(200, shop.admin.post(of(shop, "disconnect"), {}))
    body = a_body()
    stale(shop, before)

    assert send(shop, body, signed(body, before["current"], now)).status == 404
