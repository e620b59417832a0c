"""/v1/payments and /v1/refunds: money goes back once, never more than came, and the books know."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from payments.doors.gateway import Gateway
from payments.edge import runtime
from payments.facts.settings import Settings
from tests.functions import refusals
from tests.functions.refusals import ALWAYS, AMOUNTS, Bad, invalid, refuse, refuse_body
from tests.functions.shop import Shop, expect
from tests.functions.signing import a_body, deliver
from tests.functions.world import Answer, Died, Json, World, record, secret_key

CREATE = "/v1/refunds"
#: A request and the SDK's own second try, both without an answer or with Stripe's failure.
UNKNOWN = {
    "lost": ("timeout_lost", "timeout_lost"),
    "applied": ("timeout_applied", "timeout_lost"),
    "failed": ("500", "500"),
    "failed after all": ("500_applied", "500_applied"),
    "both times in use": ("409", "409"),
}


def paid(shop: Shop, card: str = "visa", **changes: Any) -> Json:
    """The payment of a new invoice over 40.00, as the API shows it."""
    invoice = shop.invoice(**changes)
    shop.pay(invoice, card)
    assert shop.world.deliver() == []
    return payment_of(shop, invoice)


def payment_of(shop: Shop, invoice: Json) -> Json:
    (payment,) = expect(200, shop.operator.get("/v1/payments", invoice=invoice["id"]))["data"]
    return dict(payment)


def ask(shop: Shop, payment: Json, *, key: str = "", **asked: Any) -> Answer:
    return shop.operator.post(f"/v1/payments/{payment['id']}/refunds", asked, key=key)


def again(shop: Shop, payment: Json) -> Json:
    """The payment as it is now."""
    return expect(200, shop.operator.get(f"/v1/payments/{payment['id']}"))


def invoice_of(shop: Shop, payment: Json) -> Json:
    return shop.read({"id": payment["invoice"]})


def amounts(shop: Shop, payment: Json) -> dict[str, int]:
    """What of its invoice has been given back, is credited, and is owed again."""
    seen = invoice_of(shop, payment)["amounts"]
    names = ("paid", "refunded", "refund_pending", "credited", "outstanding")
    return {name: seen[name] for name in names if seen[name]}


def sweep(shop: Shop) -> Json:
    return dict(shop.world.run("sweep_attempts", {}))


def settle(shop: Shop) -> None:
    """Let time pass and the sweep run until no refund is open."""
    for hours in (0, 0, 1, 24, 24):
        shop.world.advance(hours=hours, minutes=5)
        sweep(shop)
        refunds = expect(200, shop.operator.get("/v1/refunds", limit=100))["data"]
        if not {"requested", "submitted"} & {refund["status"] for refund in refunds}:
            return
    raise AssertionError(shop.world.log.getvalue()[-3000:])


def at_stripe(shop: Shop) -> dict[str, int]:
    """What Stripe really gave back."""
    refunds = shop.world.truth(shop.account)["refunds"]
    return {each["id"]: each["amount"] for each in refunds if each["status"] == "succeeded"}


def rows(world: World, kind: str) -> list[Json]:
    return [row for (_, sk), row in world.rows().items() if sk.startswith(f"{kind}#")]


def assert_books_agree(shop: Shop) -> None:
    """What Stripe gave back is booked once; all that is reserved, given and credited adds up."""
    refunds, payments = rows(shop.world, "REFUND"), rows(shop.world, "PAYMENT")
    given = [row for row in refunds if row["status"]["S"] == "succeeded"]
    under_way = {"requested", "submitted", "pending", "requires_action"}
    waiting = [row for row in refunds if row["status"]["S"] in under_way]
    assert {row["stripe_refund"]["S"]: number(row, "amount") for row in given} == at_stripe(shop)
    assert total(payments, "refunded") == total(given, "amount")
    assert total(payments, "refund_pending") == total(waiting, "amount")
    invoices = [row for (_, sk), row in shop.world.rows().items() if sk == "INVOICE"]
    assert total(invoices, "refunded") == total(given, "amount") - total(given, "unapplied")
    assert total(invoices, "refund_pending") == total(waiting, "amount") - total(
        waiting, "unapplied"
    )
    for row in payments:
        parts = sum(int(part["M"]["amount"]["N"]) for part in row["allocations"]["L"])
        assert parts + number(row, "unapplied") + number(row, "returned") == number(row, "gross")
        assert number(row, "refunded") + number(row, "refund_pending") <= number(row, "gross")
    credit = [row for (_, sk), row in shop.world.rows().items() if sk.startswith("CREDIT#")]
    assert total(credit, "balance") == total(payments, "unapplied")
    assert_journal_agrees(shop, total(payments, "gross") - total(given, "amount"))


def ledger(shop: Shop) -> Counter[str]:
    """The balance of every account of the journal."""
    sums: Counter[str] = Counter()
    for row in rows(shop.world, "JOURNAL"):
        for posting in row["postings"]["L"]:
            sums[posting["M"]["account"]["S"]] += int(posting["M"]["amount"]["N"])
    return sums


def assert_journal_agrees(shop: Shop, at_stripe: int) -> None:
    sums = ledger(shop)
    assert sum(sums.values()) == 0
    name = f"stripe_balance:{shop.account['id']}:test"
    assert sums[name] == at_stripe - sums["fees:stripe"]
    assert_invoices_are_the_debt(shop)


def assert_invoices_are_the_debt(shop: Shop) -> None:
    """What customers owe, and what was credited, is the same in the journal and on invoices."""
    sums = ledger(shop)
    invoices = [row for (_, sk), row in shop.world.rows().items() if sk == "INVOICE"]
    given_up = [row for row in invoices if "voided_at" in row or "written_off_at" in row]
    owed = sum(
        number(row, "total") - number(row, "credited") - number(row, "settled")
        + number(row, "refunded")
        for row in invoices
        if row not in given_up
    )  # fmt: skip
    assert sum(sums[name] for name in list(sums) if name.startswith("ar:")) == owed
    assert sums["refunds"] == total(invoices, "credited")


def number(row: Json, name: str) -> int:
    return int(row[name]["N"])


def total(found: list[Json], name: str) -> int:
    return sum(number(row, name) for row in found)


def test_a_payment_is_given_back_in_full_as_a_credit_note(shop: Shop) -> None:
    payment = paid(shop)

    refund = expect(201, ask(shop, payment, reason="Two tulips were broken"))

    assert re.fullmatch("rfd_[0-9a-z]{26}", refund.pop("id"))
    assert refund == {
        "status": "succeeded",
        "payment": payment["id"],
        "amount": 4000,
        "currency": "eur",
        "allocations": [{"invoice": payment["invoice"], "amount": 4000}],
        "unapplied": 0,
        "settle_as": "credit_note",
        "reason": "Two tulips were broken",
        "refund_platform_fee": "proportional",
        "origin": "api",
        "stripe_refund": shop.world.truth(shop.account)["refunds"][0]["id"],
        "failure_reason": None,
        "pending_reason": None,
        "created_at": "2026-09-21T14:00:00Z",
    }
    assert amounts(shop, payment) == {"refunded": 4000, "credited": 4000}
    assert invoice_of(shop, payment)["status"] == "refunded"
    assert again(shop, payment)["status"] == "refunded"
    assert_books_agree(shop)


def test_a_part_as_a_credit_note_leaves_the_invoice_paid(shop: Shop) -> None:
    payment = paid(shop)

    expect(201, ask(shop, payment, amount=1500))

    assert amounts(shop, payment) == {"paid": 2500, "refunded": 1500, "credited": 1500}
    assert invoice_of(shop, payment)["status"] == "paid"
    assert again(shop, payment)["status"] == "partially_refunded"
    assert_books_agree(shop)


@pytest.mark.parametrize(("amount", "status"), [(1500, "partially_paid"), (4000, "open")])
def test_a_refund_that_reopens_lets_the_debt_come_back(
    shop: Shop, amount: int, status: str
) -> None:
    card, payment = shop.save_card(), paid(shop)

    expect(201, ask(shop, payment, amount=amount, settle_as="reopen"))

    assert invoice_of(shop, payment)["status"] == status
    assert invoice_of(shop, payment)["amounts"]["collectable"] == amount
    assert_books_agree(shop)
    shop.charge({"id": payment["invoice"]}, payment_method=card)
    assert invoice_of(shop, payment)["status"] == "paid"
    assert_books_agree(shop)


def test_what_is_left_is_given_back_and_then_nothing_more(shop: Shop) -> None:
    payment = paid(shop)
    expect(201, ask(shop, payment, amount=1500))

    assert expect(201, ask(shop, payment))["amount"] == 2500

    refused = ask(shop, payment)
    assert (refused.status, refused.code) == (409, "refund_exceeds_payment")
    assert invoice_of(shop, payment)["status"] == "refunded"
    assert_books_agree(shop)


def test_two_equal_parts_are_two_refunds(shop: Shop) -> None:
    payment = paid(shop)

    ids = {expect(201, ask(shop, payment, amount=1000))["stripe_refund"] for _ in range(2)}

    assert len(ids) == 2
    assert [each["status"] for each in again(shop, payment)["refunds"]] == ["succeeded"] * 2
    assert_books_agree(shop)


def test_stripe_is_told_which_refund_of_which_payment_it_is(shop: Shop) -> None:
    payment = paid(shop)

    refund = expect(201, ask(shop, payment, amount=700))

    (told,) = shop.world.truth(shop.account)["refunds"]
    assert told["metadata"] == {
        "tenant": "tulips",
        "invoice": payment["invoice"],
        "payment": payment["id"],
        "refund": refund["id"],
    }


def test_a_key_twice_gives_back_once(shop: Shop) -> None:
    path = f"/v1/payments/{paid(shop)['id']}/refunds"

    refusals.use_key_twice(shop.operator, path, {"amount": 1500}, {"amount": 1501})

    assert list(at_stripe(shop).values()) == [1500]
    assert_books_agree(shop)


def test_refunds_are_listed_newest_first_and_read_by_id(shop: Shop) -> None:
    payment = paid(shop)
    made = [expect(201, ask(shop, payment, amount=amount)) for amount in (100, 200, 300)]

    page = expect(200, shop.operator.get("/v1/refunds", limit=2))
    rest = expect(200, shop.operator.get("/v1/refunds", limit=2, cursor=page["next_cursor"]))

    assert page["data"] + rest["data"] == made[::-1]
    assert rest["next_cursor"] is None
    assert expect(200, shop.operator.get(f"/v1/refunds/{made[0]['id']}")) == made[0]
    none = expect(200, shop.operator.get("/v1/refunds", status="failed"))
    assert none == {"data": [], "next_cursor": None}


def test_an_invoice_shows_what_was_given_back_of_it(shop: Shop) -> None:
    payment = paid(shop)
    refund = expect(201, ask(shop, payment, amount=700))

    (shown,) = invoice_of(shop, payment)["refunds"]

    assert (shown["id"], shown["payment"], shown["amount"]) == (refund["id"], payment["id"], 700)
    assert (shown["status"], shown["settle_as"]) == ("succeeded", "credit_note")


@pytest.mark.claim("CR-4")
def test_payments_are_listed_by_customer_invoice_status_and_date(shop: Shop) -> None:
    shop.customer("c-2")
    first = paid(shop)
    shop.world.advance(days=1)
    second, third = paid(shop, customer="c-2"), paid(shop)
    expect(201, ask(shop, third, amount=1))

    def found(**asked: object) -> list[str]:
        page = expect(200, shop.operator.get("/v1/payments", **asked))
        return [payment["id"] for payment in page["data"]]

    assert found() == [third["id"], second["id"], first["id"]]
    assert found(customer="c-2") == [second["id"]]
    assert found(invoice=first["invoice"]) == [first["id"]]
    assert found(invoice=first["invoice"], status="refunded") == []
    assert found(status="succeeded") == [second["id"], first["id"]]
    assert found(status="partially_refunded", customer="c-1") == [third["id"]]
    assert found(**{"from": "2026-09-22T00:00:00Z"}) == [third["id"], second["id"]]
    assert found(to="2026-09-22T02:00:00+02:00") == [first["id"]]
    assert found(invoice=first["invoice"], to="2026-09-21T14:00:00Z") == []
    one = expect(200, shop.operator.get("/v1/payments", limit=1))
    assert [payment["id"] for payment in one["data"]] == [third["id"]]
    assert found(limit=9, cursor=one["next_cursor"]) == [second["id"], first["id"]]


def test_a_payment_shows_what_stripe_kept_and_where_the_rest_went(shop: Shop) -> None:
    payment = paid(shop)

    (charge,) = shop.world.truth(shop.account)["charges"]
    shown = again(shop, payment)
    assert (shown["gross"], shown["currency"], shown["method"]) == (4000, "eur", "stripe")
    assert shown["net"] == 4000 - shown["fee"]["amount"]
    assert shown["note"]["charge"] == charge["id"]
    assert shown["allocations"] == [{"invoice": payment["invoice"], "amount": 4000}]
    assert (shown["unapplied"], shown["refunds"], shown["refundable"]) == (0, [], 4000)
    assert (shown["status"], shown["customer"]) == ("succeeded", "c-1")


BAD = (
    *ALWAYS,
    *AMOUNTS,
    invalid("settled as nothing known", {"settle_as": "gift"}),
    invalid("a fee policy that is none", {"refund_platform_fee": "half"}),
    invalid("a reason with a line break", {"reason": "bro\nken"}),
    invalid("tenant in the body", {"tenant": "bakery"}),
    invalid("an invoice that it did not pay", {"allocations": [{"invoice": "inv_x", "amount": 1}]}),
    invalid("allocations without an amount", {"allocations": [{"invoice": "inv_x"}]}),
    Bad("more than came", 409, "refund_exceeds_payment", {"amount": 4001}),
)


@pytest.fixture(scope="module")
def received(showroom: Shop) -> Json:
    """Give a payment to look at."""
    return paid(showroom)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_given_back_is_refused_and_asks_nobody(
    showroom: Shop, received: Json, bad: Bad
) -> None:
    path = f"/v1/payments/{received['id']}/refunds"
    showroom.world.gate.arm(None)

    assert refuse_body(showroom.operator, "POST", path, {}, bad) == (bad.status, bad.code)

    assert not [name for name in showroom.world.gate.passed if "/v1/" in name]


def test_a_refusal_says_how_much_can_be_given_back(showroom: Shop, received: Json) -> None:
    assert ask(showroom, received, amount=4001).json["refundable"] == 4000


def test_money_that_came_at_a_time_written_in_another_zone_is_found_by_its_moment(
    shop: Shop,
) -> None:
    path = f"/v1/invoices/{shop.invoice()['id']}/offline-payments"
    body = {"amount": 100, "method": "cash"}
    written = {
        "2026-09-01T01:00:00+02:00": "2026-08-31T23:00:00Z",
        "2026-08-31T20:30:00.750-03:00": "2026-08-31T23:30:00Z",
    }
    for at, in_utc in written.items():
        booked = expect(201, shop.operator.post(path, body | {"received_at": at}))
        assert booked["payment"]["paid_at"] == in_utc

    def found(**asked: str) -> list[str]:
        page = expect(200, shop.operator.get("/v1/payments", **asked))
        return sorted(payment["paid_at"] for payment in page["data"])

    assert found(to="2026-09-01T00:00:00Z") == list(written.values())
    assert found(**{"from": "2026-08-31T23:30:00Z"}) == ["2026-08-31T23:30:00Z"]
    assert found(**{"from": "2026-09-01T00:00:00Z"}) == []


BEYOND = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"status": "x"},
        {"from": "x"},
        {"customer": ""},
        {"invoice": ""},
        {"from": "1700000000"},
        {"to": "20261231"},
        {"from": BEYOND[0]},
        {"to": BEYOND[1]},
    ],
)
def test_a_page_that_cannot_be_is_refused(showroom: Shop, query: Json) -> None:
    refused = refuse(showroom.world, lambda: showroom.operator.get("/v1/payments", **query))

    assert refused == (422, "validation_failed")


@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("POST", "/refunds")])
def test_another_tenants_payment_does_not_exist(
    showroom: Shop, received: Json, method: str, tail: str
) -> None:
    path = f"/v1/payments/{received['id']}{tail}"

    assert refusals.foreign(showroom, path, {}, method) == (404, "not_found")
    assert showroom.world.client("bakery").get("/v1/payments").json["data"] == []


def test_another_tenants_refund_does_not_exist(shop: Shop) -> None:
    refund = expect(201, ask(shop, paid(shop), amount=1))

    assert refusals.foreign(shop, f"/v1/refunds/{refund['id']}") == (404, "not_found")


def test_an_operator_without_the_modules_grant_gives_nothing_back_and_an_admin_does(
    shop: Shop,
) -> None:
    payment = paid(shop)
    path = f"/v1/profiles/operator/modules/{shop.module['id']}"
    expect(200, shop.admin.send("DELETE", path))

    assert refuse(shop.world, lambda: ask(shop, payment)) == (403, "permission_denied")

    expect(201, shop.admin.post(f"/v1/payments/{payment['id']}/refunds", {}))


def test_money_is_given_back_though_the_module_is_off(shop: Shop) -> None:
    payment = paid(shop)
    state = f"/v1/payment-modules/{shop.module['id']}/state"
    expect(200, shop.admin.post(state, {"state": "off"}))

    expect(201, ask(shop, payment))


@pytest.mark.parametrize("currency", ["usd", "jpy"])
def test_a_refund_is_in_the_currency_of_its_payment(shop: Shop, currency: str) -> None:
    payment = paid(shop, currency=currency)

    refund = expect(201, ask(shop, payment, amount=1234, settle_as="reopen"))

    assert (refund["currency"], amounts(shop, payment)["outstanding"]) == (currency, 1234)
    assert list(at_stripe(shop).values()) == [1234]
    (entry,) = [row for row in rows(shop.world, "JOURNAL") if row["fact"]["S"].endswith("#refund")]
    assert {posting["M"]["currency"]["S"] for posting in entry["postings"]["L"]} == {currency}


def test_an_amount_that_the_currency_does_not_have_is_not_given_back(shop: Shop) -> None:
    line = {"description": "Tulips", "quantity": 1, "unit_amount": 5000}
    payment = paid(shop, currency="kwd", lines=[line])

    refused = refuse(shop.world, lambda: ask(shop, payment, amount=1234))

    assert refused == (422, "amount_not_representable")


def pay_several(shop: Shop, *parts: int) -> Json:
    """The payment of several invoices over 40.00 at once by a saved card."""
    shop.save_card()
    named = [{"invoice": shop.invoice()["id"], "amount": amount} for amount in parts]
    charged = shop.operator.post("/v1/charges", {"customer": "c-1", "allocations": named})
    return again(shop, expect(201, charged)["payment"])


def test_a_part_of_a_payment_of_several_invoices_says_of_which(shop: Shop) -> None:
    payment = pay_several(shop, 4000, 2500)
    first, second = (part["invoice"] for part in payment["allocations"])

    assert refuse(shop.world, lambda: ask(shop, payment, amount=1000)) == (422, "validation_failed")
    named = [{"invoice": second, "amount": 1000}]
    expect(201, ask(shop, payment, amount=1000, allocations=named, settle_as="reopen"))

    assert shop.read({"id": second})["amounts"]["refunded"] == 1000
    assert shop.read({"id": first})["amounts"]["refunded"] == 0
    assert [each["amount"] for each in shop.read({"id": second})["refunds"]] == [1000]
    assert shop.read({"id": first})["refunds"] == []
    assert payment_of(shop, {"id": second})["id"] == payment["id"]
    assert_books_agree(shop)
    expect(201, ask(shop, payment))
    assert {shop.read({"id": name})["amounts"]["paid"] for name in (first, second)} == {0}
    assert_books_agree(shop)


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        ([500, 499], 422, "validation_failed"),
        ([1000, 1], 422, "validation_failed"),
        ([0], 422, "validation_failed"),
    ],
)
def test_allocations_sum_to_what_is_given_back(
    shop: Shop, parts: list[int], status: int, code: str
) -> None:
    payment = pay_several(shop, 4000, 2500)
    names = [part["invoice"] for part in payment["allocations"]]
    named = [
        {"invoice": name, "amount": amount} for name, amount in zip(names, parts, strict=False)
    ]

    refused = refuse(shop.world, lambda: ask(shop, payment, amount=1000, allocations=named))

    assert refused == (status, code)


def test_of_one_invoice_no_more_is_given_back_than_was_paid_for_it(shop: Shop) -> None:
    payment = pay_several(shop, 4000, 2500)
    second = payment["allocations"][1]["invoice"]
    twice = [{"invoice": second, "amount": 1}] * 2

    assert refuse(
        shop.world, lambda: ask(shop, payment, allocations=[{"invoice": second, "amount": 2501}])
    ) == (409, "refund_exceeds_payment")
    assert refuse(shop.world, lambda: ask(shop, payment, allocations=twice)) == (
        422,
        "validation_failed",
    )
    refund = ask(shop, payment, allocations=[{"invoice": second, "amount": 2500}])
    assert expect(201, refund)["amount"] == 2500


def paid_after_void(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Json:
    """A payment for an invoice that is void: all of it is the customer's credit."""
    invoice = shop.invoice()
    url = shop.session(invoice)
    with monkeypatch.context() as patch:
        patch.setattr(
            "payments.cases.invoices.invoicing.free_claim",
            lambda found, **_: found.having(claim=None),
        )
        expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/void"))
    shop.world.press(url)
    assert shop.world.deliver() == []
    return payment_of(shop, invoice)


