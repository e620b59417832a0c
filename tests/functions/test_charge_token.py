"""POST /v1/invoices/{id}/charges: a saved card is charged once or never, and the books know."""

import re

import pytest

from local.standin.payments import charging
from local.standin.payments.cards import CARDS, Card
from local.standin.payments.cards import Decline as BankDecline
from tests.functions import refusals
from tests.functions.books import assert_books_agree
from tests.functions.charging import charges
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.world import Json

DECLINES = {
    card.decline.decline_code: card.decline
    for card in CARDS
    if card.decline and card.decline.outcome == "issuer_declined"
}


def test_a_part_is_charged_as_the_contract_shows(shop: Shop) -> None:
    card, invoice = shop.save_card(), shop.invoice()

    charged = expect(201, shop.charge(invoice, amount=1500, payment_method=card))

    (truth,) = shop.world.truth(shop.account)["charges"]
    fee, note = charged["payment"].pop("fee"), charged["payment"].pop("note")
    assert re.fullmatch("att_[0-9a-z]{26}", charged["attempt"].pop("id"))
    assert re.fullmatch("pay_[0-9a-z]{26}", charged["payment"].pop("id"))
    assert charged["payment"].pop("allocations") == [{"invoice": invoice["id"], "amount": 1500}]
    assert charged == {
        "attempt": {"status": "succeeded", "confirm_by": None},
        "payment": {"gross": 1500, "unapplied": 0},
        "invoice": {
            "id": invoice["id"],
            "status": "partially_paid",
            "outstanding": 2500,
            "currency": "eur",
        },
        "pay_link": None,
    }
    assert (fee["state"], fee["amount"], fee["net"]) == ("pending", None, None)
    assert (note["charge"], note["payment_intent"]) == (truth["id"], truth["payment_intent"])
    assert (note["brand"], note["last4"], note["amount"]) == ("visa", "4242", 1500)
    assert (note["fee"], note["paid_at"]) == (None, "2026-09-21T14:00:00Z")
    assert note["receipt_url"] == truth["receipt_url"]
    shop.world.deliver()
    assert_books_agree(shop)


def test_without_an_amount_or_a_card_all_is_charged_to_the_default_card(shop: Shop) -> None:
    first, _second, invoice = shop.save_card(), shop.save_card("mastercard"), shop.invoice()

    charged = expect(201, shop.charge(invoice))

    (truth,) = shop.world.truth(shop.account)["charges"]
    assert (charged["payment"]["gross"], charged["invoice"]["status"]) == (4000, "paid")
    assert truth["payment_method"] == first


