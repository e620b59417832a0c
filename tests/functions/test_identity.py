"""Whose a payment is, what is stored decides: anybody at Stripe can write over its metadata."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.functions.shop import Shop, expect
from tests.functions.test_reconcile_account import breaks, figures, reconcile
from tests.functions.world import Json

MINE = ("tenant", "invoice", "attempt")


def intents(shop: Shop) -> list[Json]:
    """The account's PaymentIntents, oldest first."""
    return list(shop.world.truth(shop.account)["payment_intents"])


def of(shop: Shop, invoice: Json) -> Json:
    return next(each for each in intents(shop) if each["metadata"].get("invoice") == invoice["id"])


def rename(shop: Shop, intent: Json, metadata: Json) -> None:
    """Write over what a payment says of itself."""
    form = {f"metadata[{name}]": metadata.get(name, "") for name in MINE}
    shop.world.at_stripe("POST", f"/v1/payment_intents/{intent['id']}", **form)


def clear(shop: Shop, intent: Json) -> None:
    shop.world.at_stripe("POST", f"/v1/payment_intents/{intent['id']}", metadata="")


def webhook(shop: Shop, invoice: Json, session: str) -> None:
    shop.world.control("webhooks", mode="deliver")
    assert shop.world.deliver() == []


def come_back(shop: Shop, invoice: Json, session: str) -> None:
    path = shop.link(invoice)
    answer = shop.world.public.get(f"{path}/return", session_id=session)
    assert answer.status == 303, answer.text


def run(shop: Shop, invoice: Json, session: str) -> None:
    assert figures(reconcile(shop)) == (1, 0, 1, {}, 0)


@pytest.mark.parametrize("told", [webhook, come_back, run])
def test_a_payment_without_its_metadata_is_booked(
    shop: Shop, told: Callable[[Shop, Json, str], None]
) -> None:
    invoice = shop.invoice()
    shop.world.control("webhooks", mode="hold" if told is webhook else "drop")
    url = shop.session(invoice)
    shop.world.press(url)
    clear(shop, of(shop, invoice))

    told(shop, invoice, urlsplit(url).path.rpartition("/")[2])

    assert shop.read(invoice)["status"] == "paid"
    assert breaks(shop) == []


def test_two_payments_whose_metadata_was_exchanged_are_each_its_own_invoices(shop: Shop) -> None:
    shop.world.control("webhooks", mode="drop")
    one, other = shop.invoice(), shop.invoice(lines=None, total=2500)
    shop.pay(one)
    shop.pay(other)
    first, second = of(shop, one), of(shop, other)
    rename(shop, first, second["metadata"])
    rename(shop, second, first["metadata"])

    assert figures(reconcile(shop)) == (2, 0, 2, {}, 0)

    paid = [shop.read(invoice)["payments"] for invoice in (one, other)]
    assert [each["gross"] for (each,) in paid] == [4000, 2500]


def test_a_charge_of_a_saved_card_is_found_by_its_intent_alone(shop: Shop) -> None:
    shop.save_card()
    shop.world.control("webhooks", mode="drop")
    invoice = shop.invoice()
    shop.world.fail("/v1/payment_intents/*/confirm", "500_applied", "500_applied")
    shop.world.fail("/v1/payment_intents/*", *["timeout_lost"] * 4, method="GET")
    expect(202, shop.charge(invoice))
    clear(shop, of(shop, invoice))

    run(shop, invoice, "")

    assert shop.read(invoice)["status"] == "paid"


def test_what_goes_back_at_stripe_is_booked_of_a_payment_without_its_metadata(shop: Shop) -> None:
    shop.save_card()
    refunded, disputed = shop.invoice(), shop.invoice()
    shop.pay(refunded)
    shop.pay(disputed, "createDispute")
    shop.world.deliver()
    (payment,) = shop.read(refunded)["payments"]
    for intent in intents(shop):
        clear(shop, intent)

    shop.world.at_stripe("POST", "/v1/refunds", charge=payment["note"]["charge"], amount="1500")
    shop.world.advance(minutes=5)
    shop.world.truth(shop.account)
    shop.world.deliver()

    assert shop.read(refunded)["amounts"]["refunded"] == 1500
    assert shop.read(disputed)["facets"]["exception"] == "disputed"
    assert breaks(shop) == []


def test_a_payment_that_only_says_it_is_ours_is_a_break_and_pays_nothing(shop: Shop) -> None:
    """A tool has copied what our payment says of itself to one of its own."""
    shop.world.control("webhooks", mode="drop")
    invoice = shop.invoice()
    shop.session(invoice)
    (attempt,) = shop.read(invoice)["attempts"]
    named = {"tenant": "tulips", "invoice": invoice["id"], "attempt": attempt["id"]}
    shop.sell_elsewhere(4000, **named)

    assert figures(reconcile(shop)) == (1, 0, 0, {"contradiction": 1}, 1)

    assert shop.read(invoice)["amounts"]["paid"] == 0


def test_a_card_is_its_stripe_customers_whatever_the_metadata_says(shop: Shop) -> None:
    shop.customer("c-2")
    shop.save_card(ref="c-2")
    asked = {"module": shop.module["id"], "ui": "elements"}
    made = shop.operator.post("/v1/customers/c-1/setup-sessions", asked)
    setup = expect(201, made)["setup_intent"]
    path = f"/v1/setup_intents/{setup}"
    shop.world.at_stripe("POST", path, **{"metadata[customer]": "c-2"})
    card = {"payment_method": "pm_card_mastercard", "return_url": "https://shop.example/"}
    done = shop.world.at_stripe("POST", f"{path}/confirm", **card)
    assert done["status"] == "succeeded"
    shop.world.deliver()

    assert [card["brand"] for card in shop.cards("c-1")] == ["mastercard"]
    assert [card["brand"] for card in shop.cards("c-2")] == ["visa"]
