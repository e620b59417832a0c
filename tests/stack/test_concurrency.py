"""One claim per invoice: what happens in the same moment, and while a payer's page is open."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from local.stack.client import Answer, Client
from tests.stack.shop import Shop, new_key, required

CALLERS = 10
UNKNOWN = "inv_00000000000000000000000000"


def test_of_50_charges_of_one_invoice_10_at_a_time_one_succeeds_and_49_are_refused(
    shop: Shop,
) -> None:
    customer = shop.customer()
    shop.save_card(customer)
    invoice = shop.invoice(customer)
    # Started environments answer within milliseconds of each other; cold ones would queue up.
    assert {answer.status for answer in at_once(10, lambda: shop.charge(UNKNOWN))} == {404}

    answers = at_once(50, lambda: shop.charge(invoice))

    assert Counter(answer.status for answer in answers) == {201: 1, 409: 49}
    codes = {answer.json["code"] for answer in answers if answer.status == 409}
    assert codes <= {"payment_in_progress", "invoice_not_payable"}
    assert [charge["amount"] for charge in shop.charges(invoice)] == [4000]
    assert len(shop.intents(invoice)) == 1
    assert len(shop.settled(invoice)["payments"]) == 1


@pytest.mark.claim("OH-6")
def test_one_charge_sent_10_times_at_once_with_one_key_is_one_payment(shop: Shop) -> None:
    customer, key = shop.customer(), new_key()
    shop.save_card(customer)
    invoice = shop.invoice(customer)

    answers = at_once(10, lambda: shop.charge(invoice, key=key, amount=1000))
    again = shop.charge(invoice, key=key, amount=1000)

    assert {answer.status for answer in answers} <= {201, 409}
    busy = {answer.json["code"] for answer in answers if answer.status == 409}
    assert busy <= {"idempotency_in_progress"}
    payments = {
        answer.json["payment"]["id"] for answer in [*answers, again] if answer.status == 201
    }
    assert payments == {payment["id"] for payment in shop.read(invoice)["payments"]}
    assert len(payments) == len(shop.intents(invoice)) == len(shop.charges(invoice)) == 1


def test_a_link_pressed_10_times_at_once_leaves_at_most_one_page_open_to_pay(shop: Shop) -> None:
    invoice = shop.invoice(shop.customer())
    link = shop.link(invoice, amount=1000)
    assert {answer.status for answer in at_once(10, lambda: shop.press_pay("/p/x"))} == {404}

    pressed = at_once(10, lambda: shop.press_pay(link))

    assert {answer.status for answer in pressed} <= {303, 409}
    pages = {answer.headers["location"] for answer in pressed if answer.status == 303}
    assert len(pages) >= 1
    assert len([page for page in pages if is_open(page)]) <= 1
    last = shop.open_checkout(link)
    assert [page for page in pages | {last} if is_open(page)] == [last]
    shop.pay_at(last)
    assert shop.settled(invoice, "partially_paid")["amounts"]["paid"] == 1000
    assert [charge["amount"] for charge in shop.charges(invoice)] == [1000]


def test_a_charge_beside_an_open_page_closes_it_first_so_that_nobody_pays_twice(
    shop: Shop,
) -> None:
    customer = shop.customer()
    shop.save_card(customer)
    invoice = shop.invoice(customer)
    page = shop.open_checkout(shop.link(invoice))

    kept = shop.charge(invoice, supersede_open_links=False)
    charged = shop.charge(invoice)
    late = shop.pay_at(page)

    assert (kept.status, kept.json["code"]) == (409, "payment_in_progress")
    assert (charged.status, late.status) == (201, 410)
    assert len(shop.charges(invoice)) == 1


def test_a_charge_of_an_invoice_whose_link_was_paid_this_moment_takes_nothing(
    shop: Shop, deliver: Callable[[str], None]
) -> None:
    customer = shop.customer()
    shop.save_card(customer)
    invoice = shop.invoice(customer)
    page = shop.open_checkout(shop.link(invoice))
    deliver("hold")
    shop.pay_at(page)
    assert shop.read(invoice)["status"] == "open"

    charged = shop.charge(invoice)

    assert (charged.status, charged.json["code"]) == (409, "invoice_not_payable")
    deliver("deliver")
    (payment,) = shop.settled(invoice)["payments"]
    assert [charge["id"] for charge in shop.charges(invoice)] == [payment["note"]["charge"]]


def test_a_charge_and_a_press_of_pay_at_once_collect_once(shop: Shop) -> None:
    customer = shop.customer()
    shop.save_card(customer)
    invoice = shop.invoice(customer)
    link = shop.link(invoice)

    with ThreadPoolExecutor(2) as pool:
        charged, pressed = (
            future.result()
            for future in [pool.submit(shop.charge, invoice), pool.submit(shop.press_pay, link)]
        )

    if pressed.status == 303:
        shop.pay_at(pressed.headers["location"])
    assert charged.status == 201 or pressed.status == 303
    assert len(shop.settled(invoice)["payments"]) == len(shop.charges(invoice)) == 1


def test_20_refunds_of_one_payment_at_once_never_give_back_more_than_came(shop: Shop) -> None:
    payment = shop.payment(shop.invoice(shop.customer()))
    assert {answer.status for answer in at_once(10, lambda: shop.refund({"id": "x"}))} == {404}

    def give_back() -> Answer:
        key = new_key()
        answer = shop.refund(payment, key=key, amount=600)
        while answer.status == 503:
            answer = shop.refund(payment, key=key, amount=600)
        return answer

    answers = at_once(20, give_back)

    given = [answer for answer in answers if answer.status == 201]
    refused = {(answer.status, answer.json["code"]) for answer in answers if answer not in given}
    assert (len(given), refused) == (6, {(409, "refund_exceeds_payment")})
    at_stripe = [
        refund["amount"]
        for refund in shop.truth()["refunds"]
        if refund["charge"] == payment["note"]["charge"]
    ]
    assert at_stripe == [600] * 6
    (seen,) = shop.payments(invoice=payment["invoice"])
    assert (seen["refunded"], seen["refund_pending"], seen["refundable"]) == (3600, 0, 400)
    assert shop.read(payment["invoice"])["amounts"]["refunded"] == 3600


@pytest.mark.claim("IC-10")
def test_voiding_an_open_invoice_expires_the_payers_page_first(shop: Shop) -> None:
    invoice = shop.invoice(shop.customer())
    link = shop.link(invoice)
    page = shop.open_checkout(link)
    assert is_open(page)

    voided = required(shop.client().post(f"/v1/invoices/{invoice}/void"), 200)

    assert (voided["status"], voided["facets"]["collection"]) == ("void", "idle")
    assert (is_open(page), shop.pay_at(page).status) == (False, 410)
    assert urlsplit(shop.press_pay(link).headers["location"]).path == link
    assert shop.charges(invoice) == []
    attempts = shop.read(invoice)["attempts"]
    assert [attempt["status"] for attempt in attempts] == ["expired"]


def at_once(times: int, act: Callable[[], Answer]) -> list[Answer]:
    """Do the same thing that many times, as many at once as there are callers."""
    with ThreadPoolExecutor(CALLERS) as pool:
        return [future.result() for future in [pool.submit(act) for _ in range(times)]]


def is_open(page: str) -> bool:
    """Say whether a hosted page can still be paid."""
    return Client(page).get("").status == 200