def credit(world: World) -> int:
    return total([row for (_, sk), row in world.rows().items() if sk.startswith("CREDIT#")],
                 "balance")  # fmt: skip


def test_a_customers_credit_is_given_back_and_is_no_credit_any_more(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid_after_void(shop, monkeypatch)
    assert (payment["unapplied"], credit(shop.world)) == (4000, 4000)

    refund = expect(201, ask(shop, payment, amount=1500))

    assert (refund["unapplied"], refund["allocations"]) == (1500, [])
    shown = again(shop, payment)
    assert (shown["unapplied"], shown["returned"], credit(shop.world)) == (2500, 1500, 2500)
    assert_books_agree(shop)


def pay_in_cash(shop: Shop, amount: int) -> Json:
    """Cash for an invoice over 40.00; what is more is the customer's credit."""
    invoice, body = shop.invoice(), {"amount": amount, "method": "cash"}
    expect(201, shop.operator.post(f"/v1/invoices/{invoice['id']}/offline-payments", body))
    return payment_of(shop, invoice)


def test_money_that_came_outside_of_stripe_goes_back_outside_of_it(shop: Shop) -> None:
    payment = pay_in_cash(shop, 4000)
    shop.world.gate.arm(None)

    refund = expect(201, ask(shop, payment, amount=1500))

    assert not [name for name in shop.world.gate.passed if "/v1/" in name]
    assert (refund["status"], refund["stripe_refund"]) == ("succeeded", None)
    assert amounts(shop, payment) == {"paid": 2500, "refunded": 1500, "credited": 1500}
    (entry,) = [row for row in rows(shop.world, "JOURNAL") if row["fact"]["S"].endswith("#refund")]
    accounts = {posting["M"]["account"]["S"] for posting in entry["postings"]["L"]}
    assert accounts == {"bank", "refunds"}


def test_credit_is_taken_before_what_was_allocated(shop: Shop) -> None:
    payment = pay_in_cash(shop, 5000)

    refund = expect(201, ask(shop, payment, amount=1500))

    assert refund["unapplied"] == 1000
    assert refund["allocations"] == [{"invoice": payment["invoice"], "amount": 500}]
    assert credit(shop.world) == 0
    assert_invoices_are_the_debt(shop)


def test_a_debt_that_comes_back_to_an_invoice_that_was_given_up_is_lost_at_once(
    shop: Shop,
) -> None:
    card, invoice = shop.save_card(), shop.invoice()
    payment = expect(201, shop.charge(invoice, amount=1500, payment_method=card))["payment"]
    expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/uncollectible"))

    expect(201, ask(shop, payment, settle_as="reopen"))

    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["outstanding"]) == ("uncollectible", 4000)
    assert ledger(shop)["bad_debt"] == 4000
    assert_books_agree(shop)


