"""Saved cards: with consent, as the default, taken away, and as Stripe tells of them."""

import json
from typing import Any

import pytest

from tests.doubles.tenants import publishable_key
from tests.functions import refusals
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.signing import a_body, deliver
from tests.functions.world import Died, Json

SETUP = "/v1/customers/c-1/setup-sessions"


def path_of(card: str, ref: str = "c-1") -> str:
    return f"/v1/customers/{ref}/payment-methods/{card}"


def elements(shop: Shop, *, key: str = "", **asked: str) -> Json:
    body = {"module": shop.module["id"], "ui": "elements"} | asked
    return expect(201, shop.storefront.post(SETUP, body, key=key))


def confirm(shop: Shop, setup: Json, card: str = "pm_card_visa") -> Json:
    """What Stripe's Elements do in the customer's browser."""
    path = f"/v1/setup_intents/{setup['setup_intent']}/confirm"
    back = "https://shop.example/cards"
    done = shop.world.at_stripe("POST", path, payment_method=card, return_url=back)
    assert shop.world.deliver() == []
    return done


def attached(shop: Shop) -> list[str]:
    """The cards that Stripe itself has of its customers."""
    customers = shop.world.at_stripe("GET", "/v1/customers")["data"]
    return [
        card["id"]
        for customer in customers
        for card in shop.world.at_stripe("GET", f"/v1/customers/{customer['id']}/payment_methods")[
            "data"
        ]
    ]


def tell(shop: Shop, kind: str, name: str) -> None:
    """Send a signed event as Stripe would, and apply it."""
    told = {"id": name, "object": kind.rpartition(".")[0]}
    assert deliver(shop, a_body(type=kind, data={"object": told})).status == 200
    assert shop.world.deliver() == []


def test_elements_save_a_card_in_the_callers_own_page(shop: Shop) -> None:
    setup = elements(shop, consent_text="terms-2026-09")

    assert set(setup) == {"setup_intent", "client_secret", "publishable_key", "stripe_account"}
    assert setup["client_secret"].startswith(setup["setup_intent"])
    assert setup["publishable_key"] == publishable_key("tulips")
    assert setup["stripe_account"] is None
    assert shop.cards() == []

    confirm(shop, setup)

    (card,) = shop.cards()
    assert (card["brand"], card["last4"], card["default"]) == ("visa", "4242", True)
    assert card["consent"]["text"] == "terms-2026-09"
    assert card["consent"]["setup_intent"] == setup["setup_intent"]
    assert shop.charge(shop.invoice(), payment_method=card["id"]).status == 201


def test_a_setup_asked_for_twice_is_one_and_its_secret_is_in_no_row(shop: Shop) -> None:
    first = elements(shop, key="a-key")
    again = elements(shop, key="a-key")

    assert again == first
    assert first["client_secret"] not in json.dumps(list(shop.world.rows().values()))
    assert first["client_secret"] not in shop.world.log.getvalue()


def test_another_card_becomes_the_default(shop: Shop) -> None:
    first, second = shop.save_card(), shop.save_card("mastercard")

    made = expect(200, shop.operator.post(f"{path_of(second)}/default"))

    assert (made["id"], made["default"]) == (second, True)
    assert {card["id"]: card["default"] for card in shop.cards()} == {first: False, second: True}
    charged = expect(201, shop.charge(shop.invoice()))
    assert charged["payment"]["note"]["brand"] == "mastercard"


def test_a_detached_card_is_gone_here_and_at_stripe_and_another_is_the_default(shop: Shop) -> None:
    first, second = shop.save_card(), shop.save_card("mastercard")

    gone = expect(200, shop.operator.send("DELETE", path_of(first)))

    assert (gone["id"], gone["status"], gone["default"]) == (first, "detached", False)
    assert [(card["id"], card["default"]) for card in shop.cards()] == [(second, True)]
    assert attached(shop) == [second]
    invoice = shop.invoice()
    refused = refuse(shop.world, lambda: shop.charge(invoice, payment_method=first))
    assert refused == (404, "not_found")
    assert shop.operator.post(f"{path_of(first)}/default").code == "not_found"
    assert shop.charge(shop.invoice()).status == 201


