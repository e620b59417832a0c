"""/v1/customers: who may pay online, and the cards they saved at Stripe."""

import pytest

from tests.doubles.invocations import DOMAIN, route_of
from tests.functions import refusals
from tests.functions.refusals import ALWAYS, Bad, invalid, refuse, refuse_body, without
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Died, World

PUT, SETUP = "/v1/customers/c-9", "/v1/customers/c-1/setup-sessions"


def test_a_customer_is_put_and_read_as_the_contract_shows(shop: Shop) -> None:
    body = {"name": "Grace", "email": "grace@example.com", "online_payment_enabled": True}

    put = expect(200, shop.operator.put(PUT, body))

    assert put == {"ref": "c-9", **body, "locale": None, "created_at": "2026-09-21T14:00:00Z"}
    assert expect(200, shop.storefront.get(PUT)) == put


def test_nobody_pays_online_until_it_is_said(shop: Shop) -> None:
    put = expect(200, shop.operator.put(PUT, {"name": "Grace"}))

    assert (put["online_payment_enabled"], put["email"]) == (False, None)


def test_a_customer_is_enabled_only_beside_an_active_account(world: World) -> None:
    body = {"name": "Ada", "online_payment_enabled": True}

    refused = refuse(world, lambda: world.client().put(PUT, body))

    assert refused == (409, "stripe_account_required")
    assert world.client().put(PUT, {"name": "Ada"}).status == 200


def test_a_customer_put_again_keeps_cards_and_birthday(shop: Shop) -> None:
    card = shop.save_card()
    shop.world.advance(days=1)

    again = expect(200, shop.operator.put("/v1/customers/c-1", {"name": "Ada L."}))

    assert (again["name"], again["created_at"]) == ("Ada L.", "2026-09-21T14:00:00Z")
    assert [(saved["id"], saved["default"]) for saved in shop.cards()] == [(card, True)]


BAD = (
    *ALWAYS,
    without("name"),
    invalid("empty name", {"name": ""}),
    invalid("name with a control character", {"name": "A\x07da"}),
    invalid("address that is none", {"email": "ada"}),
    invalid("address with a space", {"email": "ada @example.com"}),
    invalid("two addresses", {"email": "ada@example.com,grace"}),
    invalid("address with a name", {"email": "<ada@example.com>"}),
    invalid("address with NUL", {"email": "a\0da@example.com"}),
    invalid("enabled in words", {"online_payment_enabled": "true"}),
    invalid("enabled as a number", {"online_payment_enabled": 1}),
    invalid("the ref in the body", {"ref": "c-2"}),
    invalid("Stripe ids of their own", {"stripe_ids": {"a": "cus_1"}}),
    invalid("card number as the name", {"name": refusals.PAN}, "pan_detected"),
)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_a_customer_is_refused(showroom: Shop, bad: Bad) -> None:
    good = {"name": "Grace", "email": "grace@example.com"}

    assert refuse_body(showroom.operator, "PUT", PUT, good, bad) == (bad.status, bad.code)


@pytest.mark.parametrize("ref", ["a%23b", "a%2Fb", "x" * 65, "%C3%A4", "a%0Ab"])
def test_a_reference_that_leaves_its_place_is_refused(showroom: Shop, ref: str) -> None:
    path = f"/v1/customers/{ref}"
    assert route_of("PUT", path)[0] == "PUT /v1/customers/{ref}"

    refused = refuse(showroom.world, lambda: showroom.operator.put(path, {"name": "Grace"}))

    assert refused in {(422, "validation_failed"), (404, "not_found")}


def test_a_card_is_saved_on_the_hosted_page_and_shown_as_the_contract_does(shop: Shop) -> None:
    made = expect(201, shop.operator.post(SETUP, {"module": shop.module["id"]}))
    assert made.keys() == {"url"}
    assert shop.cards() == []

    back = shop.world.press(made["url"])
    assert shop.world.deliver() == []

    (card,) = shop.cards()
    assert back.headers["Location"] == f"https://{DOMAIN}/p/saved-card"
    assert shop.world.public.get("/p/saved-card").status == 200
    assert card == {
        "id": card["id"],
        "brand": "visa",
        "last4": "4242",
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "default": True,
        "status": "active",
        "consent": card["consent"],
    }
    assert card["id"].startswith("pm_")
    assert card["consent"].pop("setup_intent").startswith("seti_")
    assert card["consent"] == {"at": "2026-09-21T14:00:00Z", "text": "stripe_checkout"}


def test_saving_a_card_takes_no_money(shop: Shop) -> None:
    shop.save_card()

    assert shop.world.charged(shop.account) == []


