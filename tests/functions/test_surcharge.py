"""What a payer pays on top, where an account has its own keys: seen before, booked, given back."""

import pytest

from tests.functions.books import assert_books_agree, balances
from tests.functions.platform import configure, connected_shop
from tests.functions.shop import Shop, expect
from tests.functions.world import Json, World

#: On top of 40.00: 1.5 % and 20 cents.
EXTRA = 80
POLICY: Json = {"percent": "1.5", "amounts": [{"currency": "eur", "fixed": 20}]}


def take(shop: Shop, **changes: object) -> None:
    path = f"/v1/payment-modules/{shop.module['id']}"
    version = expect(200, shop.admin.get(path))["version"]
    asked = {"fee_policy": POLICY, "features": {"surcharge": True}} | changes
    expect(200, shop.admin.send("PATCH", path, asked, headers={"if-match": f'"{version}"'}))


@pytest.fixture
def dear(shop: Shop) -> Shop:
    """Give a shop whose payers pay for paying online."""
    take(shop)
    return shop


def payments(shop: Shop) -> list[Json]:
    return list(expect(200, shop.admin.get("/v1/payments"))["data"])


def test_the_payer_sees_it_before_paying_and_it_becomes_a_line_of_the_invoice(dear: Shop) -> None:
    invoice = dear.invoice()
    path = dear.link(invoice)
    page = dear.world.public.get(path).text

    url = dear.press_pay(path)
    session = dear.world.at_stripe("GET", f"/v1/checkout/sessions/{url.rsplit('/', 1)[-1]}")
    assert dear.world.press(url).status == 303
    dear.world.deliver()

    assert "Fee for paying online" in page
    assert "€0.80" in page
    assert "Pay €40.80" in page
    assert session["amount_total"] == 4000 + EXTRA
    read = dear.read(invoice)
    assert (read["status"], read["facets"]["exception"]) == ("paid", "none")
    amounts = read["amounts"]
    assert (amounts["total"], amounts["surcharged"], amounts["paid"]) == (4080, EXTRA, 4080)
    assert balances(dear)["surcharge_income"] == -EXTRA
    assert_books_agree(dear)
    assert balances(dear)["ar:c-1"] == 0
    assert "Fee for paying online" in dear.world.public.get(path).text


def test_a_saved_card_is_charged_with_it_part_by_part(dear: Shop) -> None:
    dear.save_card()
    invoice = dear.invoice()

    first = expect(201, dear.charge(invoice, amount=1000))
    second = expect(201, dear.charge(invoice))

    # 15 + 20, and 45 + 20.
    assert [each["payment"]["gross"] for each in (first, second)] == [1035, 3065]
    assert second["invoice"]["status"] == "paid"
    assert [attempt["surcharge"] for attempt in dear.read(invoice)["attempts"]] == [35, 65]
    assert balances(dear)["surcharge_income"] == -100
    assert_books_agree(dear)


def test_one_charge_over_several_invoices_pays_it_once(dear: Shop) -> None:
    dear.save_card()
    invoices = [dear.invoice(), dear.invoice()]
    parts = [{"invoice": invoice["id"]} for invoice in invoices]

    charged = dear.operator.post("/v1/charges", {"customer": "c-1", "allocations": parts})

    assert expect(201, charged)["payment"]["gross"] == 8000 + 140
    assert [dear.read(invoice)["status"] for invoice in invoices] == ["paid", "paid"]
    assert [dear.read(invoice)["amounts"]["surcharged"] for invoice in invoices] == [140, 0]
    assert_books_agree(dear)
    assert balances(dear)["ar:c-1"] == 0


@pytest.mark.parametrize("settle_as", ["credit_note", "reopen"])
def test_it_goes_back_with_the_payment(dear: Shop, settle_as: str) -> None:
    dear.save_card()
    invoice = dear.invoice()
    payment = expect(201, dear.charge(invoice))["payment"]["id"]
    path = f"/v1/payments/{payment}/refunds"

    expect(201, dear.admin.post(path, {"amount": 1000, "settle_as": settle_as}))
    rest = expect(201, dear.admin.post(path, {"settle_as": settle_as}))

    assert rest["amount"] == 3080
    read = dear.read(invoice)
    assert read["amounts"]["outstanding"] == (4080 if settle_as == "reopen" else 0)
    assert_books_agree(dear)


def test_an_invoice_that_was_void_when_it_came_owes_none_and_all_is_credit(dear: Shop) -> None:
    invoice = dear.invoice()
    url = dear.session(invoice)
    dear.world.press(url)
    dear.world.fail("/v1/checkout/sessions", "500")
    rows = dear.world.rows()
    key = next(key for key in rows if key[1] == "INVOICE" and invoice["id"] in key[0])
    voided = {**rows[key], "voided_at": {"S": "2026-09-21T14:00:00Z"}}
    dear.world.dynamo.keep(voided)

    dear.world.deliver()

    read = dear.read(invoice)
    assert (read["amounts"]["surcharged"], read["facets"]["exception"]) == (0, "paid_late")
    assert [payment["unapplied"] for payment in payments(dear)] == [4080]


def test_a_dispute_takes_it_with_the_rest(dear: Shop) -> None:
    dear.save_card("createDispute")
    invoice = dear.invoice()
    expect(201, dear.charge(invoice))
    dear.world.deliver()

    read = dear.read(invoice)

    assert read["facets"]["exception"] == "disputed"
    assert read["disputes"][0]["amount"] == 4080
    assert_books_agree(dear)


def test_an_amount_that_is_changed_later_keeps_what_was_paid_on_top(dear: Shop) -> None:
    dear.save_card()
    invoice = dear.invoice(lines=None, total=4000)
    expect(201, dear.charge(invoice, amount=1000))
    version = dear.read(invoice)["version"]

    path = f"/v1/invoices/{invoice['id']}"
    changed = dear.admin.send("PATCH", path, {"total": 5000}, headers={"if-match": f'"{version}"'})

    amounts = expect(200, changed)["amounts"]
    assert (amounts["total"], amounts["outstanding"]) == (5035, 4000)


def test_without_the_feature_and_on_connected_accounts_nobody_pays_on_top(world: World) -> None:
    configure(world)
    for shop in (connected_shop(world), Shop.open(world, "bakery")):
        take(shop, features={"surcharge": shop.tenant == "tulips"})
        shop.save_card()
        assert expect(201, shop.charge(shop.invoice()))["payment"]["gross"] == 4000


def test_a_payer_who_chooses_is_told_before(dear: Shop) -> None:
    invoice = dear.invoice()
    path = dear.link(invoice, rule="choose")

    page = dear.world.public.get(path).text

    assert "A fee for paying online is added" in page