def test_a_card_is_detached_once(shop: Shop) -> None:
    card = shop.save_card()
    first = expect(200, shop.operator.send("DELETE", path_of(card)))
    shop.world.deliver()
    before = shop.world.facts()

    assert expect(200, shop.operator.send("DELETE", path_of(card))) == first
    assert shop.world.facts() == before


def test_the_last_card_leaves_no_default(shop: Shop) -> None:
    card = shop.save_card()
    expect(200, shop.operator.send("DELETE", path_of(card)))

    invoice = shop.invoice()
    refused = refuse(shop.world, lambda: shop.charge(invoice))

    assert refused == (422, "validation_failed")


def test_a_card_is_not_detached_while_a_payment_with_it_is_open(shop: Shop) -> None:
    card, invoice = shop.save_card(), shop.invoice()
    shop.world.fail("/v1/payment_intents/*/confirm", "timeout_lost", "timeout_lost")
    pending = expect(202, shop.charge(invoice, payment_method=card))

    refused = shop.operator.send("DELETE", path_of(card))

    assert (refused.status, refused.code) == (409, "payment_in_progress")
    assert refused.json["attempt_id"] == pending["attempt"]["id"]
    assert [found["status"] for found in shop.cards()] == ["active"]
    shop.world.advance(minutes=5)
    shop.world.run("sweep_attempts", {})
    assert shop.operator.send("DELETE", path_of(card)).status == 200
    assert attached(shop) == []


def test_a_request_cut_short_anywhere_is_finished_by_the_next(shop: Shop) -> None:
    first = shop.save_card()
    shop.world.gate.arm(None)
    expect(200, shop.operator.send("DELETE", path_of(first)))
    steps = len(shop.world.gate.passed)

    for step in range(steps):
        for moment in ("before", "after"):
            card, invoice = shop.save_card(), shop.invoice()
            shop.world.gate.arm(step, moment)
            with pytest.raises(Died):
                shop.operator.send("DELETE", path_of(card))
            shop.world.gate.arm(None)
            listed = [found["status"] for found in shop.cards()]
            charged = shop.charge(invoice, payment_method=card).status
            assert (charged == 201) == (listed == ["active"]), (step, moment)
            gone = expect(200, shop.operator.send("DELETE", path_of(card)))
            assert gone["status"] == "detached"
            assert (attached(shop), shop.cards()) == ([], [])


def test_a_request_cut_short_after_stripe_is_finished_by_stripes_event(shop: Shop) -> None:
    card = shop.save_card()
    shop.world.fail(f"/v1/payment_methods/{card}/detach", "timeout_applied", "timeout_lost")

    lost = shop.operator.send("DELETE", path_of(card))

    assert (lost.status, lost.code) == (503, "stripe_unavailable")
    assert [found["status"] for found in shop.cards()] == ["detaching"]
    assert shop.world.deliver() == []
    assert shop.cards() == []


