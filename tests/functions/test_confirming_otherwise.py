"""What ends a payment that waits for its payer: another way of paying, staff, time."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from payments.edge import runtime
from tests.functions.books import assert_books_agree, sweep
from tests.functions.confirming import (
    come_back,
    confirm,
    intents,
    page,
    statuses,
    tell,
    to_bank,
    wait_for_payer,
)
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Json


def test_another_card_is_taken_only_once_the_old_payment_is_closed(asking: Shop) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    bank = to_bank(asking, path)

    session = asking.press_pay(path)

    assert intents(asking)[0] == "canceled"
    assert statuses(asking, invoice) == ["canceled", "submitting"]
    # Who confirms all the same, in the other tab, pays nothing.
    asking.world.submit(bank, outcome="pass")
    assert asking.world.press(session, "visa").status == 303
    asking.world.deliver()
    assert asking.world.charged(asking.account) == [4000]
    assert asking.read(invoice)["status"] == "paid"
    assert_books_agree(asking)


def test_a_payer_who_has_confirmed_first_is_not_led_to_another_page(asking: Shop) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    asking.world.submit(to_bank(asking, path), outcome="pass")

    answer = asking.world.public.post(f"{path}/pay", key=None)

    assert urlsplit(answer.headers["location"]).path == path
    assert "Paid. Thank you." in page(asking, path)
    assert asking.world.charged(asking.account) == [4000]


CLOSERS: dict[str, Callable[[Shop, Json], Answer]] = {
    "staff": lambda shop, invoice: shop.operator.post(
        f"/v1/attempts/{shop.read(invoice)['attempts'][0]['id']}/cancel"
    ),
    "void": lambda shop, invoice: shop.admin.post(f"/v1/invoices/{invoice['id']}/void"),
    "written off": lambda shop, invoice: shop.admin.post(
        f"/v1/invoices/{invoice['id']}/uncollectible"
    ),
    "another amount": lambda shop, invoice: shop.storefront.send(
        "PATCH",
        f"/v1/invoices/{invoice['id']}",
        {"total": 3000},
        headers={"if-match": f'"{shop.read(invoice)["version"]}"'},
    ),
    "paid in cash": lambda shop, invoice: shop.operator.post(
        f"/v1/invoices/{invoice['id']}/offline-payments", {"amount": 4000, "method": "cash"}
    ),
}


@pytest.mark.parametrize("who", sorted(CLOSERS))
@pytest.mark.parametrize("gone", ["at home", "to the bank"])
def test_whoever_changes_the_invoice_closes_the_payment_first(
    asking: Shop, who: str, gone: str
) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    bank = to_bank(asking, path) if gone == "to the bank" else ""

    assert CLOSERS[who](asking, invoice).status in {200, 201}

    assert intents(asking) == ["canceled"]
    assert statuses(asking, invoice) == ["canceled"]
    if bank:
        come_back(asking, asking.world.submit(bank, outcome="pass"))
    assert confirm(asking, path).status == 303
    assert asking.world.charged(asking.account) == []
    # Who was asked to confirm and need not any more is not told of a payment that failed.
    assert [line for line in tell(asking) if "did not go through" in line] == []


def test_staff_may_charge_another_card_instead(asking: Shop) -> None:
    visa, invoice = asking.save_card("visa"), asking.invoice()
    wait_for_payer(asking, invoice)

    held = asking.charge(invoice, payment_method=visa, supersede_open_links=False)
    paid = asking.charge(invoice, payment_method=visa)

    assert (held.status, held.code, paid.status) == (409, "payment_in_progress", 201)
    assert intents(asking) == ["canceled", "succeeded"]


def test_after_a_week_the_payment_is_closed_and_the_link_still_pays(asking: Shop) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]

    tell(asking)
    for _ in range(6):
        sweep(asking, days=1)
        assert statuses(asking, invoice) == ["action_required"]
    sweep(asking, days=1, minutes=1)

    assert statuses(asking, invoice) == ["expired"]
    assert (intents(asking), asking.read(invoice)["facets"]["collection"]) == (["canceled"], "idle")
    assert len(tell(asking)) == 1
    assert asking.world.press(asking.press_pay(path), "visa").status == 303
    asking.world.deliver()
    assert asking.read(invoice)["status"] == "paid"


def test_a_payer_at_the_bank_when_the_week_ends_is_too_late_or_in_time(asking: Shop) -> None:
    late, timely = asking.invoice(), asking.invoice()
    banks = []
    for invoice in (late, timely):
        path = wait_for_payer(asking, invoice)["path"]
        asking.world.advance(seconds=1)
        banks.append(to_bank(asking, path))
    asking.world.advance(days=7, minutes=1)
    asking.world.submit(banks[1], outcome="pass")

    sweep(asking)
    asking.world.submit(banks[0], outcome="pass")

    assert (statuses(asking, late), statuses(asking, timely)) == (["expired"], ["succeeded"])
    assert asking.world.charged(asking.account) == [4000]
    assert_books_agree(asking)


def test_a_payer_who_goes_to_the_bank_at_the_last_minute_may_finish(asking: Shop) -> None:
    timely, idle = asking.invoice(), asking.invoice()
    paths = [wait_for_payer(asking, invoice)["path"] for invoice in (timely, idle)]
    asking.world.advance(days=6, hours=23, minutes=59)
    banks = [to_bank(asking, path) for path in paths]

    sweep(asking, minutes=10)
    assert statuses(asking, timely) == ["action_required"]
    asking.world.submit(banks[0], outcome="pass")
    sweep(asking, minutes=21)

    assert (statuses(asking, timely), statuses(asking, idle)) == (["succeeded"], ["expired"])


def test_a_payment_of_which_less_is_owed_by_now_is_not_gone_on_with(asking: Shop) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    store = runtime.store()
    known = store.invoice("tulips", invoice["id"])
    store.save(known.having(credited=1000), known)

    assert confirm(asking, path).status == 409
    assert intents(asking) == ["requires_payment_method"]
    sweep(asking, days=1)

    assert statuses(asking, invoice) == ["canceled"]


@pytest.mark.parametrize("why", ["off", "customer", "revoked"])
def test_what_the_merchant_takes_no_more_is_not_gone_on_with(asking: Shop, why: str) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    if why == "off":
        state = f"/v1/payment-modules/{asking.module['id']}/state"
        expect(200, asking.admin.post(state, {"state": "off"}))
    elif why == "customer":
        asking.customer(enabled=False)
    else:
        (link,) = asking.operator.get(f"/v1/invoices/{invoice['id']}/pay-links").json["data"]
        expect(200, asking.operator.post(f"/v1/pay-links/{link['id']}/revoke"))

    confirm(asking, path)

    assert intents(asking) == ["requires_payment_method"]
    assert "/confirm" not in page(asking, path)


def test_a_saved_card_that_waits_is_not_taken_away(asking: Shop) -> None:
    (card,) = asking.cards()
    invoice = asking.invoice()
    wait_for_payer(asking, invoice)

    answer = asking.operator.send("DELETE", f"/v1/customers/c-1/payment-methods/{card['id']}", None)

    assert (answer.status, answer.code) == (409, "payment_in_progress")
