"""A press, a way back or a charge that is cut short is followed by one payment or none."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.functions.books import assert_books_agree, sweep
from tests.functions.confirming import (
    answer_bank,
    asked,
    come_back,
    confirm,
    intents,
    statuses,
    tell,
    to_bank,
    wait_for_payer,
)
from tests.functions.faults import UNKNOWN
from tests.functions.shop import Shop
from tests.functions.world import Answer, Died, Json

CONFIRM = "/v1/payment_intents/*/confirm"


def test_pressed_twice_it_leads_to_the_same_page_of_the_bank(asking: Shop) -> None:
    path = wait_for_payer(asking, asking.invoice())["path"]

    assert to_bank(asking, path) == to_bank(asking, path)
    assert intents(asking) == ["requires_action"]
    keys = [key for key in asked(asking, "POST") if key and ":confirm:" in key]
    assert [key.rpartition(":")[2] for key in keys] == ["1"]


@pytest.mark.parametrize("kind", sorted(UNKNOWN))
def test_a_press_whose_answer_is_lost_is_pressed_again(asking: Shop, kind: str) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    asking.world.fail(CONFIRM, *UNKNOWN[kind])

    answer = confirm(asking, path)

    assert (answer.status, urlsplit(answer.headers["location"]).path) == (303, f"{path}/return")
    assert asking.world.public.get(f"{path}/return").status == 303
    answer_bank(asking, path)
    assert asking.read(invoice)["status"] == "paid"
    assert intents(asking) == ["succeeded"]
    assert_books_agree(asking)


def kill_everywhere(shop: Shop, begin: Callable[[Json], Callable[[], Answer]], moment: str) -> Any:
    """Yield invoices of which a request has died, at one request of its own after the other."""
    begin(shop.invoice())()
    whole = begin(shop.invoice())
    shop.world.gate.arm(None)
    whole()
    steps = len(shop.world.gate.passed)
    assert steps > 5
    for step in range(steps):
        invoice = shop.invoice()
        work = begin(invoice)
        shop.world.gate.arm(step, moment)
        with pytest.raises(Died):
            work()
        shop.world.gate.arm(None)
        yield step, invoice


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_press_that_dies_anywhere_is_pressed_again_and_pays_once(
    asking: Shop, moment: str
) -> None:
    paths = {}

    def begin(invoice: Json) -> Callable[[], Answer]:
        path = paths[invoice["id"]] = wait_for_payer(asking, invoice)["path"]
        return lambda: confirm(asking, path)

    for step, invoice in kill_everywhere(asking, begin, moment):
        answer_bank(asking, paths[invoice["id"]])
        asking.world.deliver()
        assert statuses(asking, invoice) == ["succeeded"], step
        assert asking.read(invoice)["amounts"]["paid"] == 4000, step

    assert_books_agree(asking)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("outcome", ["pass", "fail"])
def test_a_way_back_that_dies_anywhere_is_followed_by_the_sweep(
    asking: Shop, outcome: str, moment: str
) -> None:
    def begin(invoice: Json) -> Callable[[], Answer]:
        path = wait_for_payer(asking, invoice)["path"]
        answer = asking.world.submit(to_bank(asking, path), outcome=outcome)
        return lambda: come_back(asking, answer)

    for step, invoice in kill_everywhere(asking, begin, moment):
        sweep(asking, minutes=31)
        seen = asking.read(invoice)
        ended = "succeeded" if outcome == "pass" else "failed"
        assert [each["status"] for each in seen["attempts"]] == [ended], step
        assert seen["amounts"]["reserved"] == 0, step

    assert_books_agree(asking)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_charge_that_dies_anywhere_waits_for_its_payer_or_frees_the_invoice(
    asking: Shop, moment: str
) -> None:
    def begin(invoice: Json) -> Callable[[], Answer]:
        return lambda: asking.charge(invoice, key=invoice["id"])

    for step, invoice in kill_everywhere(asking, begin, moment):
        asking.world.advance(minutes=2)
        sweep(asking, minutes=3)
        answer = asking.charge(invoice, key=invoice["id"])
        if answer.status == 402:
            assert statuses(asking, invoice) == ["canceled"], step
            continue
        path = urlsplit(answer.json["pay_link"]).path
        answer_bank(asking, path)
        assert statuses(asking, invoice) == ["succeeded"], step
        asked_for = tell(asking).count(
            f"Please confirm your payment for invoice {invoice['number']}"
        )
        assert asked_for <= 1, step

    assert_books_agree(asking)
