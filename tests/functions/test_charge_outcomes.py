"""A charge whose outcome is unknown, or whose function dies, is made once or never."""

import pytest

from tests.functions.books import assert_books_agree, settle, sweep
from tests.functions.faults import UNKNOWN, die
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Died, Json

CREATE, CONFIRM = "/v1/payment_intents", "/v1/payment_intents/*/confirm"


def test_a_key_whose_first_request_still_runs_is_answered_later(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.gate.arm(5)
    with pytest.raises(Died):
        shop.charge(invoice, key="k")
    shop.world.gate.arm(None)

    answer = shop.charge(invoice, key="k")

    assert (answer.status, answer.code) == (409, "idempotency_in_progress")
    assert int(answer.headers["retry-after"]) > 0


def test_while_the_outcome_is_unknown_nobody_else_may_charge(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.fail(CONFIRM, *UNKNOWN["applied"])

    first = shop.charge(invoice)
    second = shop.charge(invoice)

    assert (first.status, first.json["attempt"]["status"]) == (202, "unknown")
    assert int(first.headers["retry-after"]) > 0
    assert (second.status, second.code) == (409, "payment_in_progress")
    assert second.json["attempt_id"] == first.json["attempt"]["id"]
    assert int(second.headers["retry-after"]) > 0


@pytest.mark.parametrize("path", [CREATE, CONFIRM], ids=["create", "confirm"])
@pytest.mark.parametrize("kinds", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_outcome_ends_as_stripe_has_it(
    shop: Shop, path: str, kinds: tuple[str, ...]
) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.fail(path, *kinds)

    answer = shop.charge(invoice)

    assert answer.status in {201, 202, 503}, answer.text
    settle(shop, invoice)
    seen = shop.read(invoice)
    assert seen["amounts"]["paid"] == sum(shop.world.charged(shop.account))
    assert_books_agree(shop)
    assert len(shop.world.charged(shop.account)) <= 1
    if seen["status"] == "open":
        assert shop.charge(invoice).status == 201


@pytest.mark.parametrize("path", [CREATE, CONFIRM], ids=["create", "confirm"])
@pytest.mark.parametrize("kinds", UNKNOWN.values(), ids=UNKNOWN)
def test_the_same_request_again_finds_out_how_an_unknown_outcome_ended(
    shop: Shop, path: str, kinds: tuple[str, ...]
) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.fail(path, *kinds)
    shop.charge(invoice, key="k")

    answer = again_until_final(shop, invoice)

    assert answer.status in {201, 402}, answer.text
    assert (answer.status == 201) is (shop.world.charged(shop.account) == [4000])
    assert_books_agree(shop)


def test_a_key_whose_outcome_is_unknown_never_charges_for_another_body(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.fail("/v1/payment_intents/*/confirm", "timeout_applied", "timeout_lost")
    assert shop.charge(invoice, key="k", amount=1500).status == 202
    shop.world.fail("/v1/payment_intents/*", "timeout_lost", "timeout_lost", method="GET")
    assert shop.charge(invoice, key="k", amount=1500).status == 503
    settle(shop, invoice)

    other = shop.charge(invoice, key="k", amount=2500)

    assert (other.status, other.code) == (409, "idempotency_key_reused")
    assert shop.world.charged(shop.account) == [1500]
    assert shop.charge(invoice, key="k", amount=1500).status == 201


def again_until_final(shop: Shop, invoice: Json) -> Answer:
    """Repeat the request; Stripe repeats a 500 for a day, so the sweep may have to fence it."""
    for hours in (0, 1, 12, 24):
        shop.world.advance(minutes=5)
        answer = shop.charge(invoice, key="k")
        if answer.status not in {202, 503}:
            return answer
        shop.world.advance(hours=hours)
        sweep(shop)
    raise AssertionError(answer)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("rescue", ["the same request", "the sweep"])
def test_a_charge_that_dies_anywhere_is_made_once_or_never(
    shop: Shop, moment: str, rescue: str
) -> None:
    shop.save_card()
    steps = steps_of(shop, shop.invoice())

    invoices = [shop.invoice() for _ in range(steps)]
    for step, invoice in enumerate(invoices):
        die(shop, step, moment, lambda invoice=invoice: shop.charge(invoice, key=invoice["id"]))
    shop.world.advance(minutes=2)
    if rescue == "the sweep":
        settle(shop, *invoices)
    again = [shop.charge(invoice, key=invoice["id"]).status for invoice in invoices]
    seen = [shop.read(invoice) for invoice in invoices]

    assert set(again) <= ({201} if rescue == "the same request" else {201, 402})
    ends = ["paid" if status == 201 else "open" for status in again]
    assert [entry["status"] for entry in seen] == ends
    assert not [entry for entry in seen if entry["amounts"]["reserved"]]
    assert len(shop.world.charged(shop.account)) == 1 + again.count(201)
    assert_books_agree(shop)


def steps_of(shop: Shop, invoice: Json) -> int:
    """How often a charge reaches out; every one of these is a place to die."""
    shop.world.gate.arm(None)
    assert shop.charge(invoice).status == 201
    return len(shop.world.gate.passed)


def test_a_charge_with_too_little_time_left_is_not_begun_at_stripe(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.remaining_ms = 5_000

    answer = shop.charge(invoice, key="k")

    assert answer.status == 202
    assert shop.world.charged(shop.account) == []
    shop.world.remaining_ms = None
    assert shop.charge(invoice, key="k").status == 201
    assert shop.world.charged(shop.account) == [4000]


@pytest.mark.parametrize(
    ("revoked", "allow", "code"),
    [(True, None, "stripe_account_error"), (False, ["events.read"], "stripe_permission_missing")],
)
def test_a_key_that_stripe_no_longer_takes_charges_nothing_and_frees_the_invoice(
    shop: Shop, revoked: bool, allow: list[str] | None, code: str
) -> None:
    shop.save_card()
    invoice = shop.invoice()
    key = "sk_test_" + "tulips" * 4
    shop.world.control("keys", key=key, revoked=revoked, allow=allow)

    answer = shop.charge(invoice)

    assert (answer.status, answer.code) == (424, code)
    shop.world.control("keys", key=key, revoked=False, allow=None)
    assert shop.read(invoice)["amounts"]["collectable"] == 4000
    if revoked:
        # From then on nobody is charged, until somebody has looked.
        assert shop.charge(invoice).code == "account_not_active"
        expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify"))
    assert shop.charge(invoice).status == 201


def test_a_fee_that_stripe_tells_late_is_pending_until_then(shop: Shop) -> None:
    """Stripe answers a charge before its own books know of it; `charge.updated` tells."""
    shop.save_card()
    invoice = shop.invoice()
    charged = expect(201, shop.charge(invoice))
    assert charged["payment"]["fee"]["state"] == "pending"
    assert charged["payment"]["note"]["fee"] is None

    assert shop.world.deliver() == []

    (payment,) = shop.read(invoice)["payments"]
    assert (payment["fee"]["state"], payment["fee"]["net"]) == (
        "known",
        4000 - payment["fee"]["amount"],
    )
    assert payment["note"]["fee"] == payment["fee"]["amount"]
    assert_books_agree(shop)