@pytest.mark.parametrize("step", range(20))
@pytest.mark.parametrize("amount", [4000, 2500])
def test_two_refunds_at_once_never_give_back_more_than_came(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: int, amount: int
) -> None:
    payment = paid(shop)
    second: list[Answer] = []
    meanwhile(shop, monkeypatch, step, lambda: second.append(ask(shop, payment, amount=amount)))

    first = ask(shop, payment, amount=amount)
    settle(shop)

    assert sorted([first.status, *(answer.status for answer in second)]) == [201, 409]
    assert sum(at_stripe(shop).values()) == amount
    assert_books_agree(shop)


def meanwhile(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: int, work: Callable[[], object]
) -> None:
    """Let something else happen just before the request's next I/O of that number."""
    gate, through = shop.world.gate, shop.world.gate.through
    left = [step]

    def passing(name: str, send: Callable[[], Any]) -> Any:
        left[0] -= 1
        if left[0] == -1:
            work()
        return through(name, send)

    monkeypatch.setattr(gate, "through", passing)


@pytest.mark.parametrize("kinds", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_outcome_is_reserved_until_stripe_has_told_and_never_given_twice(
    shop: Shop, kinds: tuple[str, ...]
) -> None:
    shop.world.control("webhooks", mode="deliver")
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    shop.world.fail(CREATE, *kinds)

    answer = ask(shop, payment, amount=2500)

    assert (answer.status, answer.json["status"]) == (202, "submitted")
    assert int(answer.headers["retry-after"]) > 0
    assert amounts(shop, payment) == {"paid": 4000, "refund_pending": 2500}
    assert ask(shop, payment, amount=1501).code == "refund_exceeds_payment"
    settle(shop)
    (refund,) = again(shop, payment)["refunds"]
    assert refund["status"] in {"succeeded", "failed"}
    assert sum(at_stripe(shop).values()) == (2500 if refund["status"] == "succeeded" else 0)
    assert_books_agree(shop)


@pytest.mark.parametrize("kinds", UNKNOWN.values(), ids=UNKNOWN)
def test_the_same_request_again_goes_on_with_the_same_refund(
    shop: Shop, kinds: tuple[str, ...]
) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    shop.world.fail(CREATE, *kinds)
    first = expect(202, ask(shop, payment, key="k", amount=2500))

    shop.world.advance(minutes=2)
    answer = ask(shop, payment, key="k", amount=2500)
    settle(shop)

    if kinds == ("500", "500"):
        assert (answer.code, answer.json["refund"]) == ("refund_refused", first["id"])
        assert answer.json["reason"] == "failed_at_stripe"
    else:
        assert expect(201, answer)["id"] == first["id"]
    assert len(again(shop, payment)["refunds"]) == 1
    assert_books_agree(shop)


@pytest.mark.parametrize(("kind", "end"), [("500", "failed"), ("500_applied", "succeeded")])
def test_a_refund_that_stripe_fails_to_make_is_not_reserved_for_the_day_that_it_keeps_the_key(
    shop: Shop, kind: str, end: str
) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    shop.world.fail(CREATE, kind, kind)
    expect(202, ask(shop, payment, amount=2500))

    assert [sweep(shop)["refunds"], amounts(shop, payment)] == [
        0, {"paid": 4000, "refund_pending": 2500}
    ]  # fmt: skip
    shop.world.advance(minutes=3)
    assert sweep(shop)["refunds"] == 1

    (refund,) = again(shop, payment)["refunds"]
    assert refund["status"] == end
    left = 4000 if end == "failed" else 1500
    assert expect(201, ask(shop, payment))["amount"] == left
    assert_books_agree(shop)


def test_a_refund_that_stripe_is_still_making_is_not_made_a_second_time(shop: Shop) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    late = {"method": "POST", "path": CREATE, "kind": "applied_later"}
    shop.world.control("faults", **late, delay_s=600)
    expect(202, ask(shop, payment, amount=1500))

    shop.world.advance(minutes=3)
    sweep(shop)
    shop.world.advance(minutes=10)
    shop.world.standin.run_jobs()
    settle(shop)

    assert list(at_stripe(shop).values()) == [1500]
    assert_books_agree(shop)


def test_a_refund_over_23_hours_old_is_looked_up_and_never_sent_again(shop: Shop) -> None:
    payment = paid(shop)
    shop.world.fail(CREATE, "timeout_lost", "timeout_lost")
    expect(202, ask(shop, payment))
    shop.world.advance(hours=24)
    shop.world.gate.arm(None)

    assert sweep(shop)["refunds"] == 1

    assert not [name for name in shop.world.gate.passed if name.startswith("POST")]
    (refund,) = again(shop, payment)["refunds"]
    assert (refund["status"], refund["failure_reason"]) == ("failed", "not_sent")
    assert again(shop, payment)["refundable"] == 4000
    assert expect(201, ask(shop, payment))["status"] == "succeeded"
    assert_books_agree(shop)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("rescue", ["the same request", "the sweep"])
def test_a_refund_that_dies_anywhere_is_made_once_or_never(
    shop: Shop, moment: str, rescue: str
) -> None:
    shop.world.gate.arm(None)
    dry = paid(shop)
    shop.world.gate.arm(None)
    expect(201, ask(shop, dry, amount=1500))
    steps = len(shop.world.gate.passed)
    payments = [paid(shop) for _ in range(steps)]
    shop.world.control("webhooks", mode="drop")

    for step, payment in enumerate(payments):
        shop.world.gate.arm(step, moment)
        with pytest.raises(Died):
            ask(shop, payment, key=payment["id"], amount=1500)
    shop.world.gate.arm(None)
    shop.world.advance(minutes=2)
    if rescue == "the sweep":
        settle(shop)
    statuses = {ask(shop, payment, key=payment["id"], amount=1500).status for payment in payments}

    assert statuses == {201}
    assert {again(shop, payment)["refunded"] for payment in payments} == {1500}
    assert len(at_stripe(shop)) == 1 + steps
    assert_books_agree(shop)


def test_a_sweep_that_dies_anywhere_gives_back_once(shop: Shop) -> None:
    payments = [paid(shop) for _ in range(3)]
    shop.world.control("webhooks", mode="drop")
    for payment in payments:
        shop.world.fail(CREATE, "timeout_applied", "timeout_lost")
        expect(202, ask(shop, payment))
    shop.world.advance(minutes=3)

    for step in range(0, 60, 3):
        shop.world.gate.arm(step, "after" if step % 2 else "before")
        try:
            sweep(shop)
        except Died:
            shop.world.advance(minutes=30)
    shop.world.gate.arm(None)
    settle(shop)

    assert {again(shop, payment)["refunded"] for payment in payments} == {4000}
    assert_books_agree(shop)


def test_with_too_little_time_left_nothing_is_begun_at_stripe(shop: Shop) -> None:
    payment = paid(shop)
    shop.world.remaining_ms = 5_000

    assert expect(202, ask(shop, payment, key="k"))["status"] == "requested"
    assert at_stripe(shop) == {}

    shop.world.remaining_ms = None
    expect(201, ask(shop, payment, key="k"))
    assert_books_agree(shop)


def charge_of(payment: Json) -> str:
    return str(payment["note"]["charge"])


def in_dashboard(shop: Shop, payment: Json, amount: int) -> Json:
    """Give money back in Stripe's Dashboard."""
    return shop.world.at_stripe(
        "POST", CREATE, charge=charge_of(payment), amount=str(amount), reason="duplicate"
    )


@pytest.mark.claim("OH-1")
def test_a_refund_made_in_the_dashboard_shows_up_within_a_minute(shop: Shop) -> None:
    payment = paid(shop)
    told = in_dashboard(shop, payment, 1500)
    shop.world.advance(seconds=60)

    assert shop.world.deliver() == []

    (refund,) = again(shop, payment)["refunds"]
    assert (refund["stripe_refund"], refund["origin"]) == (told["id"], "stripe")
    assert (refund["amount"], refund["settle_as"]) == (1500, "credit_note")
    assert (refund["status"], refund["reason"]) == ("succeeded", "duplicate")
    assert re.fullmatch("rfd_[0-9a-z]{26}", refund["id"])
    assert amounts(shop, payment) == {"paid": 2500, "refunded": 1500, "credited": 1500}
    assert_books_agree(shop)


def test_every_event_of_a_refund_twice_and_in_the_wrong_order_books_once(shop: Shop) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="hold")
    in_dashboard(shop, payment, 1500)
    expect(201, ask(shop, payment, amount=700))
    shop.world.standin.deliveries._held.reverse()
    shop.world.control("webhooks", mode="duplicate")

    assert shop.world.deliver() == []

    assert sorted(each["amount"] for each in again(shop, payment)["refunds"]) == [700, 1500]
    assert_books_agree(shop)


