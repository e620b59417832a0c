"""Limits hold when many try at the same moment, and before Stripe is asked."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.stack.client import Client
from local.stack.stack import Stack
from tests.stack.shop import Shop, create_module, eventually, grant_module, switch_module

CALLERS = 10


def open_module(stack: Stack, shop: Shop, **terms: object) -> str:
    """Make a module of one's own, in Sandbox and granted."""
    module = create_module(stack, shop.tenant, shop.account, terms)
    switch_module(stack, shop.tenant, module)
    grant_module(stack, shop.tenant, module)
    return module


@pytest.mark.claim("CR-12")
def test_of_50_charges_of_a_customer_at_once_only_as_many_as_are_let_through_reach_stripe(
    stack: Stack, shop: Shop
) -> None:
    customer = shop.customer()
    shop.save_card(customer)
    rule = {"scope": "customer", "counts": "attempts", "limit": 3}
    module = open_module(stack, shop, velocity=[rule], limits=[{"currency": "eur", "max": 4000}])
    invoices = [shop.invoice(customer, module=module) for _ in range(50)]
    large = shop.invoice(customer, total=4001, module=module)

    too_much = shop.charge(large)
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(shop.charge, invoices))

    assert (too_much.status, too_much.json["code"]) == (422, "amount_too_large")
    assert Counter(answer.status for answer in answers) == {201: 3, 429: 47}
    refused = [answer for answer in answers if answer.status == 429]
    assert {answer.json["code"] for answer in refused} == {"velocity_limited"}
    assert all(0 < int(answer.headers["retry-after"]) <= 3600 for answer in refused)
    asked = [invoice for invoice in (*invoices, large) if shop.intents(invoice)]
    assert len(asked) == 3


@pytest.mark.claim("CR-12")
def test_cards_that_are_tried_in_a_page_close_it_and_its_link_for_a_while(
    stack: Stack, shop: Shop
) -> None:
    rules = [{"scope": "link", "counts": "declines", "limit": 2}]
    module = open_module(stack, shop, velocity=rules)
    invoice = shop.invoice(shop.customer(), module=module)
    link = shop.link(invoice)
    page = shop.open_checkout(link)

    for card in ("pm_card_visa_chargeDeclined", "pm_card_chargeDeclinedExpiredCard"):
        shop.pay_at(page, card)
    eventually(lambda: Client(page).get("").status, lambda status: status != 200)
    pressed = shop.press_pay(link)

    assert (pressed.status, int(pressed.headers["retry-after"]) > 0) == (429, True)
    assert shop.charges(invoice) == []