def test_stripe_is_told_the_invoice_and_whose_it_is(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice(number="TUL-77")

    attempt = expect(201, shop.charge(invoice))["attempt"]["id"]

    (intent,) = shop.world.truth(shop.account)["payment_intents"]
    assert intent["description"] == "Invoice TUL-77"
    assert intent["statement_descriptor_suffix"] == "TUL-77"
    assert intent["metadata"] == {"tenant": "tulips", "invoice": invoice["id"], "attempt": attempt}


def test_a_key_twice_charges_once(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()

    refusals.use_key_twice(shop.operator, charges(invoice), {"amount": 1500}, {"amount": 1501})

    assert shop.world.charged(shop.account) == [1500]
    assert_books_agree(shop)


@pytest.mark.parametrize("name", sorted(DECLINES))
def test_a_decline_says_why_and_what_to_do_and_frees_the_invoice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shop.save_card()
    let_bank_decline(monkeypatch, DECLINES[name])
    invoice = shop.invoice()

    answer = shop.charge(invoice, key="k")

    expected = {
        "try_again_later": "try_again_later",
        "do_not_try_again": "use_another_method",
        "confirm_card_data": "confirm_card_data",
    }
    problem = answer.json
    assert (answer.status, answer.code) == (402, "card_declined")
    assert problem["decline_code"] == name
    by_card = expected[DECLINES[name].advice or ""]
    no_funds = name == "insufficient_funds"
    assert problem["advice"] == ("use_another_method" if no_funds else by_card)
    assert (problem["retryable"], problem["request_id"]) == (False, answer.headers["x-request-id"])
    assert_nothing_was_taken(shop, invoice, problem["attempt_id"])
    again = shop.charge(invoice, key="k")
    assert (again.status, again.json["attempt_id"]) == (402, problem["attempt_id"])
    assert again.headers["idempotent-replayed"] == "true"


def let_bank_decline(monkeypatch: pytest.MonkeyPatch, decline: BankDecline) -> None:
    """From now on, whatever card it is."""
    card = Card("visa", "4242424242424242", decline=decline)
    monkeypatch.setattr(charging, "card_behaviour", lambda _call, _method: card)


def assert_nothing_was_taken(shop: Shop, invoice: Json, attempt: str) -> None:
    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["collectable"]) == ("open", 4000)
    (entry,) = [found for found in seen["attempts"] if found["id"] == attempt]
    assert entry["status"] == "failed"
    assert shop.world.charged(shop.account) == []
    intents = shop.world.truth(shop.account)["payment_intents"]
    assert [intent["status"] for intent in intents] == ["canceled"]
    assert_books_agree(shop)


def test_after_a_decline_another_card_may_be_charged(shop: Shop) -> None:
    bad, good, invoice = shop.save_card("chargeCustomerFail"), shop.save_card(), shop.invoice()

    assert shop.charge(invoice, payment_method=bad).code == "card_declined"

    assert shop.charge(invoice, payment_method=good).status == 201
    assert shop.world.charged(shop.account) == [4000]


def test_a_payment_that_stripe_blocks_never_reached_the_bank(shop: Shop) -> None:
    shop.save_card("radarBlock")
    invoice = shop.invoice()

    answer = shop.charge(invoice)

    assert (answer.status, answer.code) == (402, "payment_blocked")
    assert answer.json["advice"] == "use_another_method"
    assert_nothing_was_taken(shop, invoice, answer.json["attempt_id"])


def test_a_bank_that_wants_the_cardholder_is_answered_with_a_link_as_advice(shop: Shop) -> None:
    shop.save_card("authenticationRequired")
    invoice = shop.invoice()

    answer = shop.charge(invoice, on_action_required="fail")

    assert (answer.status, answer.code) == (402, "authentication_required")
    assert answer.json["advice"] == "send_pay_link"
    assert_nothing_was_taken(shop, invoice, answer.json["attempt_id"])


def test_an_open_link_is_superseded_and_its_session_can_no_longer_be_paid(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    url = shop.session(invoice)

    expect(201, shop.charge(invoice))

    assert shop.world.press(url).status == 410
    assert [entry["status"] for entry in shop.read(invoice)["attempts"]] == ["expired", "succeeded"]
    assert shop.world.charged(shop.account) == [4000]


def test_an_open_link_that_must_not_be_superseded_is_in_progress(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    url = shop.session(invoice)

    refused = refuse(shop.world, lambda: shop.charge(invoice, supersede_open_links=False))

    assert refused == (409, "payment_in_progress")
    assert shop.world.press(url).status == 303


def test_a_payer_who_was_faster_is_booked_and_nothing_more_is_charged(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.pay(invoice)

    answer = shop.charge(invoice)

    assert (answer.status, answer.code) == (409, "invoice_not_payable")
    assert shop.read(invoice)["status"] == "paid"
    assert shop.world.charged(shop.account) == [4000]
    assert_books_agree(shop)


def test_a_charge_that_cannot_be_made_leaves_the_open_link_alone(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    url = shop.session(invoice)

    assert shop.charge(invoice, amount=4001).code == "exceeds_outstanding"

    assert shop.world.press(url).status == 303


def test_no_secret_key_and_no_card_number_is_in_table_answers_or_logs(
    shop: Shop, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    shop.save_card()
    invoice = shop.invoice()
    answers = [shop.charge(invoice, amount=1500), shop.charge(invoice, surprise=refusals.PAN)]
    shop.pay(invoice)
    shop.world.deliver()

    told = "".join(answer.text for answer in answers) + shop.world.log.getvalue() + caplog.text
    told += "".join(capfd.readouterr()) + str(shop.world.rows()) + str(shop.read(invoice))

    canaries = ("tulips" * 3, "whsec_", "_secret_", *refusals.PAN_PIECES)
    public = "pk_test_" + "tulips" * 4
    assert not [canary for canary in canaries if canary in told.replace(public, "")]