@pytest.mark.parametrize(
    "kind",
    [
        "refund.created",
        "refund.updated",
        "refund.failed",
        "charge.refund.updated",
        "charge.refunded",
    ],
)
def test_whatever_the_event_says_stripes_present_word_is_booked(shop: Shop, kind: str) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    told = in_dashboard(shop, payment, 1500)

    event = tell(shop, kind, charge_of(payment) if kind == "charge.refunded" else told["id"])

    assert event["status"]["S"] == "applied"
    assert amounts(shop, payment)["refunded"] == 1500
    before = shop.world.rows()
    address = {name: event[name]["S"] for name in ("tenant", "account", "mode")}
    message = record(address | {"event": event["id"]["S"]})
    assert shop.world.work("apply_event", message, message) == []
    assert shop.world.rows() == before


def tell(shop: Shop, kind: str, about: str) -> Json:
    """Let Stripe say `kind` about an object; return the kept event."""
    assert deliver(shop, a_body(type=kind, data={"object": {"id": about}})).status == 200
    assert shop.world.work("apply_event", *shop.world.messages("events")) == []
    return [row for (_, sk), row in shop.world.rows().items() if sk == "EVENT"][-1]


def test_a_refund_of_a_payment_that_nobody_told_of_is_booked_after_it(shop: Shop) -> None:
    shop.world.control("webhooks", mode="drop")
    invoice = shop.invoice()
    shop.pay(invoice)
    (charge,) = shop.world.truth(shop.account)["charges"]
    told = shop.world.at_stripe("POST", CREATE, charge=charge["id"], amount="500")

    assert tell(shop, "refund.created", told["id"])["status"]["S"] == "applied"

    assert (payment_of(shop, invoice)["gross"], payment_of(shop, invoice)["refunded"]) == (
        4000,
        500,
    )
    assert_books_agree(shop)


