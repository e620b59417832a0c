"""An answer or an event whose outcome is unknown, or whose function dies, counts once."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.functions.books import assert_books_agree, open_balances
from tests.functions.disputes import (
    CHARGEBACK,
    CLOSE,
    LOSING,
    WINNING,
    accept,
    decide,
    disputed,
    events_of,
    file,
    kind_of,
    path,
    read,
    save,
    submit,
)
from tests.functions.faults import UNKNOWN, die
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Json, record


@pytest.mark.parametrize("kinds", UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("step", [save, submit, accept])
def test_an_unknown_outcome_is_asked_after_and_the_same_request_brings_it_to_an_end(
    shop: Shop, step: Callable[..., Answer], kinds: tuple[str, ...]
) -> None:
    invoice, dispute = disputed(shop)
    if step is submit:
        expect(200, save(shop, dispute, "our side"))
    shop.world.fail(CLOSE if step is accept else "/v1/disputes/*", *kinds)

    first = step(shop, dispute, key="k")
    assert first.status in {200, 503}, first.text
    assert (first.status == 200) or first.json["retryable"]
    shop.world.advance(minutes=2)
    again = step(shop, dispute, key="k")

    shown = expect(200, again)
    assert shown["status"] == {save: "needs_response", submit: "under_review", accept: "lost"}[step]
    assert shown["evidence"]["has_evidence"] is (step is not accept)
    details = shop.world.truth(shop.account)["disputes"][0]["evidence_details"]
    assert details["submission_count"] == (step is submit)
    shop.world.deliver()
    assert (shop.read(invoice)["status"] == "open") is (step is accept)
    assert_books_agree(shop)


def test_an_upload_whose_outcome_is_unknown_is_made_again(shop: Shop) -> None:
    _, dispute = disputed(shop)
    shop.world.fail("/v1/files", "500", "500")
    body = {"files": [file()]}

    first = shop.operator.post(path(dispute, "evidence"), body, key="k")
    again = shop.operator.post(path(dispute, "evidence"), body, key="k")

    assert (first.status, first.code) == (503, "stripe_unavailable")
    assert expect(200, again)["evidence"]["has_evidence"] is True


def test_with_too_little_time_left_nothing_is_begun_at_stripe(shop: Shop) -> None:
    _, dispute = disputed(shop)
    shop.world.remaining_ms = 5_000

    assert accept(shop, dispute, key="k").status == 503

    shop.world.remaining_ms = None
    assert read(shop, dispute)["status"] == "needs_response"
    assert expect(200, accept(shop, dispute, key="k"))["status"] == "lost"


def gated(shop: Shop, work: Callable[[], Any]) -> int:
    """How often `work` reaches out; every one of these is a place to die."""
    shop.world.gate.arm(None)
    work()
    return len(shop.world.gate.passed)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", [submit, accept])
def test_an_answer_that_dies_anywhere_is_given_once(
    shop: Shop, moment: str, step: Callable[..., Answer]
) -> None:
    def one() -> Json:
        _, dispute = disputed(shop)
        expect(200, save(shop, dispute, "our side"))
        return dispute

    first = one()
    steps = gated(shop, lambda: step(shop, first))
    for number in range(steps):
        dispute = one()
        die(shop, number, moment, lambda d=dispute, n=number: step(shop, d, key=f"k-{n}"))
        shop.world.advance(minutes=2)
        again = step(shop, dispute, key=f"k-{number}")
        assert expect(200, again)["status"] == ("under_review" if step is submit else "lost")

    assert shop.world.deliver() == []
    truth = shop.world.truth(shop.account)["disputes"]
    assert {each["evidence_details"]["submission_count"] for each in truth} == {step is submit}
    assert_books_agree(shop)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_event_whose_worker_dies_anywhere_is_applied_once(shop: Shop, moment: str) -> None:
    invoice, dispute = disputed(shop)
    decide(shop, dispute, LOSING)
    messages = events_of(shop)
    before = dict(shop.world.dynamo.rows)
    (last,) = [each for each in messages if "closed" in kind_of(shop, each)]
    steps = gated(shop, lambda: shop.world.work("apply_event", last))

    for number in range(steps):
        shop.world.dynamo.load(before)
        die(shop, number, moment, lambda: shop.world.work("apply_event", last))
        assert shop.world.work("apply_event", *messages) == []
        assert shop.read(invoice)["amounts"]["charged_back"] == 4000
        assert_books_agree(shop)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("words", [WINNING, LOSING])
def test_events_in_any_order_and_twice_give_the_same_books(
    shop: Shop, words: str, seed: int
) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, CHARGEBACK)
    messages = events_of(shop)
    dice = random.Random(seed)  # noqa: S311 - a shuffle that repeats
    dice.shuffle(messages)
    assert shop.world.work("apply_event", *messages[: len(messages) // 2]) == []
    dispute_id = shop.world.truth(shop.account)["disputes"][0]["id"]
    form = {"evidence[uncategorized_text]": words}
    shop.world.at_stripe("POST", f"/v1/disputes/{dispute_id}", **form)
    shop.world.advance(minutes=5)
    shop.world.truth(shop.account)
    messages += events_of(shop) * 2
    dice.shuffle(messages)

    assert shop.world.work("apply_event", *forgotten(shop, messages)) == []

    seen = shop.read(invoice)
    lost = 4000 if words == LOSING else 0
    assert (seen["amounts"]["charged_back"], seen["amounts"]["outstanding"]) == (lost, lost)
    assert [each["status"] for each in seen["disputes"]] == ["lost" if lost else "won"]
    assert "dispute_hold" not in open_balances(shop)
    assert_books_agree(shop)


def forgotten(shop: Shop, messages: list[Json]) -> Iterator[Json]:
    """Yield each message as if the inbox had forgotten that it was applied."""
    for number, message in enumerate(messages):
        ident = json.loads(message["body"])["event"]
        for key, row in shop.world.rows().items():
            if key[0].endswith(f":{ident}"):
                shop.world.dynamo.keep(row | {"status": {"S": "pending"}})
        yield record(json.loads(message["body"]), f"again-{number}")
