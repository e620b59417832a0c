"""A storefront's sessions and PaymentIntents: one claim, one payment, whatever the way."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from local.standin.engine.messages import Request
from tests.doubles.tenants import publishable_key
from tests.functions.refusals import ALWAYS, AMOUNTS, Bad, invalid, refuse, refuse_body, without
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Died, Json, World

SHOP = "https://shop.example"
BACK = {"success_url": f"{SHOP}/thanks?s={{CHECKOUT_SESSION_ID}}", "cancel_url": f"{SHOP}/cart"}
WAYS = ("checkout-sessions", "payment-intents")


def settle_origins(shop: Shop) -> None:
    asked = {"return_origins": [SHOP]}
    headers = {"if-match": shop.admin.get("/v1/settings").headers["etag"]}
    assert shop.admin.send("PATCH", "/v1/settings", asked, headers=headers).status == 200


@pytest.fixture
def shop(world: World) -> Shop:
    """Give a shop whose storefront has an origin."""
    opened = Shop.open(world, "tulips")
    settle_origins(opened)
    return opened


@pytest.fixture(scope="module")
def owed(showroom: Shop) -> Json:
    """Give an invoice of a shop with an origin."""
    settle_origins(showroom)
    return showroom.invoice()


def path(invoice: Json, way: str = "checkout-sessions") -> str:
    return f"/v1/invoices/{invoice['id']}/{way}"


def open_way(shop: Shop, invoice: Json, way: str, *, key: str = "", **asked: Any) -> Answer:
    body = (BACK if way == "checkout-sessions" else {}) | asked
    return shop.storefront.post(path(invoice, way), body, key=key)


def confirm(shop: Shop, opened: Json, card: str = "visa") -> Any:
    """Do what Stripe.js does with the client secret: confirm with the publishable key."""
    intent = opened["client_secret"].partition("_secret_")[0]
    form = {
        "client_secret": opened["client_secret"],
        "payment_method": f"pm_card_{card}",
        "return_url": f"{SHOP}/thanks",
    }
    headers = {"authorization": f"Bearer {opened['publishable_key']}"}
    asked = Request(
        "POST", f"/v1/payment_intents/{intent}/confirm", "", headers, urlencode(form).encode()
    )
    return shop.world.standin.handle(asked)


def pay(shop: Shop, opened: Json) -> None:
    """Pay, whichever way was opened."""
    paid = shop.world.press(opened["url"]) if "url" in opened else confirm(shop, opened)
    assert paid.status in {200, 303}, paid.body


def test_a_session_is_opened_as_the_contract_shows(shop: Shop) -> None:
    invoice = shop.invoice()

    made = expect(201, open_way(shop, invoice, "checkout-sessions", locale="de"))

    (session,) = shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"]
    assert made == {
        "attempt_id": shop.read(invoice)["attempts"][0]["id"],
        "url": session["url"],
        "expires_at": "2026-09-22T13:00:00Z",
    }
    assert (session["amount_total"], session["currency"], session["locale"]) == (4000, "eur", "de")
    assert {name: session[name] for name in BACK} == BACK


def test_an_intent_is_opened_as_the_contract_shows(shop: Shop) -> None:
    invoice = shop.invoice()

    made = expect(201, open_way(shop, invoice, "payment-intents"))

    intent = shop.world.at_stripe("GET", "/v1/payment_intents")["data"][0]
    assert made == {
        "attempt_id": shop.read(invoice)["attempts"][0]["id"],
        "client_secret": intent["client_secret"],
        "publishable_key": publishable_key("tulips"),
        "stripe_account": None,
    }
    assert (intent["status"], intent["amount"]) == ("requires_payment_method", 4000)


def test_the_client_secret_is_in_no_row_and_no_log(shop: Shop) -> None:
    made = expect(201, open_way(shop, shop.invoice(), "payment-intents"))
    expect(200, shop.storefront.get(f"/v1/attempts/{made['attempt_id']}"))

    told = str(shop.world.rows()) + shop.world.log.getvalue()

    assert made["client_secret"].partition("_secret_")[2] not in told


@pytest.mark.parametrize("way", WAYS)
def test_a_payment_is_booked_by_the_webhook_without_any_return(shop: Shop, way: str) -> None:
    invoice = shop.invoice()
    pay(shop, expect(201, open_way(shop, invoice, way)))

    shop.world.deliver()

    assert shop.read(invoice)["status"] == "paid"
    assert shop.world.booked() == shop.world.charged(shop.account) == [4000]


@pytest.mark.parametrize("way", WAYS)
def test_a_refresh_sees_the_payment_with_every_webhook_lost(shop: Shop, way: str) -> None:
    invoice = shop.invoice()
    opened = expect(201, open_way(shop, invoice, way))
    attempt = f"/v1/attempts/{opened['attempt_id']}"
    assert expect(200, shop.storefront.get(attempt))["status"] == "submitting"
    pay(shop, opened)

    for _ in range(2):
        seen = expect(200, shop.storefront.post(f"{attempt}/refresh"))

    assert (seen["status"], seen["invoice_status"], seen["outstanding"]) == ("succeeded", "paid", 0)
    assert shop.world.booked() == [4000]


@pytest.mark.parametrize("way", WAYS)
def test_a_key_twice_opens_one_way_to_pay(shop: Shop, way: str) -> None:
    invoice = shop.invoice()

    one, two = (open_way(shop, invoice, way, key="once") for _ in range(2))
    other = open_way(shop, invoice, way, key="once", amount=1000)

    assert one.json == two.json
    assert two.headers["idempotent-replayed"] == "true"
    assert other.code == "idempotency_key_reused"


@pytest.mark.parametrize("first", ["link", *WAYS])
@pytest.mark.parametrize("second", ["link", *WAYS])
def test_of_two_ways_to_pay_one_invoice_only_the_newer_one_works(
    shop: Shop, first: str, second: str
) -> None:
    invoice = shop.invoice()
    older, newer = (begin(shop, invoice, way) for way in (first, second))

    refused = shop.world.press(older["url"]) if "url" in older else confirm(shop, older)
    assert refused.status >= 400

    pay(shop, newer)
    shop.world.deliver()
    assert shop.world.booked() == shop.world.charged(shop.account) == [4000]


def begin(shop: Shop, invoice: Json, way: str) -> Json:
    if way == "link":
        return {"url": shop.session(invoice)}
    return expect(201, open_way(shop, invoice, way))


@pytest.mark.parametrize("way", WAYS)
def test_a_saved_card_is_charged_only_after_the_storefronts_page_is_closed(
    shop: Shop, way: str
) -> None:
    shop.save_card()
    invoice = shop.invoice()
    opened = begin(shop, invoice, way)

    expect(201, shop.charge(invoice))

    refused = shop.world.press(opened["url"]) if "url" in opened else confirm(shop, opened)
    assert refused.status >= 400
    assert shop.world.charged(shop.account) == [4000]


@pytest.mark.parametrize("way", WAYS)
def test_an_attempt_is_canceled_at_stripe_and_frees_the_invoice(shop: Shop, way: str) -> None:
    invoice = shop.invoice()
    opened = begin(shop, invoice, way)

    for _ in range(2):
        ended = expect(200, shop.storefront.post(f"/v1/attempts/{opened['attempt_id']}/cancel"))

    assert ended["status"] in {"expired", "canceled"}
    assert ended["url"] is None
    assert shop.read(invoice)["amounts"]["collectable"] == 4000
    refused = shop.world.press(opened["url"]) if "url" in opened else confirm(shop, opened)
    assert refused.status >= 400


@pytest.mark.parametrize("way", WAYS)
def test_canceling_what_was_just_paid_says_that_it_is_paid(shop: Shop, way: str) -> None:
    opened = begin(shop, shop.invoice(), way)
    pay(shop, opened)

    ended = expect(200, shop.storefront.post(f"/v1/attempts/{opened['attempt_id']}/cancel"))

    assert (ended["status"], ended["invoice_status"]) == ("succeeded", "paid")


def test_a_cancel_that_stripe_does_not_answer_is_asked_again(shop: Shop) -> None:
    opened = begin(shop, shop.invoice(), "checkout-sessions")
    cancel = f"/v1/attempts/{opened['attempt_id']}/cancel"
    shop.world.fail("/v1/checkout/sessions/*/expire", "timeout_lost", "timeout_lost")

    assert shop.storefront.post(cancel).code == "stripe_unavailable"
    assert expect(200, shop.storefront.post(cancel))["status"] == "expired"


@pytest.mark.parametrize("way", WAYS)
def test_an_attempt_that_nobody_pays_ends_after_a_day(shop: Shop, way: str) -> None:
    invoice = shop.invoice()
    begin(shop, invoice, way)

    shop.world.advance(hours=24)
    shop.world.run("sweep_attempts", {})

    seen = shop.read(invoice)
    assert (seen["facets"]["collection"], seen["amounts"]["collectable"]) == ("idle", 4000)


def test_a_decline_in_the_storefronts_page_leaves_the_attempt_for_another_card(shop: Shop) -> None:
    invoice = shop.invoice()
    opened = begin(shop, invoice, "payment-intents")

    assert confirm(shop, opened, "chargeDeclined").status == 402
    shop.world.deliver()
    assert shop.read(invoice)["facets"]["collection"] == "in_progress"

    pay(shop, opened)
    shop.world.deliver()
    assert shop.read(invoice)["status"] == "paid"


@pytest.mark.parametrize("way", WAYS)
def test_parts_are_paid_one_after_another(shop: Shop, way: str) -> None:
    invoice = shop.invoice()
    for amount in (1500, 2500):
        pay(shop, expect(201, open_way(shop, invoice, way, amount=amount)))
        shop.world.deliver()

    third = open_way(shop, invoice, way, amount=1)

    assert shop.read(invoice)["status"] == "paid"
    assert (third.status, third.code) == (409, "invoice_not_payable")


def test_what_a_storefront_expects_is_compared_and_never_taken(shop: Shop) -> None:
    invoice = shop.invoice()

    refused = open_way(shop, invoice, "checkout-sessions", expected_amount=3999)

    assert (refused.status, refused.code, refused.json["amount"]) == (409, "amount_changed", 4000)
    expect(201, open_way(shop, invoice, "checkout-sessions", expected_amount=4000))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_request_that_dies_anywhere_leaves_at_most_one_way_to_pay(
    shop: Shop, way: str, moment: str
) -> None:
    pay(shop, begin(shop, shop.invoice(), way))
    invoice = shop.invoice()
    shop.world.gate.arm(None)
    begin(shop, invoice, way)
    steps = len(shop.world.gate.passed)
    shop.world.deliver()

    for step in range(steps):
        invoice = shop.invoice()
        shop.world.gate.arm(step, moment)
        with pytest.raises(Died):
            open_way(shop, invoice, way, key=f"{way}-{step}")
        shop.world.gate.arm(None)
        shop.world.advance(minutes=1, seconds=1)
        pay(shop, expect(201, open_way(shop, invoice, way, key=f"{way}-{step}")))
        shop.world.deliver()
        assert shop.read(invoice)["amounts"]["paid"] == 4000, step

    assert sorted(shop.world.booked()) == sorted(shop.world.charged(shop.account))


@pytest.mark.parametrize("way", WAYS)
def test_a_request_that_died_and_was_swept_away_is_told_to_begin_anew(shop: Shop, way: str) -> None:
    begin(shop, shop.invoice(), way)
    other, invoice = shop.invoice(), shop.invoice()
    shop.world.gate.arm(None)
    begin(shop, other, way)
    asked = [number for number, name in enumerate(shop.world.gate.passed) if "POST /v1" in name]
    shop.world.gate.arm(asked[0], "before")
    with pytest.raises(Died):
        open_way(shop, invoice, way, key="again")
    shop.world.gate.arm(None)
    shop.world.advance(hours=1)
    shop.world.run("sweep_attempts", {})

    answer = open_way(shop, invoice, way, key="again")

    assert (answer.status, answer.code) == (402, "payment_canceled")
    assert shop.read(invoice)["amounts"]["collectable"] == 4000


@pytest.mark.parametrize("way", WAYS)
def test_a_card_that_the_payer_lets_be_kept_is_charged_later(shop: Shop, way: str) -> None:
    opened = expect(201, open_way(shop, shop.invoice(), way, save_card=True, consent_text="v-3"))
    pay(shop, opened)
    shop.world.deliver()

    (card,) = shop.cards()

    assert (card["last4"], card["default"], card["consent"]["text"]) == ("4242", True, "v-3")
    assert expect(201, shop.charge(shop.invoice()))["attempt"]["status"] == "succeeded"


@pytest.mark.parametrize("way", WAYS)
def test_a_card_is_not_kept_unless_the_payer_lets_it(shop: Shop, way: str) -> None:
    pay(shop, begin(shop, shop.invoice(), way))
    shop.world.deliver()

    assert shop.cards() == []


def test_a_storefront_tries_no_more_often_than_the_module_lets_it(shop: Shop) -> None:
    rule = {"scope": "customer", "counts": "attempts", "limit": 2}
    module = f"/v1/payment-modules/{shop.module['id']}"
    seen = {"if-match": shop.admin.get(module).headers["etag"]}
    expect(200, shop.admin.send("PATCH", module, {"velocity": [rule]}, headers=seen))
    invoice = shop.invoice()

    answers = [open_way(shop, invoice, way) for way in (*WAYS, *WAYS)]

    assert [answer.status for answer in answers] == [201, 201, 429, 429]


def test_a_storefront_knows_what_a_browser_may_know(shop: Shop) -> None:
    config = f"/v1/payment-modules/{shop.module['id']}/public-config"

    found = expect(200, shop.storefront.get(config))

    assert found["publishable_key"] == publishable_key("tulips")
    assert (found["mode"], found["stripe_account"]) == ("test", None)
    assert "sk_test" not in str(found)


def test_a_module_that_is_off_sells_nothing(shop: Shop) -> None:
    invoice = shop.invoice()
    expect(200, shop.admin.post(f"/v1/payment-modules/{shop.module['id']}/state", {"state": "off"}))

    for way in WAYS:
        assert open_way(shop, invoice, way).code == "module_off"
    config = f"/v1/payment-modules/{shop.module['id']}/public-config"
    assert shop.storefront.get(config).code == "module_off"


def test_a_storefront_that_was_not_granted_the_module_sells_nothing(shop: Shop) -> None:
    invoice, grant = shop.invoice(), f"/v1/profiles/storefront/modules/{shop.module['id']}"
    expect(200, shop.admin.send("DELETE", grant))

    for way in WAYS:
        assert open_way(shop, invoice, way).code == "permission_denied"


def test_a_customer_who_is_not_enabled_pays_nothing(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.customer(enabled=False)

    for way in WAYS:
        assert open_way(shop, invoice, way).code == "customer_not_enabled"


ELSEWHERE = (
    "https://evil.example/thanks",
    "http://shop.example/thanks",
    "https://shop.example.evil.example/",
    "https://shop.example@evil.example/",
    "https://evil.example\\@shop.example/",
    "https://shop.example:444/",
    "https://SHOP.example/",
    "//shop.example/",
    "/thanks",
    "javascript:alert(1)",
    "https://shop.example/\r\nSet-Cookie: x=1",
    "http://127.0.0.1:8000/",
)
BAD = (
    *ALWAYS,
    *AMOUNTS,
    *(invalid(f"leads to {url!r}", {"success_url": url}) for url in ELSEWHERE),
    *(invalid(f"gives up to {url!r}", {"cancel_url": url}) for url in ELSEWHERE),
    without("success_url"),
    invalid("a language that there is not", {"locale": "tlh"}),
    invalid("a card to save that is no boolean", {"save_card": "yes"}),
    invalid("a price", {"unit_amount": 1}),
    Bad("more than is owed", 409, "exceeds_outstanding", {"amount": 4001}),
    Bad("a module that nobody has", 404, "not_found", {"module": "mod_nobody"}),
)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_a_session_is_refused(showroom: Shop, owed: Json, bad: Bad) -> None:
    answer = refuse_body(showroom.storefront, "POST", path(owed), BACK, bad)

    assert answer == (bad.status, bad.code)


@pytest.mark.parametrize("bad", [*AMOUNTS, *ALWAYS[:7]], ids=str)
def test_what_cannot_be_an_intent_is_refused(showroom: Shop, owed: Json, bad: Bad) -> None:
    answer = refuse_body(showroom.storefront, "POST", path(owed, "payment-intents"), {}, bad)

    assert answer == (bad.status, bad.code)


def test_nothing_of_another_tenant_can_be_sold_seen_or_canceled(world: World) -> None:
    tulips, bakery = Shop.open(world, "tulips"), Shop.open(world, "bakery")
    settle_origins(tulips)
    settle_origins(bakery)
    invoice = tulips.invoice()
    attempt = f"/v1/attempts/{begin(tulips, invoice, 'payment-intents')['attempt_id']}"
    asked: tuple[Callable[[], Answer], ...] = (
        lambda: bakery.storefront.post(path(invoice), BACK),
        lambda: bakery.storefront.post(path(invoice, "payment-intents"), {}),
        lambda: bakery.storefront.get(attempt),
        lambda: bakery.storefront.post(f"{attempt}/refresh"),
        lambda: bakery.storefront.post(f"{attempt}/cancel"),
        lambda: bakery.storefront.get(f"/v1/payment-modules/{tulips.module['id']}/public-config"),
    )

    assert {refuse(world, each) for each in asked} == {(404, "not_found")}