def test_a_refund_of_a_debit_that_has_not_cleared_is_booked_once_there_is_money(
    shop: Shop,
) -> None:
    invoice = shop.invoice(currency="usd")
    shop.pay(invoice, "pm_usBankAccount")
    shop.world.deliver()
    (charge,) = shop.world.truth(shop.account)["charges"]
    told = shop.world.at_stripe("POST", CREATE, charge=charge["id"], amount="500")

    assert tell(shop, "refund.created", told["id"])["status"]["S"] == "ignored"
    assert rows(shop.world, "REFUND") == []

    shop.world.advance(days=5)
    assert at_stripe(shop) == {told["id"]: 500}
    assert shop.world.deliver() == []
    assert payment_of(shop, invoice)["refunded"] == 500
    assert_books_agree(shop)


def test_a_refund_of_what_the_merchant_sells_elsewhere_is_ignored(shop: Shop) -> None:
    shop.world.control("webhooks", mode="drop")
    intent = shop.world.at_stripe(
        "POST",
        "/v1/payment_intents",
        amount="700",
        currency="eur",
        payment_method="pm_card_visa",
        confirm="true",
        **{"automatic_payment_methods[enabled]": "true"},
        **{"automatic_payment_methods[allow_redirects]": "never"},
    )
    told = shop.world.at_stripe("POST", CREATE, charge=intent["latest_charge"])

    assert tell(shop, "refund.created", told["id"])["status"]["S"] == "ignored"
    assert tell(shop, "charge.refunded", intent["latest_charge"])["status"]["S"] == "ignored"
    assert rows(shop.world, "REFUND") == []


@pytest.mark.parametrize("kind", ["refund.created", "charge.refund.updated", "charge.refunded"])
def test_a_refund_that_stripe_does_not_know_is_quarantined_or_nothing(
    shop: Shop, kind: str
) -> None:
    about = "ch_forged" if kind == "charge.refunded" else "re_forged"

    assert tell(shop, kind, about)["status"]["S"] in {"quarantined", "applied"}
    assert rows(shop.world, "REFUND") == []


def test_what_the_dashboard_gave_back_cannot_be_given_back_again(shop: Shop) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    in_dashboard(shop, payment, 4000)

    answer = ask(shop, payment, key="k", amount=1500)

    assert (answer.status, answer.code) == (409, "refund_exceeds_payment")
    assert amounts(shop, payment) == {"paid": 4000}
    assert [each["status"] for each in again(shop, payment)["refunds"]] == ["failed"]
    repeated = ask(shop, payment, key="k", amount=1500)
    assert (repeated.status, repeated.json["refund"]) == (409, answer.json["refund"])
    tell(shop, "charge.refunded", charge_of(payment))
    assert amounts(shop, payment) == {"refunded": 4000, "credited": 4000}
    assert_books_agree(shop)


