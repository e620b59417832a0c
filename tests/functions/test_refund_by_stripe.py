"""Refunds that Stripe tells of: made in its Dashboard, told late, twice or in the wrong order."""

import re

import pytest

from payments.doors.gateway import Gateway
from payments.edge import runtime
from tests.functions.books import sweep
from tests.functions.refunds import (
    CREATE,
    again,
    amounts,
    ask,
    assert_refunds_agree,
    at_stripe,
    charge_of,
    invoice_of,
    paid,
    payment_of,
    rows,
    settle_refunds,
    tell,
)
from tests.functions.shop import Shop, expect
from tests.functions.world import Json, record


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
    assert_refunds_agree(shop)


def test_every_event_of_a_refund_twice_and_in_the_wrong_order_books_once(shop: Shop) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="hold")
    in_dashboard(shop, payment, 1500)
    expect(201, ask(shop, payment, amount=700))
    shop.world.standin.deliveries._held.reverse()
    shop.world.control("webhooks", mode="duplicate")

    assert shop.world.deliver() == []

    assert sorted(each["amount"] for each in again(shop, payment)["refunds"]) == [700, 1500]
    assert_refunds_agree(shop)


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
    assert_refunds_agree(shop)


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
    assert_refunds_agree(shop)


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
    assert_refunds_agree(shop)


def test_more_than_the_dashboard_left_is_refused_and_frees_what_was_reserved(shop: Shop) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    in_dashboard(shop, payment, 3000)

    assert ask(shop, payment, amount=1500).code == "refund_exceeds_payment"

    assert again(shop, payment)["refund_pending"] == 0
    tell(shop, "charge.refunded", charge_of(payment))
    assert expect(201, ask(shop, payment))["amount"] == 1000
    assert_refunds_agree(shop)


def test_a_dashboard_refund_beside_one_of_ours_that_never_arrived_takes_its_place(
    shop: Shop,
) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    shop.world.fail(CREATE, "timeout_lost", "timeout_lost")
    expect(202, ask(shop, payment))
    told = in_dashboard(shop, payment, 4000)

    tell(shop, "refund.created", told["id"])
    settle_refunds(shop)

    statuses = {each["origin"]: each["status"] for each in again(shop, payment)["refunds"]}
    assert statuses == {"api": "failed", "stripe": "succeeded"}
    assert invoice_of(shop, payment)["status"] == "refunded"
    assert_refunds_agree(shop)


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
    assert_refunds_agree(shop)


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
    assert_refunds_agree(shop)


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
    assert_refunds_agree(shop)


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
    assert_refunds_agree(shop)
