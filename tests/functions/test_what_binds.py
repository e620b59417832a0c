"""Money binds an invoice, and nothing else: no press in Sandbox, no debit, no withdrawn draft."""

from tests.functions.books import (
    assert_balance_is_stripes,
    assert_books_agree,
    assert_entries_balance,
)
from tests.functions.shop import Shop, expect
from tests.functions.test_certify import certify, connect_live, switch_on
from tests.functions.world import Answer, Json


def cash(shop: Shop, invoice: Json, amount: int = 4000) -> Answer:
    body = {"amount": amount, "method": "bank_transfer"}
    return shop.operator.post(f"/v1/invoices/{invoice['id']}/offline-payments", body)


def debit(shop: Shop, invoice: Json, card: str = "pm_sepaDebit") -> None:
    """Pay by a bank debit, which nobody can stop any more."""
    shop.pay(invoice, card)
    shop.world.deliver()
    assert shop.read(invoice)["facets"]["collection"] == "processing"


def go_live(shop: Shop) -> None:
    connect_live(shop)
    certify(shop)
    assert switch_on(shop) == (200, "")


def test_what_was_pressed_in_sandbox_and_not_paid_is_paid_live(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice)
    tried = shop.press_pay(path)
    go_live(shop)

    real = shop.press_pay(path)

    assert "/c/pay/cs_live_" in real
    assert shop.world.press(tried).status != 303
    assert shop.world.press(real).status == 303
    shop.world.deliver()
    seen = shop.read(invoice)
    assert (seen["status"], seen["mode"]) == ("paid", "live")


def test_what_was_paid_in_sandbox_stays_there_and_says_so(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, amount=1000)
    shop.world.deliver()
    go_live(shop)

    refused = shop.operator.post(f"/v1/invoices/{invoice['id']}/pay-links", {})

    assert (refused.status, refused.code) == (403, "permission_denied")
    assert "was paid in test mode" in refused.json["detail"]


def test_cash_is_of_no_mode_though_the_invoice_was_tried_in_sandbox(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.session(invoice)
    expect(201, cash(shop, invoice, 1000))
    go_live(shop)

    assert "/c/pay/cs_live_" in shop.session(invoice)


def test_a_transfer_that_has_come_is_booked_beside_a_debit_which_is_credit_then(
    shop: Shop,
) -> None:
    invoice = shop.invoice()
    debit(shop, invoice)

    booked = expect(201, cash(shop, invoice))

    assert (booked["status"], booked["outstanding"]) == ("paid", 0)
    shop.world.advance(days=5)
    shop.world.truth(shop.account)
    shop.world.deliver()
    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["paid"]) == ("paid", 4000)
    credit = expect(200, shop.operator.get("/v1/customers/c-1/credit"))["data"]
    assert [each["balance"] for each in credit] == [4000]
    assert_entries_balance(shop)
    assert_balance_is_stripes(shop)


def test_a_part_by_transfer_leaves_the_debit_the_rest(shop: Shop) -> None:
    invoice = shop.invoice()
    debit(shop, invoice)

    assert expect(201, cash(shop, invoice, 1500))["outstanding"] == 2500

    shop.world.advance(days=5)
    shop.world.truth(shop.account)
    shop.world.deliver()
    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["paid"]) == ("paid", 4000)
    credit = expect(200, shop.operator.get("/v1/customers/c-1/credit"))["data"]
    assert [each["balance"] for each in credit] == [1500]


def test_money_that_has_come_is_booked_while_stripe_is_out_of_reach(shop: Shop) -> None:
    invoice = shop.invoice()
    url = shop.session(invoice)
    shop.world.fail("/v1/checkout/sessions/*", "timeout_lost", "timeout_lost")

    assert expect(201, cash(shop, invoice))["status"] == "paid"

    shop.world.advance(minutes=3)
    shop.world.run("sweep_attempts", {})
    assert shop.read(invoice)["facets"]["collection"] == "idle"
    assert shop.world.press(url).status != 303


def test_a_number_of_a_withdrawn_draft_is_free_and_an_issued_ones_is_not(shop: Shop) -> None:
    draft, issued = shop.invoice(draft=True, number="7"), shop.invoice(number="8")
    for invoice in (draft, issued):
        expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/void"))

    assert shop.invoice(number="7")["status"] == "open"

    for number in ("7", "8"):
        taken = shop.storefront.post("/v1/invoices", shop.order(number=number))
        assert (taken.status, taken.code) == (409, "number_taken")


def test_a_drafts_customer_can_be_mended_and_an_issued_ones_cannot(shop: Shop) -> None:
    shop.customer("c-2")
    draft = shop.invoice(draft=True)
    path = f"/v1/invoices/{draft['id']}"

    def amend(version: int, customer: str) -> Answer:
        headers = {"if-match": f'"{version}"'}
        return shop.operator.send("PATCH", path, {"customer": customer}, headers=headers)

    assert amend(1, "nobody").status == 404
    assert expect(200, amend(1, "c-2"))["customer"] == "c-2"
    expect(200, shop.operator.post(f"{path}/finalize"))
    assert (amend(3, "c-1").status, amend(3, "c-1").code) == (409, "invalid_transition")
    assert shop.read(draft)["customer"] == "c-2"


def test_a_link_over_a_deposit_says_that_it_is_paid_and_offers_the_rest_as_the_rest(
    shop: Shop,
) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice, amount=1000, message="Deposit")
    assert shop.world.press(shop.press_pay(path)).status == 303
    shop.world.deliver()

    again = shop.world.public.post(f"{path}/pay", key=None)

    assert (again.status, "/c/pay/" in again.headers["location"]) == (303, False)
    page = shop.world.public.get(path).text
    assert "This part is paid" in page
    assert "Pay the rest: \N{EURO SIGN}30.00" in page
    assert "Deposit" not in page
    rest = shop.world.public.post(f"{path}/pay", raw="rest=1", key=None)
    assert shop.world.press(rest.headers["location"]).status == 303
    shop.world.deliver()
    assert shop.read(invoice)["status"] == "paid"
    assert_books_agree(shop)
