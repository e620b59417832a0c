"""A refund whose outcome is unknown, or whose function dies, is made once or never."""

import pytest

from payments.doors.gateway import Gateway
from tests.functions.books import sweep
from tests.functions.faults import UNKNOWN
from tests.functions.refunds import (
    CREATE,
    again,
    amounts,
    ask,
    assert_refunds_agree,
    at_stripe,
    meanwhile,
    paid,
    settle_refunds,
)
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Died, secret_key


@pytest.mark.parametrize("step", range(20))
@pytest.mark.parametrize("amount", [4000, 2500])
def test_two_refunds_at_once_never_give_back_more_than_came(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: int, amount: int
) -> None:
    payment = paid(shop)
    second: list[Answer] = []
    meanwhile(shop, monkeypatch, step, lambda: second.append(ask(shop, payment, amount=amount)))

    first = ask(shop, payment, amount=amount)
    settle_refunds(shop)

    assert sorted([first.status, *(answer.status for answer in second)]) == [201, 409]
    assert sum(at_stripe(shop).values()) == amount
    assert_refunds_agree(shop)


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
    settle_refunds(shop)
    (refund,) = again(shop, payment)["refunds"]
    assert refund["status"] in {"succeeded", "failed"}
    assert sum(at_stripe(shop).values()) == (2500 if refund["status"] == "succeeded" else 0)
    assert_refunds_agree(shop)


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
    settle_refunds(shop)

    assert expect(201, answer)["id"] == first["id"]
    (refund,) = again(shop, payment)["refunds"]
    assert refund["status"] == "succeeded"
    assert sum(at_stripe(shop).values()) == 2500
    assert_refunds_agree(shop)


@pytest.mark.parametrize("kind", ["500", "500_applied"])
def test_a_refund_that_was_accepted_in_an_outage_goes_on_by_itself(shop: Shop, kind: str) -> None:
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
    assert refund["status"] == "succeeded"
    assert list(at_stripe(shop).values()) == [2500]
    assert expect(201, ask(shop, payment))["amount"] == 1500
    assert_refunds_agree(shop)


def test_right_after_stripe_has_failed_a_refund_it_is_not_sent_again_by_anybody(
    shop: Shop,
) -> None:
    """What Stripe made all the same may not stand in its list yet."""
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    shop.world.fail(CREATE, "500_applied", "500_applied")
    expect(202, ask(shop, payment, key="k", amount=1500))
    with pytest.MonkeyPatch.context() as patch:
        # Stripe's list is behind.
        patch.setattr(Gateway, "refunds_of", lambda *_: iter(()))
        shop.world.advance(minutes=1)
        expect(202, ask(shop, payment, key="k", amount=1500))
    settle_refunds(shop)

    assert list(at_stripe(shop).values()) == [1500]
    assert_refunds_agree(shop)


def test_a_refund_that_stripe_fails_to_make_for_hours_has_come_to_nothing(shop: Shop) -> None:
    payment = paid(shop)
    shop.world.control("webhooks", mode="drop")
    shop.world.fail(CREATE, *["500"] * 40)
    expect(202, ask(shop, payment, key="k", amount=2500))
    for _ in range(80):
        shop.world.advance(minutes=4)
        sweep(shop)

    (refund,) = again(shop, payment)["refunds"]
    answer = ask(shop, payment, key="k", amount=2500)
    assert (refund["status"], refund["failure_reason"]) == ("failed", "failed_at_stripe")
    assert (answer.code, answer.json["refund"]) == ("refund_refused", refund["id"])
    assert amounts(shop, payment) == {"paid": 4000}
    assert_refunds_agree(shop)


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
    settle_refunds(shop)

    assert list(at_stripe(shop).values()) == [1500]
    assert_refunds_agree(shop)


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
    assert_refunds_agree(shop)


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
        settle_refunds(shop)
    statuses = {ask(shop, payment, key=payment["id"], amount=1500).status for payment in payments}

    assert statuses == {201}
    assert {again(shop, payment)["refunded"] for payment in payments} == {1500}
    assert len(at_stripe(shop)) == 1 + steps
    assert_refunds_agree(shop)


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
    settle_refunds(shop)

    assert {again(shop, payment)["refunded"] for payment in payments} == {4000}
    assert_refunds_agree(shop)


def test_with_too_little_time_left_nothing_is_begun_at_stripe(shop: Shop) -> None:
    payment = paid(shop)
    shop.world.remaining_ms = 5_000

    assert expect(202, ask(shop, payment, key="k"))["status"] == "requested"
    assert at_stripe(shop) == {}

    shop.world.remaining_ms = None
    expect(201, ask(shop, payment, key="k"))
    assert_refunds_agree(shop)


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
    assert_refunds_agree(shop)
