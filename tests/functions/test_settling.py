"""Money over several invoices, from outside Stripe, and too much of it; the books add up."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.functions.books import assert_books_agree, balances
from tests.functions.faults import die
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Json, World


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop.open(world, "tulips")


def charge_all(shop: Shop, *parts: tuple[Json, int | None], key: str = "", **more: Any) -> Answer:
    asked = [{"invoice": invoice["id"], "amount": amount} for invoice, amount in parts]
    body = {"customer": "c-1", "module": shop.module["id"], "allocations": asked} | more
    return shop.operator.post("/v1/charges", body, key=key)


def record(shop: Shop, invoice: Json, amount: int, *, key: str = "", **more: Any) -> Answer:
    body = {"amount": amount, "method": "bank_transfer", "reference": "RF18"} | more
    return shop.operator.post(f"/v1/invoices/{invoice['id']}/offline-payments", body, key=key)


def credit(shop: Shop, ref: str = "c-1") -> list[Json]:
    return list(expect(200, shop.admin.get(f"/v1/customers/{ref}/credit"))["data"])


def test_one_charge_pays_several_invoices(shop: Shop) -> None:
    shop.save_card()
    first, second = shop.invoice(), shop.invoice()

    charged = expect(201, charge_all(shop, (first, None), (second, 1500)))

    assert shop.world.charged(shop.account) == [5500]
    assert [entry["status"] for entry in charged["invoices"]] == ["paid", "partially_paid"]
    assert charged["payment"]["allocations"] == [
        {"invoice": first["id"], "amount": 4000}, {"invoice": second["id"], "amount": 1500},
    ]  # fmt: skip
    (share,) = shop.read(second)["shares"]
    assert share == {"payment": charged["payment"]["id"], "invoice": first["id"], "amount": 1500}
    assert shop.read(second)["amounts"]["collectable"] == 2500
    assert balances(shop)["ar:c-1"] == 2500
    assert_books_agree(shop)


def test_a_decline_frees_all_of_them(shop: Shop) -> None:
    shop.save_card("chargeCustomerFail")
    invoices = [shop.invoice(), shop.invoice()]

    answer = charge_all(shop, *((invoice, None) for invoice in invoices))

    assert (answer.status, answer.code) == (402, "card_declined")
    assert [shop.read(each)["amounts"]["collectable"] for each in invoices] == [4000, 4000]


def test_an_invoice_that_is_being_paid_keeps_the_others_from_being_charged(shop: Shop) -> None:
    shop.save_card()
    free, held = shop.invoice(), shop.invoice()
    shop.world.fail("/v1/payment_intents/*/confirm", "timeout_lost", "timeout_lost")
    expect(202, shop.charge(held))

    answer = charge_all(shop, (free, None), (held, None))

    assert (answer.status, answer.code) == (409, "payment_in_progress")
    assert shop.read(free)["amounts"]["collectable"] == 4000


def test_an_open_page_of_any_of_them_is_closed_first(shop: Shop) -> None:
    shop.save_card()
    first, second = shop.invoice(), shop.invoice()
    url = shop.session(second)

    expect(201, charge_all(shop, (first, None), (second, None)))

    assert shop.world.press(url).status == 410
    assert_books_agree(shop)


@pytest.mark.parametrize(
    ("changes", "again"),
    [({"customer": "c-2"}, False), ({"currency": "usd"}, False), ({}, True)],
)
def test_one_charge_is_of_one_customer_in_one_currency_and_names_each_once(
    shop: Shop, changes: Json, again: bool
) -> None:
    shop.save_card()
    shop.customer("c-2")
    first = shop.invoice()
    second = first if again else shop.invoice(**changes)

    answer = charge_all(shop, (first, None), (second, None))

    assert (answer.status, answer.code) == (422, "validation_failed")
    assert shop.world.charged(shop.account) == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_charge_over_two_that_dies_anywhere_is_made_once(shop: Shop, moment: str) -> None:
    shop.save_card()
    asked = (shop.invoice(), None), (shop.invoice(), None)
    shop.world.gate.arm(None)
    expect(201, charge_all(shop, *asked))
    steps = len(shop.world.gate.passed)

    pairs = [(shop.invoice(), shop.invoice()) for _ in range(steps)]
    for step, (first, second) in enumerate(pairs):
        asked = ((first, None), (second, None))
        die(shop, step, moment, lambda asked=asked, key=first["id"]: charge_all(
            shop, *asked, key=key))  # fmt: skip
    shop.world.advance(minutes=2)
    answers = [charge_all(shop, (a, None), (b, None), key=a["id"]).status for a, b in pairs]

    assert set(answers) == {201}
    assert {shop.read(each)["status"] for pair in pairs for each in pair} == {"paid"}
    assert shop.world.charged(shop.account) == [8000] * (steps + 1)
    assert balances(shop)["ar:c-1"] == 0
    assert_books_agree(shop)


def test_money_from_the_bank_pays_an_invoice_and_is_booked_once(shop: Shop) -> None:
    invoice = shop.invoice()

    made = expect(201, record(shop, invoice, 4000, key="k"))
    again = record(shop, invoice, 4000, key="k")

    assert (made["status"], made["outstanding"]) == ("paid", 0)
    assert (again.json, again.headers["idempotent-replayed"]) == (made, "true")
    (payment,) = shop.read(invoice)["payments"]
    assert (payment["method"], payment["note"]["reference"]) == ("bank_transfer", "RF18")
    assert balances(shop) == {"ar:c-1": 0, "bank": 4000, "sales_control": -4000}


def test_what_is_too_much_is_the_customers_credit(shop: Shop) -> None:
    invoice = shop.invoice()

    made = expect(201, record(shop, invoice, 5000, method="cash"))

    assert made["payment"]["unapplied"] == 1000
    seen = shop.read(invoice)
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "overpaid")
    assert seen["amounts"]["paid"] == 4000
    assert credit(shop) == [{"currency": "eur", "mode": "live", "balance": 1000}]
    assert balances(shop)["customer_credit:c-1"] == -1000


def test_an_open_page_is_closed_before_money_from_the_bank_is_booked(shop: Shop) -> None:
    invoice = shop.invoice()
    url = shop.session(invoice)

    expect(201, record(shop, invoice, 4000))

    assert shop.world.press(url).status == 410
    assert shop.world.charged(shop.account) == []


def test_a_payer_who_was_quicker_has_paid(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice)

    answer = record(shop, invoice, 4000)

    assert (answer.status, answer.code) == (409, "invoice_not_payable")
    assert shop.read(invoice)["amounts"]["paid"] == 4000
    assert credit(shop) == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_booking_that_dies_anywhere_is_made_once(shop: Shop, moment: str) -> None:
    first = shop.invoice()
    shop.world.gate.arm(None)
    expect(201, record(shop, first, 4500))
    steps = len(shop.world.gate.passed)

    invoices = [shop.invoice() for _ in range(steps)]
    for step, invoice in enumerate(invoices):
        die(shop, step, moment, lambda invoice=invoice: record(
            shop, invoice, 4500, key=invoice["id"]))  # fmt: skip
    shop.world.advance(minutes=2)
    answers = {record(shop, each, 4500, key=each["id"]).status for each in invoices}

    assert answers == {201}
    assert credit(shop)[0]["balance"] == 500 * (steps + 1)
    assert balances(shop)["bank"] == 4500 * (steps + 1)


def test_nothing_is_booked_on_a_draft_or_a_void_invoice(shop: Shop) -> None:
    draft, void = shop.invoice(draft=True), shop.invoice()
    expect(200, shop.operator.post(f"/v1/invoices/{void['id']}/void"))

    for invoice in (draft, void):
        answer = record(shop, invoice, 4000)
        assert (answer.status, answer.code) == (409, "invoice_not_payable")
    assert balances(shop) == {"ar:c-1": 0, "sales_control": 0}


def test_of_a_void_and_money_from_the_bank_at_once_only_one_comes_about(shop: Shop) -> None:
    """Both close the open page first, and so read the invoice before and after."""
    at_once(shop, lambda invoice: record(shop, invoice, 4000), lambda *_: None)
    for step in range(len(shop.world.gate.passed)):
        invoice, first, second = at_once(
            shop,
            lambda invoice: record(shop, invoice, 4000),
            lambda invoice: shop.operator.post(f"/v1/invoices/{invoice['id']}/void"),
            step,
        )
        seen = shop.read(invoice)
        told = (first.status, second.status), seen["status"], seen["facets"]["exception"]
        assert told in (((409, 200), "void", "none"), ((201, 409), "paid", "none")), step
    assert credit(shop) == []
    assert balances(shop)["ar:c-1"] == 0


def at_once(
    shop: Shop, work: Callable[[Json], Any], other: Callable[[Json], Any], step: int = -1
) -> tuple[Json, Answer, Answer]:
    """Let `other` happen just before request `step` of `work`, to an invoice with an open page."""
    invoice, answers = shop.invoice(), []
    shop.session(invoice)
    shop.world.gate.arm(None)
    shop.world.gate.before = (step, lambda: answers.append(other(invoice)))
    first = work(invoice)
    shop.world.gate.before = None
    return invoice, first, answers[0] if answers else first


def test_money_for_a_void_invoice_is_the_customers_credit(shop: Shop) -> None:
    """The page was paid at the last moment, and the answer to its end was lost."""
    invoice = shop.invoice()
    shop.pay(invoice)
    rows = shop.world.dynamo.rows
    (key,) = [key for key in rows if key[1] == "INVOICE" and invoice["id"] in key[0]]
    row = dict(rows[key])
    row.pop("claim")
    rows[key] = {**row, "voided_at": {"S": "2026-09-21T14:00:00Z"}}

    shop.world.deliver()

    seen = shop.read(invoice)
    assert (seen["status"], seen["facets"]["exception"]) == ("void", "paid_late")
    assert credit(shop) == [{"currency": "eur", "mode": "test", "balance": 4000}]
    assert_books_agree(shop)


def test_an_invoice_that_was_given_up_is_collected_no_more_and_may_still_be_paid(
    shop: Shop,
) -> None:
    shop.save_card()
    invoice = shop.invoice()

    given_up = expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/uncollectible"))

    assert given_up["status"] == "uncollectible"
    assert shop.charge(invoice).code == "invoice_not_payable"
    assert balances(shop) == {"ar:c-1": 0, "bad_debt": 4000, "sales_control": -4000}
    expect(201, record(shop, invoice, 1000))
    assert balances(shop) == {
        "ar:c-1": 0, "bad_debt": 3000, "bank": 1000, "sales_control": -4000,
    }  # fmt: skip
    assert shop.read(invoice)["status"] == "uncollectible"


def test_another_amount_closes_the_open_page_first(shop: Shop) -> None:
    invoice = shop.invoice()
    url = shop.session(invoice)
    version = shop.read(invoice)["version"]

    changed = shop.operator.send(
        "PATCH",
        f"/v1/invoices/{invoice['id']}",
        {"lines": [{"description": "Tulips", "quantity": 3, "unit_amount": 2000}]},
        headers={"if-match": f'"{version}"'},
    )

    assert expect(200, changed)["amounts"]["total"] == 6000
    assert shop.world.press(url).status == 410
    assert balances(shop) == {"ar:c-1": 6000, "sales_control": -6000}


@pytest.mark.parametrize("tail", ["/void", "/uncollectible", ""])
def test_another_amount_is_not_asked_for_what_has_changed_while_the_page_was_closed(
    shop: Shop, tail: str
) -> None:
    """Whoever changes an invoice has seen what they change, to the last moment."""
    at_once(shop, lambda invoice: ask_for(shop, invoice, 6000), lambda *_: None)
    for step in range(len(shop.world.gate.passed)):

        def other(invoice: Json) -> Any:
            if not tail:
                return ask_for(shop, invoice, 5000)
            return shop.operator.post(f"/v1/invoices/{invoice['id']}{tail}")

        invoice, first, second = at_once(
            shop, lambda invoice: ask_for(shop, invoice, 6000), other, step
        )
        told = (first.status, second.status), shop.read(invoice)["amounts"]["total"]
        # Exactly one of them comes about; the other one is told what it has not seen.
        assert told in (
            ((412, 200), 4000 if tail else 5000), ((200, 412), 6000), ((200, 409), 6000),
        ), step  # fmt: skip
    owed = expect(200, shop.operator.get("/v1/invoices", status="open"))["data"]
    assert balances(shop)["ar:c-1"] == sum(each["amounts"]["outstanding"] for each in owed)


def ask_for(shop: Shop, invoice: Json, total: int) -> Any:
    """Change the amount of an invoice that has an open page, and is as it was then."""
    headers = {"if-match": '"2"'}
    return shop.operator.send(
        "PATCH", f"/v1/invoices/{invoice['id']}", {"total": total}, headers=headers
    )


def test_money_that_is_still_to_come_is_not_booked(shop: Shop) -> None:
    invoice = shop.invoice()
    later = shop.world.now() + timedelta(days=2)

    refused = refuse(shop.world, lambda: record(shop, invoice, 4000, received_at=later.isoformat()))

    assert refused == (422, "validation_failed")
    expect(201, record(shop, invoice, 4000, received_at=shop.world.now().isoformat()))


@pytest.mark.parametrize(
    "at",
    ["20260901", "1700000000", 1700000000.5, "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
     "0001-01-01T00:00:00+14:00", "2026-09-01T12:00:00", "2026-09-01"],
)  # fmt: skip
def test_what_is_no_time_at_which_money_came_is_refused(shop: Shop, at: object) -> None:
    invoice = shop.invoice()

    refused = refuse(shop.world, lambda: record(shop, invoice, 4000, received_at=at))

    assert refused == (422, "validation_failed")


def test_an_amount_below_what_is_paid_is_refused(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    expect(201, shop.charge(invoice, amount=1500))
    version = shop.read(invoice)["version"]

    changed = shop.operator.send(
        "PATCH", f"/v1/invoices/{invoice['id']}", {"total": 1499},
        headers={"if-match": f'"{version}"'},
    )  # fmt: skip

    assert (changed.status, changed.code) == (409, "invalid_transition")


def test_the_journal_is_read_newest_first_and_only_by_its_tenant(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.world.advance(minutes=1)
    expect(201, record(shop, invoice, 4000))

    page = expect(200, shop.admin.get("/v1/ledger/entries", limit=1))
    rest = expect(200, shop.admin.get("/v1/ledger/entries", cursor=page["next_cursor"]))

    assert page["data"][0]["fact"].endswith("#payment")
    assert [entry["fact"] for entry in rest["data"]] == [f"{invoice['id']}#finalized"]
    assert shop.world.client("bakery").get("/v1/ledger/entries").json["data"] == []
    assert shop.storefront.get("/v1/ledger/entries").status == 403


def test_the_sum_up_to_a_moment_leaves_out_what_came_after(shop: Shop) -> None:
    invoice = shop.invoice()
    before = shop.world.now().isoformat()
    shop.world.advance(minutes=1)
    expect(201, record(shop, invoice, 4000))

    found = expect(200, shop.admin.get("/v1/ledger/trial-balance", until=before))

    assert {entry["account"]: entry["balance"] for entry in found["data"]} == {
        "ar:c-1": 4000, "sales_control": -4000,
    }  # fmt: skip


def apply(shop: Shop, payment: str, invoice: Json, *, key: str = "", **asked: Any) -> Answer:
    body = {"invoice": invoice["id"]} | asked
    return shop.operator.post(f"/v1/payments/{payment}/allocations", body, key=key)


def test_credit_pays_another_invoice_in_parts(shop: Shop) -> None:
    first, second = shop.invoice(), shop.invoice()
    payment = expect(201, record(shop, first, 6000))["payment"]["id"]

    part = expect(201, apply(shop, payment, second, amount=500))
    assert shop.read(first)["facets"]["exception"] == "overpaid"
    rest = expect(201, apply(shop, payment, second))

    assert shop.read(first)["facets"]["exception"] == "none"
    assert (part["unapplied"], rest["unapplied"]) == (1500, 0)
    seen = shop.read(second)
    assert seen["amounts"]["outstanding"] == 2000
    assert [share["amount"] for share in seen["shares"]] == [2000]
    assert credit(shop)[0]["balance"] == 0
    assert balances(shop)["customer_credit:c-1"] == 0
    assert apply(shop, payment, second).code == "exceeds_credit"


def test_credit_pays_what_its_own_invoice_asks_for_again(shop: Shop) -> None:
    invoice = shop.invoice()
    payment = expect(201, record(shop, invoice, 5000))["payment"]["id"]
    part = {"invoice": invoice["id"], "amount": 3000}
    back = {"amount": 3000, "allocations": [part], "settle_as": "reopen"}
    expect(201, shop.operator.post(f"/v1/payments/{payment}/refunds", back))
    assert shop.read(invoice)["facets"]["exception"] == "overpaid"

    expect(201, apply(shop, payment, invoice))

    seen = shop.read(invoice)
    assert (seen["amounts"]["paid"], seen["amounts"]["outstanding"]) == (2000, 2000)
    assert (seen["status"], seen["facets"]["exception"]) == ("partially_paid", "none")


@pytest.mark.parametrize("changes", [{"customer": "c-2"}, {"currency": "usd"}])
def test_credit_pays_only_its_own_customer_in_its_own_currency(shop: Shop, changes: Json) -> None:
    shop.customer("c-2")
    payment = expect(201, record(shop, shop.invoice(), 5000))["payment"]["id"]

    assert apply(shop, payment, shop.invoice(**changes)).code == "validation_failed"
    assert credit(shop)[0]["balance"] == 1000


@pytest.mark.parametrize("moment", ["before", "after"])
def test_credit_that_is_used_while_the_function_dies_is_used_once(shop: Shop, moment: str) -> None:
    payment = expect(201, record(shop, shop.invoice(), 4000 + 30_00))["payment"]["id"]
    invoice = shop.invoice()
    shop.world.gate.arm(None)
    expect(201, apply(shop, payment, invoice, amount=100))
    steps = len(shop.world.gate.passed)

    for step in range(steps):
        die(shop, step, moment, lambda step=step: apply(
            shop, payment, invoice, amount=100, key=f"k{step}"))  # fmt: skip
    shop.world.advance(minutes=2)
    for step in range(steps):
        expect(201, apply(shop, payment, invoice, amount=100, key=f"k{step}"))

    assert shop.read(invoice)["amounts"]["paid"] == 100 * (steps + 1)
    assert credit(shop)[0]["balance"] == 3000 - 100 * (steps + 1)