def test_more_than_the_dashboard_left_is_refused_and_frees_what_was_reserved(shop: Shop) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    in_dashboard(shop, payment, 3000)

    assert ask(shop, payment, amount=1500).code == "refund_exceeds_payment"

    assert again(shop, payment)["refund_pending"] == 0
    tell(shop, "charge.refunded", charge_of(payment))
    assert expect(201, ask(shop, payment))["amount"] == 1000
    assert_books_agree(shop)


def test_a_dashboard_refund_beside_one_of_ours_that_never_arrived_takes_its_place(
    shop: Shop,
) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    shop.world.fail(CREATE, "timeout_lost", "timeout_lost")
    expect(202, ask(shop, payment))
    told = in_dashboard(shop, payment, 4000)

    tell(shop, "refund.created", told["id"])
    settle(shop)

    statuses = {each["origin"]: each["status"] for each in again(shop, payment)["refunds"]}
    assert statuses == {"api": "failed", "stripe": "succeeded"}
    assert invoice_of(shop, payment)["status"] == "refunded"
    assert_books_agree(shop)


def test_a_disputed_payment_is_not_given_back(shop: Shop) -> None:
    payment = paid(shop, "createDispute")

    answer = ask(shop, payment)

    assert (answer.status, answer.code) == (409, "payment_disputed")
    assert again(shop, payment)["refund_pending"] == 0
    assert at_stripe(shop) == {}


@pytest.mark.parametrize(
    ("revoked", "allow", "code"),
    [(True, None, "stripe_account_error"), (False, ["events.read"], "stripe_permission_missing")],
)
def test_a_key_that_stripe_no_longer_takes_gives_nothing_back_and_reserves_nothing(
    shop: Shop, revoked: bool, allow: list[str] | None, code: str
) -> None:
    payment, key = paid(shop), secret_key("tulips")
    shop.world.control("keys", key=key, revoked=revoked, allow=allow)

    answer = ask(shop, payment)

    assert (answer.status, answer.code) == (424, code)
    shop.world.control("keys", key=key, revoked=False, allow=None)
    assert amounts(shop, payment) == {"paid": 4000}
    expect(201, ask(shop, payment))
    assert_books_agree(shop)


@pytest.mark.parametrize("given_up", [False, True])
def test_what_comes_back_for_a_debt_that_was_paid_meanwhile_is_the_customers_credit(
    shop: Shop, *, given_up: bool
) -> None:
    payment = paid(shop, "refundFail")
    invoice = invoice_of(shop, payment)
    expect(201, ask(shop, payment, settle_as="reopen"))
    if given_up:
        expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/uncollectible"))
    cash = {"amount": 3000, "method": "cash"}
    expect(201, shop.operator.post(f"/v1/invoices/{invoice['id']}/offline-payments", cash))
    shop.world.advance(hours=1)
    shop.world.truth(shop.account)
    for _ in range(3):
        assert shop.world.deliver() == []

    seen = invoice_of(shop, payment)
    assert (seen["status"], seen["amounts"]["paid"]) == ("paid", 4000)
    assert seen["facets"]["exception"] == "refund_failed"
    assert again(shop, payment)["unapplied"] == 3000
    (credit,) = expect(200, shop.operator.get("/v1/customers/c-1/credit"))["data"]
    assert credit["balance"] == 3000
    found = expect(200, shop.admin.get("/v1/ledger/trial-balance"))
    told = {entry["account"]: entry["balance"] for entry in found["data"] if entry["balance"]}
    assert found["balanced"]
    assert told["customer_credit:c-1"] == -3000
    assert not {"ar:c-1", "bad_debt"} & told.keys()
    # It is spent and given back like any other credit.
    other = shop.invoice()
    spent = {"invoice": other["id"], "amount": 1000}
    expect(201, shop.operator.post(f"/v1/payments/{payment['id']}/allocations", spent))
    expect(201, ask(shop, payment, amount=2000))
    assert again(shop, payment)["unapplied"] == 0
    assert expect(200, shop.admin.get("/v1/ledger/trial-balance"))["balanced"]


def test_a_refund_that_fails_days_later_is_taken_back_and_somebody_is_told(shop: Shop) -> None:
    payment = paid(shop, "refundFail")
    refund = expect(201, ask(shop, payment, amount=1500))
    assert shop.world.deliver() == []
    assert amounts(shop, payment) == {"paid": 2500, "refunded": 1500, "credited": 1500}

    shop.world.advance(days=3)
    assert at_stripe(shop) == {}
    assert shop.world.deliver() == []

    found = expect(200, shop.operator.get(f"/v1/refunds/{refund['id']}"))
    assert (found["status"], found["failure_reason"]) == ("failed", "expired_or_canceled_card")
    assert amounts(shop, payment) == {"paid": 4000}
    seen = invoice_of(shop, payment)
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "refund_failed")
    assert again(shop, payment)["refundable"] == 4000
    (note,) = rows(shop.world, "CREDITNOTE")
    assert note["reversed_at"]["S"] == "2026-09-24T14:00:00Z"
    facts = {row["fact"]["S"].partition("#")[2] for row in rows(shop.world, "JOURNAL")}
    assert {"refund", "refund_reversed"} <= facts
    assert_books_agree(shop)


def test_a_page_for_a_debt_that_is_none_any_more_is_closed_by_the_sweep(shop: Shop) -> None:
    payment = paid(shop, "refundFail")
    expect(201, ask(shop, payment, settle_as="reopen"))
    url = shop.session(invoice_of(shop, payment))

    shop.world.advance(minutes=5)
    assert at_stripe(shop) == {}
    assert shop.world.deliver() == []
    shop.world.advance(minutes=3)
    assert sweep(shop)["attempts"] == 1

    assert shop.world.press(url).status != 303
    seen = invoice_of(shop, payment)
    assert (seen["status"], seen["facets"]["collection"]) == ("paid", "idle")
    assert amounts(shop, payment) == {"paid": 4000}
    assert_books_agree(shop)


def test_a_page_that_is_opened_while_its_debt_is_paid_is_not_put_off_to_its_end(
    shop: Shop,
) -> None:
    """The refund fails when the attempt is stored, and Stripe has not been asked for a page yet."""
    payment = paid(shop, "refundFail")
    expect(201, ask(shop, payment, settle_as="reopen"))
    assert shop.world.deliver() == []
    path, dry = shop.link(invoice_of(shop, payment)), shop.link(shop.invoice())
    shop.world.gate.arm(None)
    shop.press_pay(dry)
    asked = shop.world.gate.passed.index("POST /v1/checkout/sessions")

    def fail() -> None:
        shop.world.advance(minutes=2)
        assert at_stripe(shop) == {}
        assert shop.world.deliver() == []
        assert invoice_of(shop, payment)["status"] == "paid"

    shop.world.gate.arm(None)
    shop.world.gate.before = (asked, fail)
    answer = shop.world.public.post(f"{path}/pay", key=None)
    assert answer.headers["location"].partition("?")[0].endswith(path)
    shop.world.advance(minutes=3)
    sweep(shop)

    pages = shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"]
    mine = [page for page in pages if page["metadata"].get("invoice") == payment["invoice"]]
    assert [page["status"] for page in mine] == ["expired", "complete"]
    assert invoice_of(shop, payment)["facets"]["collection"] == "idle"
    assert_books_agree(shop)