def test_a_charge_and_a_detachment_at_the_same_moment_never_contradict_each_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card is detached between any two requests of a charge."""
    gate, through, seen = shop.world.gate, shop.world.gate.through, set()
    card, invoice = shop.save_card(), shop.invoice()
    gate.arm(None)
    expect(201, shop.charge(invoice, payment_method=card))
    steps = len(gate.passed)
    shop.operator.send("DELETE", path_of(card))

    for step in range(steps):
        card, invoice = shop.save_card(), shop.invoice()
        passed: list[str] = []
        answers: dict[str, Any] = {}

        def meanwhile(
            name: str,
            send: Any,
            *,
            step: int = step,
            card: str = card,
            passed: list[str] = passed,
            answers: dict[str, Any] = answers,
        ) -> Any:
            passed.append(name)
            if len(passed) == step + 1 and "detached" not in answers:
                answers["detached"] = None
                answers["detached"] = shop.operator.send("DELETE", path_of(card))
            return through(name, send)

        monkeypatch.setattr(gate, "through", meanwhile)
        before = len(shop.world.charged(shop.account))
        charged = shop.charge(invoice, payment_method=card)
        monkeypatch.setattr(gate, "through", through)
        detached = answers["detached"]

        took = len(shop.world.charged(shop.account)) - before
        assert took == (charged.status == 201), step
        assert detached.status in {200, 409}, detached.text
        assert (card in attached(shop)) == (detached.status == 409)
        assert charged.status in {201, 202, 404}, charged.text
        if charged.status != 201:
            assert shop.read(invoice)["status"] == "open"
        seen.add((charged.status, detached.status))
        shop.world.advance(minutes=5)
        shop.world.run("sweep_attempts", {})
        assert shop.read(invoice)["facets"]["collection"] == "idle"
        shop.operator.send("DELETE", path_of(card))

    assert (201, 409) in seen
    assert (404, 200) in seen


def test_a_card_detached_in_the_dashboard_is_charged_no_more(shop: Shop) -> None:
    card = shop.save_card()

    shop.world.at_stripe("POST", f"/v1/payment_methods/{card}/detach")
    assert shop.world.deliver() == []

    assert shop.cards() == []
    assert shop.charge(shop.invoice(), payment_method=card).code == "not_found"


@pytest.mark.parametrize("kind", ["updated", "automatically_updated"])
def test_a_card_that_the_bank_renewed_is_shown_as_it_is_now(shop: Shop, kind: str) -> None:
    card = shop.save_card()
    form = {"card[exp_month]": "11", "card[exp_year]": "2039"}
    shop.world.control("webhooks", mode="drop")
    shop.world.at_stripe("POST", f"/v1/payment_methods/{card}", **form)
    shop.world.control("webhooks", mode="deliver")

    tell(shop, f"payment_method.{kind}", card)

    (shown,) = shop.cards()
    assert (shown["exp_month"], shown["exp_year"]) == (11, 2039)


def test_a_customer_deleted_in_the_dashboard_takes_their_cards_along(shop: Shop) -> None:
    shop.save_card()
    (customer,) = shop.world.at_stripe("GET", "/v1/customers")["data"]

    shop.world.at_stripe("DELETE", f"/v1/customers/{customer['id']}")
    assert shop.world.deliver() == []

    assert shop.cards() == []
    assert shop.save_card()
    (made,) = shop.world.at_stripe("GET", "/v1/customers")["data"]
    assert made["id"] != customer["id"]


@pytest.mark.parametrize("kind", ["payment_method.detached", "customer.deleted"])
def test_what_the_merchant_does_with_others_at_stripe_is_ignored(shop: Shop, kind: str) -> None:
    card = shop.save_card()

    tell(shop, kind, "pm_of_somebody_else")

    assert [found["id"] for found in shop.cards()] == [card]


def test_another_tenants_cards_cannot_be_touched(shop: Shop) -> None:
    card = shop.save_card()

    assert refusals.foreign(shop, path_of(card), method="DELETE") == (404, "not_found")
    assert refusals.foreign(shop, f"{path_of(card)}/default", {}, "POST") == (404, "not_found")
    assert [found["id"] for found in shop.cards()] == [card]


def test_another_customers_card_cannot_be_touched(shop: Shop) -> None:
    shop.customer("c-2")
    card = shop.save_card()

    for send in (
        lambda: shop.operator.send("DELETE", path_of(card, "c-2")),
        lambda: shop.operator.post(f"{path_of(card, 'c-2')}/default"),
    ):
        assert refuse(shop.world, send) == (404, "not_found")
