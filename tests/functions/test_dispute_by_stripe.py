"""Disputes that Stripe tells of late, for a payment unheard of, or not at all."""

from itertools import count

import pytest

from payments.doors.gateway import Gateway
from payments.edge.batches import RunFailed
from payments.facts.stripe_objects import StripeDispute
from tests.functions.books import assert_books_agree, sweep
from tests.functions.disputes import CHARGEBACK, disputed, events_of, kind_of, listing, read
from tests.functions.shop import Shop


def test_a_dispute_of_a_payment_that_nobody_told_of_books_the_payment_first(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, CHARGEBACK)
    opened = [each for each in events_of(shop) if "dispute.created" in kind_of(shop, each)]

    assert shop.world.work("apply_event", *opened) == []

    seen = shop.read(invoice)
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "disputed")
    assert_books_agree(shop)


def test_a_dispute_of_a_charge_that_is_not_ours_is_ignored(shop: Shop) -> None:
    form = {
        "amount": "900",
        "currency": "eur",
        "payment_method": f"pm_card_{CHARGEBACK}",
        "confirm": "true",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
    }
    made = shop.world.at_stripe("POST", "/v1/payment_intents", **form)
    assert made["status"] == "succeeded"
    before = {key for key in shop.world.facts() if key[1] != "EVENT"}

    assert shop.world.deliver() == []

    assert len(shop.world.truth(shop.account)["disputes"]) == 1
    assert {key for key in shop.world.facts() if key[1] != "EVENT"} == before
    assert listing(shop) == []


def test_the_sweep_asks_after_an_open_dispute_once_a_day(shop: Shop) -> None:
    invoice, dispute = disputed(shop)
    shop.world.control("webhooks", mode="drop")
    sweep(shop)
    shop.world.advance(days=1)
    assert sweep(shop)["disputes"] == 1
    assert sweep(shop)["disputes"] == 0

    shop.world.at_stripe("POST", f"/v1/disputes/{dispute['stripe_id']}/close")
    shop.world.advance(days=1)
    assert sweep(shop)["disputes"] == 1

    assert shop.read(invoice)["status"] == "open"
    shop.world.advance(days=1)
    assert sweep(shop)["disputes"] == 0
    assert_books_agree(shop)


def test_a_dispute_that_stripe_cannot_tell_of_is_asked_after_again(shop: Shop) -> None:
    _, dispute = disputed(shop)
    shop.world.advance(days=1)
    shop.world.fail("/v1/disputes/*", "500", "500", method="GET")

    assert sweep(shop)["left"] == 1
    assert sweep(shop)["left"] == 0

    shop.world.advance(minutes=30)
    assert sweep(shop)["disputes"] == 1
    assert read(shop, dispute)["status"] == "needs_response"


def test_a_bug_in_one_dispute_is_seen_and_does_not_hold_up_the_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    disputes = [disputed(shop)[1] for _ in range(2)]
    fetch, calls = Gateway.dispute, count()

    def stumble(gateway: Gateway, dispute: str) -> StripeDispute:
        if next(calls) == 0:
            raise TypeError("Bug!")
        return fetch(gateway, dispute)

    monkeypatch.setattr(Gateway, "dispute", stumble)
    shop.world.advance(days=1)

    with pytest.raises(RunFailed, match="TypeError"):
        sweep(shop)
    assert sweep(shop)["disputes"] == 1
    shop.world.advance(minutes=30)
    assert sweep(shop)["disputes"] == 1
    assert {read(shop, dispute)["status"] for dispute in disputes} == {"needs_response"}


def test_with_too_little_time_left_the_sweep_asks_after_no_dispute(shop: Shop) -> None:
    disputed(shop)
    shop.world.advance(days=1)
    shop.world.remaining_ms = 5_000

    assert sweep(shop)["disputes"] == 0
