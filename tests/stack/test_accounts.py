"""Accounts over time: keys and secrets that change while money flows, and the doctor's rounds."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from local.stack.client import Answer, Client
from local.stack.stack import Stack, stripe_keys
from tests.doubles.tenants import another_publishable_key, another_secret_key
from tests.stack.shop import Shop, control, eventually, new_key, open_shop, required, switch_module

LATER = "2020-01-01T00:00:00Z"


@pytest.fixture
def mine(stack: Stack, tenant: str) -> Shop:
    """Give a merchant of the test's own."""
    return open_shop(stack, tenant)


def of(shop: Shop, name: str = "") -> str:
    return f"/v1/accounts/{shop.account}{name}"


def account(shop: Shop) -> Any:
    return required(shop.client("viewer").get(of(shop)), 200)


def module_state(shop: Shop) -> str:
    found = required(shop.client("viewer").get(f"/v1/payment-modules/{shop.module}"), 200)
    return str(found["state"])


def new_keys(shop: Shop, tail: str, mode: str = "test") -> dict[str, str]:
    """Further keys of the shop's Stripe account."""
    return {
        "mode": mode,
        "publishable_key": another_publishable_key(shop.tenant, tail, mode),
        "secret_key": another_secret_key(shop.tenant, tail, mode),
    }


def revoke(shop: Shop, *, revoked: bool = True, key: str = "") -> None:
    found = key or stripe_keys(shop.tenant)["secret_key"]
    control(shop.stack, "keys", {"key": found, "revoked": revoked})


def endpoints(shop: Shop, key: str = "") -> list[Any]:
    stripe = Client(shop.stack.stripe, key or stripe_keys(shop.tenant)["secret_key"])
    return list(stripe.get("/v1/webhook_endpoints").json["data"])


def hurry(shop: Shop) -> None:
    """Let the time come at which the doctor looks at the account."""
    table, dynamo = shop.stack.deployment.resources["Table"], shop.stack.aws("dynamodb")
    dynamo.update_item(
        TableName=table,
        Key={"pk": {"S": f"T#{shop.tenant}#ACC#{shop.account}"}, "sk": {"S": "ACCOUNT"}},
        UpdateExpression="SET slots.test.check_at = :then, due_at = :then",
        ExpressionAttributeValues={":then": {"S": LATER}},
    )


def doctor(shop: Shop) -> None:
    shop.stack.run_schedule("CheckAccountsSchedule")


@contextmanager
def flowing(*works: Callable[[], Any]) -> Iterator[list[Any]]:
    """Repeat the works side by side while the block runs; what they returned is in the list."""
    stop, results = Event(), []

    def repeat(work: Callable[[], Any]) -> None:
        while not stop.is_set():
            results.append(work())

    with ThreadPoolExecutor(len(works)) as hands:
        running: list[Future[None]] = [hands.submit(repeat, work) for work in works]
        try:
            yield results
        finally:
            stop.set()
        for each in running:
            each.result()


def test_no_charge_and_no_event_is_lost_while_keys_and_secrets_are_rotated(mine: Shop) -> None:
    customer = mine.customer()
    mine.save_card(customer)

    def charge() -> tuple[str, Answer]:
        invoice = mine.invoice(customer)
        return invoice, mine.charge(invoice)

    def pay() -> tuple[str, None]:
        invoice = mine.invoice(customer)
        mine.pay_at(mine.open_checkout(mine.link(invoice)))
        return invoice, None

    admin, before = mine.client("admin"), stripe_keys(mine.tenant)["secret_key"]
    with flowing(charge, charge, pay, pay) as results:
        for number in range(2):
            eventually(lambda: len(results), lambda seen, least=6 * number + 6: seen >= least)
            keys = new_keys(mine, f"rotation{number}")
            rotated = required(admin.post(of(mine, "/credentials"), keys), 200)
            # At once: every function that has the old key cached finds out by a 401.
            revoke(mine, key=before)
            before = keys["secret_key"]
            secret = required(admin.post(of(mine, "/webhook-secret/rotate"), {}), 200)
            assert rotated["previous_key"]
            assert secret["webhook"]["previous_until"]
        eventually(lambda: len(results), lambda seen: seen >= 24)

    charged = [(invoice, answer) for invoice, answer in results if answer]
    paid = [invoice for invoice, answer in results if not answer]
    assert {answer.status for _, answer in charged} == {201}, [
        answer.text for _, answer in charged if answer.status != 201
    ]
    assert len(charged) >= 4
    assert len(paid) >= 4
    for invoice, _ in results:
        assert mine.settled(invoice)["amounts"]["paid"] == 4000
        assert [taken["amount"] for taken in mine.charges(invoice)] == [4000]
    assert account(mine)["status"] == "active"
    assert len(endpoints(mine, before)) == 3


@pytest.mark.claim("IC-2")
@pytest.mark.claim("CR-3")
def test_the_status_says_whether_the_keys_were_verified_and_follows_them_both_ways(
    mine: Shop,
) -> None:
    customer = mine.customer()
    mine.save_card(customer)
    assert account(mine)["status"] == "active"
    revoke(mine)

    first, second = (mine.charge(mine.invoice(customer)) for _ in range(2))
    at_once = account(mine)
    doctor(mine)
    verified = eventually(
        lambda: account(mine),
        lambda seen: seen["status_reason"] == "Stripe refuses the secret key.",
    )

    assert (first.status, first.json["code"]) == (424, "stripe_account_error")
    assert (second.status, second.json["code"]) == (409, "account_not_active")
    assert at_once["status"] == verified["status"] == "error"
    eventually(lambda: module_state(mine), lambda seen: seen == "off")

    revoke(mine, revoked=False)
    hurry(mine)
    doctor(mine)
    eventually(lambda: account(mine)["status"], lambda seen: seen == "active")

    assert module_state(mine) == "off"
    required(switch_module(mine.stack, mine.tenant, mine.module), 200)
    assert mine.charge(mine.invoice(customer)).status == 201