def test_customers_are_listed_newest_first_in_pages(shop: Shop) -> None:
    for number in range(2, 6):
        shop.world.advance(minutes=1)
        shop.customer(f"c-{number}")
    shop.customer("c-2", enabled=False)

    first = expect(200, shop.operator.get("/v1/customers", limit=3))
    rest = expect(200, shop.operator.get("/v1/customers", limit=3, cursor=first["next_cursor"]))

    assert [found["ref"] for found in first["data"]] == ["c-5", "c-4", "c-3"]
    assert [found["ref"] for found in rest["data"]] == ["c-2", "c-1"]
    assert rest["next_cursor"] is None
    assert rest["data"][0]["online_payment_enabled"] is False
    assert expect(200, shop.world.client("bakery").get("/v1/customers"))["data"] == []


def test_the_first_card_stays_the_default(shop: Shop) -> None:
    first, second = shop.save_card(), shop.save_card("mastercard")

    assert {card["id"]: card["default"] for card in shop.cards()} == {first: True, second: False}


def test_a_card_told_of_twice_is_one_card(shop: Shop) -> None:
    shop.world.control("webhooks", mode="duplicate")

    shop.save_card()

    assert len(shop.cards()) == 1


def test_a_customer_has_one_customer_at_stripe_in_each_account(shop: Shop) -> None:
    shop.save_card()
    shop.save_card("mastercard")
    shop.pay(shop.invoice())

    (customer,) = shop.world.at_stripe("GET", "/v1/customers")["data"]

    assert customer["metadata"] == {"tenant": "tulips", "customer": "c-1"}
    assert (customer["name"], customer["email"]) == ("Ada", "ada@example.com")