def test_a_customers_credit_comes_back_with_a_refund_that_failed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = shop.invoice()
    url = shop.session(invoice)
    monkeypatch.setattr(
        "payments.cases.invoices.invoicing.free_claim", lambda found, **_: found.having(claim=None)
    )
    expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/void"))
    shop.world.press(url, "refundFail")
    shop.world.deliver()
    payment = payment_of(shop, invoice)
    expect(201, ask(shop, payment))
    assert credit(shop.world) == 0

    shop.world.advance(minutes=2)
    assert at_stripe(shop) == {}
    assert shop.world.deliver() == []

    assert (credit(shop.world), again(shop, payment)["unapplied"]) == (4000, 4000)
    assert_books_agree(shop)


@pytest.mark.parametrize("heard", ["by webhook", "by the sweep"])
def test_a_pending_refund_is_booked_when_it_succeeds(shop: Shop, heard: str) -> None:
    payment = paid(shop, "pendingRefund")
    if heard == "by the sweep":
        shop.world.control("webhooks", mode="drop")

    answer = expect(202, ask(shop, payment, amount=1500))

    assert answer["status"] == "pending"
    assert amounts(shop, payment) == {"paid": 4000, "refund_pending": 1500}
    assert_books_agree(shop)
    shop.world.advance(days=1)
    assert shop.world.deliver() == []
    sweep(shop)
    assert amounts(shop, payment) == {"paid": 2500, "refunded": 1500, "credited": 1500}
    assert_books_agree(shop)


def test_a_pending_refund_is_asked_about_once_a_day(shop: Shop) -> None:
    payment = paid(shop, "refundRequiresAction")
    shop.world.control("webhooks", mode="drop")
    assert expect(202, ask(shop, payment))["status"] == "requires_action"

    asked = []
    for _ in range(3):
        shop.world.advance(days=1)
        asked += [sweep(shop)["refunds"], sweep(shop)["refunds"]]

    assert asked == [1, 0] * 3
    assert_books_agree(shop)


def test_a_refund_that_is_canceled_frees_what_was_reserved(shop: Shop) -> None:
    payment = paid(shop, "refundRequiresAction")
    refund = expect(202, ask(shop, payment, amount=1500))

    shop.world.at_stripe("POST", f"/v1/refunds/{refund['stripe_refund']}/cancel")
    assert shop.world.deliver() == []

    found = expect(200, shop.operator.get(f"/v1/refunds/{refund['id']}"))
    assert found["status"] == "canceled"
    assert amounts(shop, payment) == {"paid": 4000}
    assert again(shop, payment)["refundable"] == 4000
    assert_books_agree(shop)


def test_an_older_word_of_stripes_that_comes_late_changes_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid(shop, "refundFail")
    refund = expect(201, ask(shop, payment, amount=1500))
    keys = runtime.doors().gateway("tulips", shop.account["id"], "test")
    older = keys.refund(refund["stripe_refund"])
    shop.world.advance(days=1)
    tell(shop, "refund.failed", older.id)
    before = rows(shop.world, "REFUND"), rows(shop.world, "JOURNAL")

    monkeypatch.setattr(Gateway, "refund", lambda *_: older)

    assert tell(shop, "refund.updated", older.id)["status"]["S"] == "applied"
    assert (rows(shop.world, "REFUND"), rows(shop.world, "JOURNAL")) == before
    assert before[0][0]["status"]["S"] == "failed"


def refunds_by_status(shop: Shop, payment: Json) -> dict[str, str]:
    return {each["status"]: each["stripe_refund"] for each in again(shop, payment)["refunds"]}


def test_a_list_of_refunds_that_is_older_than_the_books_is_asked_for_again(shop: Shop) -> None:
    """One is canceled and another takes its place, while an event of the first is applied."""
    payment = paid(shop, "refundRequiresAction")
    shop.world.control("webhooks", mode="drop")
    first, second = in_dashboard(shop, payment, 4000), {}

    def meanwhile() -> None:
        shop.world.at_stripe("POST", f"{CREATE}/{first['id']}/cancel")
        second.update(in_dashboard(shop, payment, 4000))
        assert tell(shop, "refund.created", second["id"])["status"]["S"] == "applied"

    shop.world.gate.arm(None)
    tell(shop, "charge.refunded", "ch_forged")
    listed = shop.world.gate.passed.index("GET /v1/refunds")
    shop.world.gate.arm(None)
    shop.world.gate.before = (listed + 1, meanwhile)

    assert tell(shop, "charge.refunded", charge_of(payment))["status"]["S"] == "applied"

    expected = {"canceled": first["id"], "requires_action": second["id"]}
    assert refunds_by_status(shop, payment) == expected
    assert_books_agree(shop)


@pytest.mark.parametrize("about", ["the second", "its charge"])
def test_books_that_are_older_than_what_is_told_are_brought_up_to_date_first(
    shop: Shop, about: str
) -> None:
    payment = paid(shop, "refundRequiresAction")
    first = in_dashboard(shop, payment, 4000)
    assert shop.world.deliver() == []
    shop.world.control("webhooks", mode="drop")
    shop.world.at_stripe("POST", f"{CREATE}/{first['id']}/cancel")
    second = in_dashboard(shop, payment, 4000)
    event = {
        "the second": ("refund.created", second["id"]),
        "its charge": ("charge.refunded", charge_of(payment)),
    }[about]

    assert tell(shop, *event)["status"]["S"] == "applied"

    expected = {"canceled": first["id"], "requires_action": second["id"]}
    assert refunds_by_status(shop, payment) == expected
    assert_books_agree(shop)


def test_a_refund_that_came_to_nothing_unheard_is_booked_beside_the_one_in_its_place(
    shop: Shop,
) -> None:
    payment = paid(shop, "refundRequiresAction")
    shop.world.control("webhooks", mode="drop")
    first = in_dashboard(shop, payment, 4000)
    shop.world.at_stripe("POST", f"{CREATE}/{first['id']}/cancel")
    second = in_dashboard(shop, payment, 4000)
    assert tell(shop, "refund.created", second["id"])["status"]["S"] == "applied"

    assert tell(shop, "refund.updated", first["id"])["status"]["S"] == "applied"

    expected = {"canceled": first["id"], "requires_action": second["id"]}
    assert refunds_by_status(shop, payment) == expected
    assert_books_agree(shop)