def test_the_doctor_makes_a_lost_endpoint_anew_and_says_so(mine: Shop) -> None:
    (lost,) = endpoints(mine)
    stripe = Client(mine.stack.stripe, stripe_keys(mine.tenant)["secret_key"])
    assert stripe.delete(f"/v1/webhook_endpoints/{lost['id']}").status == 200
    ill = required(mine.client().get(of(mine, "/health")), 200)

    hurry(mine)
    doctor(mine)
    (made,) = eventually(lambda: endpoints(mine), lambda seen: len(seen) == 1)

    assert "gone at Stripe" in str(ill["problems"])
    assert (made["url"], made["id"] != lost["id"]) == (lost["url"], True)
    well = eventually(
        lambda: required(mine.client().get(of(mine, "/health")), 200),
        lambda seen: seen["repaired"] is not None,
    )
    assert well["healthy"], well["problems"]
    mine.payment(mine.invoice(mine.customer()))


@pytest.mark.claim("IC-3")
def test_each_mode_has_keys_of_its_own_and_a_module_takes_those_of_its_state(mine: Shop) -> None:
    admin, live = mine.client("admin"), new_keys(mine, "live", "live")
    refused = switch_module(mine.stack, mine.tenant, mine.module, "on")
    wrong = admin.post(of(mine, "/credentials"), live | {"mode": "test"})
    stranger = admin.post(
        of(mine, "/credentials"),
        {
            "mode": "live",
            "publishable_key": another_publishable_key("stranger", "live", "live"),
            "secret_key": another_secret_key("stranger", "live", "live"),
        },
    )

    both = required(admin.post(of(mine, "/credentials"), live), 200)["credentials"]

    assert (refused.status, refused.json["code"]) == (422, "key_mode_mismatch")
    assert (wrong.status, wrong.json["code"]) == (422, "key_mode_mismatch")
    assert (stranger.status, stranger.json["code"]) == (422, "keys_not_same_account")
    assert {mode: slot["status"] for mode, slot in both.items()} == {
        "test": "active",
        "live": "active",
    }
    assert both["live"]["webhook"]["url"].endswith("/live")


@pytest.mark.claim("KO-5")
def test_only_an_administrator_changes_an_account(mine: Shop, other: Shop) -> None:
    acts: dict[str, tuple[str, str, Any]] = {
        "rename": ("PATCH", of(mine), {"name": "Mine"}),
        "keys": ("POST", of(mine, "/credentials"), new_keys(mine, "x")),
        "secret": ("POST", of(mine, "/webhook-secret/rotate"), {}),
        "verify": ("POST", of(mine, "/verify"), None),
        "disconnect": ("POST", of(mine, "/disconnect"), None),
    }
    before = account(mine)

    for name, (method, path, body) in acts.items():
        for role in ("operator", "viewer", "storefront"):
            answer = mine.client(role).send(method, path, body)
            assert (answer.status, answer.json["code"]) == (403, "permission_denied"), name
        foreign = other.client("admin").send(method, path, body)
        assert (foreign.status, foreign.json["code"]) == (404, "not_found"), name

    assert account(mine) == before


@pytest.mark.claim("OH-2")
def test_an_account_can_be_renamed_and_disconnected_and_comes_back_by_its_keys(mine: Shop) -> None:
    admin = mine.client("admin")
    named = required(admin.patch(of(mine), {"name": "Flower shop"}), 200)
    open_page = mine.open_checkout(mine.link(mine.invoice(mine.customer())))

    gone = required(admin.post(of(mine, "/disconnect"), None, idempotency_key=new_key()), 200)

    assert named["name"] == "Flower shop"
    assert (gone["status"], gone["webhook"], gone["publishable_key"]) == (
        "disconnected",
        None,
        None,
    )
    assert endpoints(mine) == []
    assert module_state(mine) == "off"
    assert open_page
    secrets = mine.stack.aws("secretsmanager")
    for name in (f"keys/{mine.tenant}/{mine.account}/test", f"webhooks/{mine.account}/test"):
        assert secrets.get_secret_value(SecretId=f"receivable/local/{name}")["SecretString"] == "{}"
    back = required(
        admin.post(of(mine, "/credentials"), {"mode": "test", **stripe_keys(mine.tenant)}), 200
    )
    assert back["status"] == "active"
    required(switch_module(mine.stack, mine.tenant, mine.module), 200)
    mine.payment(mine.invoice(mine.customer()))


@pytest.mark.claim("OH-3")
def test_a_revoked_key_is_one_mail_and_its_repair_another(mine: Shop) -> None:
    watcher = f"watcher@{mine.tenant}.example"
    required(mine.client("admin").patch(of(mine), {"error_emails": [watcher]}), 200)
    customer = mine.customer()
    mine.save_card(customer)
    revoke(mine)

    for _ in range(3):
        mine.charge(mine.invoice(customer))
    for _ in range(3):
        required(mine.client("admin").post(of(mine, "/verify")), 200)
    first = eventually(lambda: subjects(mine, watcher), lambda seen: len(seen) >= 1)
    revoke(mine, revoked=False)
    for _ in range(3):
        required(mine.client("admin").post(of(mine, "/verify")), 200)
    both = eventually(lambda: subjects(mine, watcher), lambda seen: len(seen) >= len(first) + 1)

    assert both == [
        "Stripe account Main does not work in test mode",
        "Stripe account Main works again in test mode",
    ]


def subjects(shop: Shop, address: str) -> list[str]:
    return [mail["subject"] for mail in shop.stack.mails(address)]
