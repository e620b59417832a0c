"""What Stripe converts: every currency of the journal balances, and Stripe's balance is its own."""

from typing import Any

import pytest

from payments.facts.stripe_objects import BalanceTransaction, StripeRefund
from tests.functions.books import assert_books_agree, balances_by_currency
from tests.functions.disputes import CHARGEBACK, LOSING, WINNING, accept, decide
from tests.functions.platform import configure, connected_shop
from tests.functions.shop import Shop, expect
from tests.functions.test_platform_fee import take
from tests.functions.test_reconcile_account import figures, reconcile
from tests.functions.world import Json, World


@pytest.fixture
def shop(world: World) -> Shop:
    """Give a merchant whose invoices are in dollars, and whose balance is in euros."""
    made = Shop.open(world, "tulips")
    at_rate(made, "0.88")
    return made


def at_rate(shop: Shop, usd: str) -> None:
    """Let a dollar be worth that many euros from now on."""
    account = shop.account["stripe_account"]
    shop.world.control("settling", account=account, default="eur", rates={"usd": usd})


def paid(shop: Shop, card: str = "visa") -> tuple[Json, Json]:
    """An invoice over 40.00 USD that was paid, and its payment, as the API shows them."""
    invoice = shop.invoice(currency="usd")
    shop.pay(invoice, card)
    assert shop.world.deliver() == []
    return invoice, only_payment(shop, invoice)


def only_payment(shop: Shop, invoice: Json) -> Json:
    (payment,) = expect(200, shop.admin.get("/v1/payments", invoice=invoice["id"]))["data"]
    return dict(payment)


def refund(shop: Shop, payment: Json, status: int = 201, **asked: Any) -> Json:
    return expect(status, shop.operator.post(f"/v1/payments/{payment['id']}/refunds", asked))


def told(shop: Shop, **later: float) -> None:
    """Let time pass, and Stripe tell of what has happened meanwhile."""
    shop.world.advance(**later)
    shop.world.truth(shop.account)
    assert shop.world.deliver() == []


def assert_nothing_differs(shop: Shop) -> dict[tuple[str, str], int]:
    """The books agree, and reconciliation finds nothing; give the balances that are not zero."""
    assert_books_agree(shop)
    found = {name: amount for name, amount in balances_by_currency(shop).items() if amount}
    checked, matched, healed, breaks, residual = figures(reconcile(shop))
    assert (matched, healed, breaks, residual) == (checked, 0, {}, 0)
    return found


def amounts(shop: Shop, invoice: Json) -> tuple[str, int, int, int]:
    seen = shop.read(invoice)["amounts"]
    return seen["currency"], seen["paid"], seen["refunded"], seen["outstanding"]


def test_a_payment_in_dollars_that_settles_in_euros(shop: Shop) -> None:
    invoice, payment = paid(shop)

    (entry,) = shop.world.truth(shop.account)["balance_transactions"]
    assert (entry["amount"], entry["currency"], entry["exchange_rate"]) == (3520, "eur", 0.88)
    assert payment["settled"] == {
        "amount": 3520, "currency": "eur", "balance_transaction": entry["id"],
    }  # fmt: skip
    assert (payment["gross"], payment["currency"], payment["net"]) == (4000, "usd", entry["net"])
    assert amounts(shop, invoice) == ("usd", 4000, 0, 0)
    assert assert_nothing_differs(shop) == {
        ("sales_control", "usd"): -4000, ("fx", "usd"): 4000, ("fx", "eur"): -3520,
        ("stripe_balance", "eur"): entry["net"], ("fees:stripe", "eur"): entry["fee"],
    }  # fmt: skip


def test_a_currency_with_a_balance_of_its_own_is_not_converted(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice)
    told(shop)

    assert "settled" not in only_payment(shop, invoice)
    assert not {name for name, _ in assert_nothing_differs(shop)} & {"fx"}


def test_what_is_converted_before_stripe_tells_is_entered_with_its_fee(shop: Shop) -> None:
    card = shop.save_card()
    invoice = shop.invoice(currency="usd")
    expect(201, shop.charge(invoice, payment_method=card))
    shop.world.deliver_now()
    assert balances_by_currency(shop)["stripe_balance", "usd"] == 4000

    shop.world.wait_for_books()
    told(shop)
    told(shop)

    assert only_payment(shop, invoice)["settled"]["amount"] == 3520
    found = assert_nothing_differs(shop)
    assert (found["fx", "usd"], found["fx", "eur"]) == (4000, -3520)
    facts = [entry["fact"] for entry in expect(200, shop.admin.get("/v1/ledger/entries"))["data"]]
    assert [fact.partition("#")[2] for fact in facts].count("settled") == 1


@pytest.mark.parametrize("settle_as", ["reopen", "credit_note"])
def test_a_part_is_given_back_at_the_rate_of_its_own_day(shop: Shop, settle_as: str) -> None:
    invoice, payment = paid(shop)
    at_rate(shop, "0.9")

    made = refund(shop, payment, amount=1000, settle_as=settle_as)
    told(shop)

    shown = expect(200, shop.operator.get(f"/v1/refunds/{made['id']}"))
    assert (shown["amount"], shown["currency"], shown["settled"]["amount"]) == (1000, "usd", -900)
    owed = 1000 if settle_as == "reopen" else 0
    assert amounts(shop, invoice) == ("usd", 3000, 1000, owed)
    found = assert_nothing_differs(shop)
    assert (found["fx", "usd"], found["fx", "eur"]) == (3000, -3520 + 900)
    assert found["ar:c-1" if owed else "refunds", "usd"] == 1000


