"""What is known of a customer here and at Stripe stays the same, whoever has changed it."""

import pytest

from payments.edge import runtime
from payments.facts.settings import Settings
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Json

NEW = {"name": "Ada L.", "email": "new@example.com", "online_payment_enabled": True}


def at_stripe(shop: Shop) -> list[Json]:
    """The account's customers that are still there."""
    return list(shop.world.at_stripe("GET", "/v1/customers")["data"])


def rename(shop: Shop) -> None:
    expect(200, shop.admin.put("/v1/customers/c-1", NEW))


def delete(shop: Shop) -> None:
    """Delete the customer in the Dashboard while no webhook comes."""
    shop.world.control("webhooks", mode="drop")
    for customer in at_stripe(shop):
        shop.world.at_stripe("DELETE", f"/v1/customers/{customer['id']}")


def by_link(shop: Shop) -> Answer:
    return shop.world.public.post(f"{shop.link(shop.invoice())}/pay", key=None)


def by_checkout(shop: Shop) -> Answer:
    urls = {"success_url": "https://shop.example/ok", "cancel_url": "https://shop.example/no"}
    runtime.store().save(Settings(tenant="tulips", return_origins=("https://shop.example",)))
    path = f"/v1/invoices/{shop.invoice()['id']}/checkout-sessions"
    return shop.storefront.post(path, urls)


def by_elements(shop: Shop) -> Answer:
    return shop.storefront.post(f"/v1/invoices/{shop.invoice()['id']}/payment-intents", {})


def by_setup(shop: Shop) -> Answer:
    return shop.operator.post("/v1/customers/c-1/setup-sessions", {"module": shop.module["id"]})


def by_setup_intent(shop: Shop) -> Answer:
    asked = {"module": shop.module["id"], "ui": "elements"}
    return shop.operator.post("/v1/customers/c-1/setup-sessions", asked)


WAYS = [by_link, by_checkout, by_elements, by_setup, by_setup_intent]


def test_a_new_address_reaches_stripe_at_once(shop: Shop) -> None:
    shop.session(shop.invoice())

    rename(shop)

    (customer,) = at_stripe(shop)
    assert (customer["name"], customer["email"]) == ("Ada L.", "new@example.com")


@pytest.mark.parametrize("way", ["link", "saved card"])
def test_an_address_that_stripe_did_not_take_reaches_it_at_the_next_payment(
    shop: Shop, way: str
) -> None:
    shop.save_card()
    shop.world.fail("/v1/customers/*", "500", "500")
    rename(shop)
    assert at_stripe(shop)[0]["email"] == "ada@example.com"

    if way == "link":
        shop.session(shop.invoice())
    else:
        expect(201, shop.charge(shop.invoice()))

    (customer,) = at_stripe(shop)
    assert (customer["name"], customer["email"]) == ("Ada L.", "new@example.com")


def test_an_address_that_is_none_any_more_is_taken_out_at_stripe(shop: Shop) -> None:
    shop.session(shop.invoice())

    expect(200, shop.admin.put("/v1/customers/c-1", NEW | {"email": None}))

    assert not at_stripe(shop)[0]["email"]


@pytest.mark.parametrize("way", WAYS)
def test_a_customer_deleted_in_the_dashboard_is_made_anew_at_the_next_payment(
    shop: Shop, way: object
) -> None:
    shop.save_card()
    delete(shop)

    answer = way(shop)  # type: ignore[operator]

    assert answer.status in {201, 303}, answer.text
    assert len(at_stripe(shop)) == 1
    assert [card["status"] for card in shop.cards()] in ([], ["detached"])


def test_a_payment_of_a_customer_made_anew_is_booked(shop: Shop) -> None:
    shop.session(shop.invoice())
    delete(shop)
    shop.world.control("webhooks", mode="deliver")
    invoice = shop.invoice()

    shop.pay(invoice)
    shop.world.deliver()

    assert shop.read(invoice)["status"] == "paid"


@pytest.mark.parametrize("how", ["detached", "customer deleted"])
def test_a_card_that_is_gone_at_stripe_leaves_the_list_at_the_refusal_which_says_so(
    shop: Shop, how: str
) -> None:
    card = shop.save_card()
    if how == "detached":
        shop.world.control("webhooks", mode="drop")
        shop.world.at_stripe("POST", f"/v1/payment_methods/{card}/detach")
    else:
        delete(shop)
    invoice = shop.invoice()

    refused = shop.charge(invoice, payment_method=card)

    assert (refused.status, refused.code) == (404, "not_found")
    assert "taken out of the customer's list" in refused.json["detail"]
    assert [each["status"] for each in shop.cards()] in ([], ["detached"])
    assert shop.read(invoice)["facets"]["collection"] == "idle"