def test_a_refund_of_more_than_the_payment_brought_is_quarantined_for_good(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    told = in_dashboard(shop, payment, 4000)
    keys = runtime.doors().gateway("tulips", shop.account["id"], "test")
    wrong = keys.refund(told["id"]).model_copy(update={"amount": 5000})
    monkeypatch.setattr(Gateway, "refund", lambda *_: wrong)
    monkeypatch.setattr(Gateway, "refunds_of", lambda *_: iter([wrong]))

    assert tell(shop, "refund.created", told["id"])["status"]["S"] == "quarantined"
    assert tell(shop, "charge.refunded", charge_of(payment))["status"]["S"] == "quarantined"
    assert rows(shop.world, "REFUND") == []


def test_the_timeline_of_an_invoice_tells_its_refunds(shop: Shop) -> None:
    payment = pay_several(shop, 4000, 2500)
    second = payment["allocations"][1]["invoice"]
    named = [{"invoice": second, "amount": 1000}]
    refund = expect(201, ask(shop, payment, allocations=named, settle_as="reopen"))

    found = expect(200, shop.operator.get(f"/v1/invoices/{second}/timeline"))["data"]
    told = expect(200, shop.operator.get(f"/v1/invoices/{second}/explain"))

    (happening,) = [each for each in found if each["kind"].startswith("refund")]
    assert happening["kind"] == "refund_succeeded"
    assert happening["text"] == "10.00 EUR were given back; the debt came back."
    assert happening["refs"]["stripe_refund"] == refund["stripe_refund"]
    assert "given back" in told["answer"]


def test_a_refund_that_turns_up_after_it_was_given_up_is_booked_all_the_same(shop: Shop) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    shop.world.fail(CREATE, "timeout_lost", "timeout_lost")
    refund = expect(202, ask(shop, payment, amount=1500))
    shop.world.advance(hours=24)
    sweep(shop)
    form = {f"metadata[{name}]": refund["id"] for name in ("refund",)}
    late = shop.world.at_stripe("POST", CREATE, charge=charge_of(payment), amount="1500", **form)

    assert tell(shop, "refund.created", late["id"])["status"]["S"] == "applied"

    statuses = {each["origin"]: each["status"] for each in again(shop, payment)["refunds"]}
    assert statuses == {"api": "failed", "stripe": "succeeded"}
    assert_books_agree(shop)


def test_money_for_a_void_invoice_is_given_back_by_the_sweep_if_the_tenant_wants_that(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.store().save(Settings(tenant="tulips", late_payment="refund"))

    payment = paid_after_void(shop, monkeypatch)

    assert (payment["unapplied"], payment["returned"], payment["refund_pending"]) == (0, 4000, 4000)
    assert [refund["origin"] for refund in payment["refunds"]] == ["late_payment"]
    assert invoice_of(shop, payment)["facets"]["exception"] == "paid_late"
    assert_books_agree(shop)
    assert sweep(shop)["refunds"] == 1
    assert again(shop, payment)["status"] == "refunded"
    assert list(at_stripe(shop).values()) == [4000]
    assert invoice_of(shop, payment)["facets"]["exception"] == "none"
    assert_books_agree(shop)
    assert shop.world.deliver() == []
    assert_books_agree(shop)


def test_a_late_refund_that_stripe_refuses_leaves_the_money_to_the_customer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.store().save(Settings(tenant="tulips", late_payment="refund"))
    payment = paid_after_void(shop, monkeypatch)
    shop.world.control("keys", key=secret_key("tulips"), allow=["refunds.read"])

    sweep(shop)

    assert credit(shop.world) == 4000
    assert again(shop, payment)["unapplied"] == 4000
    assert [refund["status"] for refund in again(shop, payment)["refunds"]] == ["failed"]
    assert_books_agree(shop)


def overpaid(shop: Shop, monkeypatch: pytest.MonkeyPatch, card: str = "visa") -> Json:
    """40.00 for an invoice that asks for 25.00 by then: it was changed beside its open page."""
    invoice = shop.invoice()
    url = shop.session(invoice)
    headers = {"if-match": f'"{shop.read(invoice)["version"]}"'}
    with monkeypatch.context() as patch:
        patch.setattr(
            "payments.cases.invoices.invoicing.free_claim",
            lambda found, **_: found.having(claim=None),
        )
        path = f"/v1/invoices/{invoice['id']}"
        expect(200, shop.operator.send("PATCH", path, {"total": 2500}, headers=headers))
    shop.world.press(url, card)
    assert shop.world.deliver() == []
    return payment_of(shop, invoice)


def hear_of_it_again(shop: Shop, payment: Json) -> None:
    tell(shop, "payment_intent.succeeded", payment["note"]["payment_intent"])
    tell(shop, "charge.succeeded", charge_of(payment))


def test_what_is_too_much_is_given_back_once_by_the_sweep_if_the_tenant_wants_that(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.store().save(Settings(tenant="tulips", overpayment="refund"))

    payment = overpaid(shop, monkeypatch)

    assert payment["allocations"] == [{"invoice": payment["invoice"], "amount": 2500}]
    assert (payment["unapplied"], payment["returned"], payment["refund_pending"]) == (0, 1500, 1500)
    assert [refund["origin"] for refund in payment["refunds"]] == ["overpayment"]
    assert (credit(shop.world), at_stripe(shop)) == (0, {})
    assert invoice_of(shop, payment)["facets"]["exception"] == "overpaid"
    assert_books_agree(shop)
    hear_of_it_again(shop, payment)
    assert sweep(shop)["refunds"] == 1
    assert shop.world.deliver() == []
    hear_of_it_again(shop, payment)
    settle(shop)

    assert again(shop, payment)["status"] == "partially_refunded"
    assert list(at_stripe(shop).values()) == [1500]
    assert len(rows(shop.world, "REFUND")) == 1
    assert (credit(shop.world), ledger(shop)["customer_credit:c-1"]) == (0, 0)
    seen = invoice_of(shop, payment)
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "none")
    assert amounts(shop, payment) == {"paid": 2500}
    path = f"/v1/invoices/{payment['invoice']}/explain"
    told = expect(200, shop.operator.get(path))["next"]
    assert told == "More came than was asked for: 15.00 EUR were given back."
    assert_books_agree(shop)


@pytest.mark.parametrize("how", ["refused", "failed", "canceled"])
def test_what_is_too_much_and_cannot_be_given_back_is_the_customers_credit(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    runtime.store().save(Settings(tenant="tulips", overpayment="refund"))
    cards = {"failed": "refundFail", "canceled": "refundRequiresAction"}
    payment = overpaid(shop, monkeypatch, cards.get(how, "visa"))
    if how == "refused":
        shop.world.control("keys", key=secret_key("tulips"), allow=["refunds.read"])

    sweep(shop)
    if how == "canceled":
        (made,) = shop.world.truth(shop.account)["refunds"]
        shop.world.at_stripe("POST", f"{CREATE}/{made['id']}/cancel")
    shop.world.advance(days=1)
    assert at_stripe(shop) == {}
    assert shop.world.deliver() == []

    assert (credit(shop.world), again(shop, payment)["unapplied"]) == (1500, 1500)
    assert invoice_of(shop, payment)["facets"]["exception"] == "overpaid"
    status = "canceled" if how == "canceled" else "failed"
    assert [refund["status"] for refund in again(shop, payment)["refunds"]] == [status]
    path = f"/v1/invoices/{payment['invoice']}/explain"
    assert "customer's credit" in expect(200, shop.operator.get(path))["next"]
    assert_books_agree(shop)


def test_what_is_too_much_and_what_is_too_late_are_decided_apart(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_only = Settings(tenant="tulips", late_payment="refund")
    runtime.store().save(late_only)
    much = overpaid(shop, monkeypatch)
    late = paid_after_void(shop, monkeypatch)
    assert [payment["unapplied"] for payment in (much, late)] == [1500, 0]

    seen = runtime.store().settings("tulips")
    runtime.store().save(seen.having(late_payment="credit", overpayment="refund"), seen)
    much = overpaid(shop, monkeypatch)
    late = paid_after_void(shop, monkeypatch)
    assert [payment["unapplied"] for payment in (much, late)] == [0, 4000]
    assert_books_agree(shop)


def test_what_is_too_much_outside_of_stripe_is_credit_whatever_the_tenant_wants(
    shop: Shop,
) -> None:
    runtime.store().save(Settings(tenant="tulips", overpayment="refund"))

    payment = pay_in_cash(shop, 5000)

    assert (payment["unapplied"], credit(shop.world), payment["refunds"]) == (1000, 1000, [])
    settle(shop)
    assert rows(shop.world, "REFUND") == []