def test_a_refund_in_the_dashboard_is_converted_too(shop: Shop) -> None:
    invoice, payment = paid(shop)
    at_rate(shop, "0.9")

    charge = payment["note"]["charge"]
    shop.world.at_stripe("POST", "/v1/refunds", charge=charge, amount="500")
    told(shop)

    assert amounts(shop, invoice)[2] == 500
    assert assert_nothing_differs(shop)["fx", "eur"] == -3520 + 450


def test_a_refund_that_fails_comes_back_at_another_rate(shop: Shop) -> None:
    invoice, payment = paid(shop, "refundFail")
    at_rate(shop, "0.9")
    made = refund(shop, payment, amount=1000)
    told(shop)
    assert_nothing_differs(shop)

    at_rate(shop, "0.92")
    told(shop, minutes=5)

    shown = expect(200, shop.operator.get(f"/v1/refunds/{made['id']}"))
    assert (shown["status"], shown["returned"]["amount"]) == ("failed", 920)
    assert amounts(shop, invoice) == ("usd", 4000, 0, 0)
    found = assert_nothing_differs(shop)
    assert (found["fx", "usd"], found["fx", "eur"]) == (4000, -3520 + 900 - 920)


def test_a_refund_that_is_canceled_before_it_was_entered_leaves_what_the_rates_moved(
    shop: Shop,
) -> None:
    invoice, payment = paid(shop, "refundRequiresAction")
    made = refund(shop, payment, 202, amount=1000)
    told(shop)

    at_rate(shop, "0.9")
    stripe = expect(200, shop.operator.get(f"/v1/refunds/{made['id']}"))["stripe_refund"]
    shop.world.at_stripe("POST", f"/v1/refunds/{stripe}/cancel")
    told(shop)
    told(shop)

    assert amounts(shop, invoice) == ("usd", 4000, 0, 0)
    found = assert_nothing_differs(shop)
    assert (found["fx", "usd"], found["fx", "eur"]) == (4000, -3520 + 880 - 900)


def test_a_dispute_that_is_lost_takes_what_it_is_worth_on_its_day(shop: Shop) -> None:
    invoice, _ = paid(shop, CHARGEBACK)
    (dispute,) = shop.read(invoice)["disputes"]
    held = assert_nothing_differs(shop)
    assert held["dispute_hold", "usd"] == 4000
    assert held["fees:dispute", "eur"] == 1500

    expect(200, accept(shop, dispute))
    told(shop)

    (lost,) = shop.read(invoice)["disputes"]
    assert (lost["status"], lost["charged_back"], lost["currency"]) == ("lost", 4000, "usd")
    assert amounts(shop, invoice)[3] == 4000
    found = assert_nothing_differs(shop)
    assert (found["ar:c-1", "usd"], found["sales_control", "usd"]) == (4000, -4000)
    assert not {("dispute_hold", "usd"), ("fx", "usd"), ("fx", "eur")} & set(found)


@pytest.mark.parametrize(("words", "left"), [(WINNING, -3520 + 3520 - 3600), (LOSING, 0)])
def test_what_a_bank_decides_later_is_entered_at_the_rate_of_then(
    shop: Shop, words: str, left: int
) -> None:
    invoice, _ = paid(shop, CHARGEBACK)
    (dispute,) = shop.read(invoice)["disputes"]
    at_rate(shop, "0.9")

    decide(shop, dispute, words)
    told(shop)

    assert amounts(shop, invoice)[3] == (0 if words == WINNING else 4000)
    assert assert_nothing_differs(shop).get(("fx", "eur"), 0) == left


def test_books_of_before_conversions_were_known_are_set_right_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All was entered in the payment's currency, and nothing kept of what Stripe had converted."""
    with monkeypatch.context() as before:
        before.setattr(BalanceTransaction, "settled", lambda *_: None)
        before.setattr(StripeRefund, "settlements", {})
        invoice, payment = paid(shop)
        refund(shop, payment, amount=1000)
        paid(shop, CHARGEBACK)
        assert balances_by_currency(shop)["stripe_balance", "usd"] == 3000

    healed = figures(reconcile(shop))[2]

    # Two payments, a refund and a dispute.
    assert healed == 4
    assert amounts(shop, invoice) == ("usd", 3000, 1000, 0)
    found = assert_nothing_differs(shop)
    assert (found["fx", "usd"], found["fx", "eur"]) == (3000, -2640)
    assert found["dispute_hold", "usd"] == 4000


def test_what_the_platform_takes_and_gives_back_is_entered_as_it_settled(world: World) -> None:
    configure(world)
    shop = connected_shop(world)
    take(shop, {"percent": "10", "amounts": []})
    at_rate(shop, "0.88")
    _, payment = paid(shop)
    assert balances_by_currency(shop)["fees:platform", "eur"] == 352

    refund(shop, payment, amount=1000)
    told(shop)
    told(shop)

    assert assert_nothing_differs(shop)["fees:platform", "eur"] == 264