def test_a_key_twice_opens_one_page(shop: Shop) -> None:
    good = {"module": shop.module["id"]}

    refusals.use_key_twice(
        shop.operator, SETUP, good | {"currency": "eur"}, good | {"currency": "usd"}, required=False
    )

    assert len(shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"]) == 1


def test_a_page_cut_short_anywhere_is_opened_by_the_same_request(shop: Shop) -> None:
    body = {"module": shop.module["id"]}
    expect(201, shop.operator.post(SETUP, body))
    shop.customer("c-new")
    # The keys are known by now, as they are most of the time below.
    shop.world.gate.arm(None)
    expect(201, shop.operator.post("/v1/customers/c-new/setup-sessions", body))

    for step in range(len(shop.world.gate.passed)):
        shop.customer(f"c-{step}")
        path = f"/v1/customers/c-{step}/setup-sessions"
        shop.world.gate.arm(step, "after")
        with pytest.raises(Died):
            shop.operator.post(path, body, key=path)
        shop.world.gate.arm(None)
        shop.world.advance(minutes=2)
        assert shop.operator.post(path, body, key=path).status == 201, step

    metadata = [found["metadata"] for found in shop.world.at_stripe("GET", "/v1/customers")["data"]]
    refs = [found["customer"] for found in metadata]
    assert len(refs) == len(set(refs))


def test_a_customer_who_never_holds_still_is_made_at_stripe_once_and_no_page_is_opened(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customer("c-busy")
    shop.world.never_still("CUSTOMER", monkeypatch)

    asked = shop.operator.post("/v1/customers/c-busy/setup-sessions", {"module": shop.module["id"]})

    assert (asked.status, asked.code) == (503, "too_much_contention")
    assert len(shop.world.at_stripe("GET", "/v1/customers")["data"]) == 1
    assert shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"] == []


def test_a_customer_who_is_erased_while_stripe_is_told_of_them_stays_nowhere(shop: Shop) -> None:
    erasing, body = "/v1/customers/c-new/erase", {"module": shop.module["id"]}
    # The keys are known from the second on.
    for ref in ("c-0", "c-1"):
        shop.customer(ref)
        shop.world.gate.arm(None)
        expect(201, shop.operator.post(f"/v1/customers/{ref}/setup-sessions", body))
    made = shop.world.gate.passed.index("POST /v1/customers")
    shop.customer("c-new")
    shop.world.gate.arm(None)
    shop.world.gate.before = (made + 1, lambda: expect(200, shop.admin.post(erasing)))

    asked = shop.operator.post("/v1/customers/c-new/setup-sessions", body)

    assert (asked.status, asked.code) == (409, "customer_erased")
    refs = [
        found["metadata"]["customer"]
        for found in shop.world.at_stripe("GET", "/v1/customers")["data"]
    ]
    assert sorted(refs) == ["c-0", "c-1"]


@pytest.mark.parametrize("kind", ["500", "500_applied"])
def test_a_customer_whom_stripe_failed_to_make_is_not_failed_for_a_day(
    shop: Shop, kind: str
) -> None:
    body = {"module": shop.module["id"]}
    shop.world.fail("/v1/customers", kind)
    assert shop.operator.post(SETUP, body).code == "stripe_unavailable"

    assert shop.operator.post(SETUP, body).status == 201


BAD_SETUPS = (
    *ALWAYS,
    without("module"),
    invalid("currency in capitals", {"currency": "EUR"}),
    invalid("currency that is none", {"currency": "euro"}),
    invalid("currency that Stripe does not know", {"currency": "xyz"}, "currency_not_supported"),
    invalid("where to return", {"success_url": "https://evil.example"}),
    invalid("a page of their own", {"ui": "embedded"}),
    invalid("a consent that is a whole text", {"consent_text": "I agree to everything"}),
    Bad("a module that nobody has", 404, "not_found", {"module": "mod_nobody"}),
)


@pytest.mark.parametrize("bad", BAD_SETUPS, ids=str)
def test_what_opens_no_page_is_refused(showroom: Shop, bad: Bad) -> None:
    good = {"module": showroom.module["id"]}

    assert refuse_body(showroom.operator, "POST", SETUP, good, bad) == (bad.status, bad.code)


def test_a_customer_who_is_not_enabled_saves_no_card(shop: Shop) -> None:
    shop.customer(enabled=False)

    refused = refuse(shop.world, lambda: shop.operator.post(SETUP, {"module": shop.module["id"]}))

    assert refused == (403, "customer_not_enabled")


def test_who_is_not_enabled_pays_in_no_way(shop: Shop) -> None:
    """Everything was begun while they were."""
    card, invoice = shop.save_card(), shop.invoice()
    link = shop.link(invoice)
    shop.customer(enabled=False)
    path, part = f"/v1/invoices/{invoice['id']}", {"invoice": invoice["id"], "amount": 100}
    back = {"success_url": "https://shop.example/done", "cancel_url": "https://shop.example/"}

    for way, body in (
        (f"{path}/pay-links", {}),
        (f"{path}/charges", {"payment_method": card}),
        ("/v1/charges", {"customer": "c-1", "allocations": [part], "payment_method": card}),
        (f"{path}/payment-intents", {}),
        (SETUP, {"module": shop.module["id"]}),
        (SETUP, {"module": shop.module["id"], "ui": "elements"}),
    ):
        refused = refuse(shop.world, lambda way=way, body=body: shop.operator.post(way, body))
        assert refused == (403, "customer_not_enabled"), way
    expect(200, change_settings(shop, return_origins=["https://shop.example"]))
    session = refuse(shop.world, lambda: shop.operator.post(f"{path}/checkout-sessions", back))
    assert session == (403, "customer_not_enabled")
    pressed = shop.world.public.post(f"{link}/pay", key=None)
    assert pressed.headers["location"].partition("?")[0].endswith(link)
    assert shop.world.at_stripe("GET", "/v1/payment_intents")["data"] == []


def change_settings(shop: Shop, **asked: object) -> Answer:
    seen = shop.admin.get("/v1/settings")
    headers = {"if-match": seen.headers["etag"]}
    return shop.admin.send("PATCH", "/v1/settings", asked, headers=headers)


def test_a_module_without_saved_cards_saves_none(world: World) -> None:
    shop = Shop.open(world, "tulips", charge_saved=False)

    refused = refuse(world, lambda: shop.operator.post(SETUP, {"module": shop.module["id"]}))

    assert refused == (403, "feature_disabled")


def test_who_was_not_granted_the_module_saves_no_card(showroom: Shop) -> None:
    body = {"module": showroom.module["id"]}

    refused = refuse(showroom.world, lambda: showroom.admin.post(SETUP, body))

    assert refused == (403, "permission_denied")


def test_stripe_out_of_reach_is_said_and_can_be_tried_again(shop: Shop) -> None:
    body = {"module": shop.module["id"]}
    for path in ("/v1/customers", "/v1/checkout/sessions"):
        shop.world.fail(path, "timeout_applied", "timeout_lost")
        answer = shop.operator.post(SETUP, body, key="k")
        assert (answer.status, answer.code) == (503, "stripe_unavailable")

    assert shop.operator.post(SETUP, body, key="k").status == 201
    assert len(shop.world.at_stripe("GET", "/v1/customers")["data"]) == 1
    assert len(shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"]) == 1


def test_another_tenants_customers_and_cards_do_not_exist(shop: Shop) -> None:
    shop.save_card()

    for path in ("/v1/customers/c-1", "/v1/customers/c-1/payment-methods"):
        assert refusals.foreign(shop, path) == (404, "not_found")
    body = {"module": shop.module["id"]}
    assert refusals.foreign(shop, SETUP, body, "POST") == (404, "not_found")


def test_a_customer_of_nobody_is_not_found(showroom: Shop) -> None:
    body = {"module": showroom.module["id"]}
    for send in (
        lambda: showroom.operator.get("/v1/customers/c-nobody"),
        lambda: showroom.operator.get("/v1/customers/c-nobody/payment-methods"),
        lambda: showroom.operator.post("/v1/customers/c-nobody/setup-sessions", body),
    ):
        assert refuse(showroom.world, send) == (404, "not_found")
