"""One Idempotency-Key, one outcome: replayed, refused, waited for or resumed."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from payments.doors.doors import Doors
from payments.doors.store import Store
from payments.edge.replaying import LOCK, Answer, Request, once
from payments.errors import (
    CardDeclined,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InvoiceNotPayable,
    StripeUnavailable,
)
from tests.payments.examples import Clock


def request(**changes: str) -> Request:
    fields = {
        "tenant": "tulips",
        "route": "POST /v1/invoices",
        "key": "k1",
        "fingerprint": "f1",
        "prefix": "inv",
    }
    return Request(**fields | changes)


class Work:
    """Answers with the id it was given, and remembers each; it may fail first."""

    def __init__(self, *failures: BaseException, final: bool = True) -> None:
        self.failures, self.ids, self.final = list(failures), [], final

    def __call__(self, resource: str) -> Answer:
        self.ids.append(resource)
        if self.failures:
            raise self.failures.pop(0)
        return Answer(201, {"id": resource}, final=self.final)


class Killed(BaseException):
    """The process is gone; nothing of it runs any more."""


@pytest.fixture
def doors(store: Store, clock: Clock) -> Doors:
    numbers: Iterator[int] = count(1)
    unused: Any = None
    return Doors(
        store=store,
        secrets=unused,
        stripe=unused,
        stripe_platform=unused,
        events=unused,
        reconciliations=unused,
        mail=unused,
        bus=unused,
        outbound=unused,
        now=clock.now,
        new_id=lambda prefix: f"{prefix}_{next(numbers)}",
        time_left=unused,
    )


def test_the_same_request_is_done_once_and_answered_the_same(doors: Doors) -> None:
    work = Work()

    first = once(request(), work, doors=doors)
    second = once(request(), work, doors=doors)

    assert (first.status, first.body, first.replayed) == (201, {"id": "inv_1"}, False)
    assert (second.status, second.body, second.replayed) == (201, {"id": "inv_1"}, True)
    assert work.ids == ["inv_1"]


@pytest.mark.parametrize("other", [{"key": "k2"}, {"tenant": "bakery"}, {"route": "POST /v1/x"}])
def test_another_key_tenant_or_route_is_another_request(
    other: dict[str, str], doors: Doors
) -> None:
    work = Work()
    once(request(), work, doors=doors)

    assert not once(request(**other), work, doors=doors).replayed
    assert len(set(work.ids)) == 2


def test_the_same_key_with_another_body_is_refused_and_does_nothing(doors: Doors) -> None:
    work = Work()
    once(request(), work, doors=doors)

    with pytest.raises(IdempotencyKeyReused) as refused:
        once(request(fingerprint="f2"), work, doors=doors)
    assert refused.value.status == 409
    assert len(work.ids) == 1


def test_a_repeat_while_the_first_still_runs_is_told_when_to_come_again(doors: Doors) -> None:
    def running(_: str) -> Answer:
        with pytest.raises(IdempotencyInProgress) as refused:
            once(request(), Work(), doors=doors)
        assert refused.value.status == 409
        assert 1 <= int(refused.value.headers["Retry-After"]) <= 5
        return Answer(201, {})

    assert once(request(), running, doors=doors).status == 201


def overtaken(doors: Doors, work: Work, faster: list[Answer], *, at: int) -> Doors:
    """Let another one with the same key come to its end while this one makes its `at`th id."""
    made = count(1)

    def new_id(prefix: str) -> str:
        if next(made) == at:
            faster.append(once(request(), work, doors=doors))
        return doors.new_id(prefix)

    return replace(doors, new_id=new_id)


def test_of_two_that_take_a_key_at_once_the_slower_one_gets_the_answer_of_the_other(
    doors: Doors,
) -> None:
    work, faster = Work(), []

    slower = once(request(), work, doors=overtaken(doors, work, faster, at=1))

    assert slower == replace(faster[0], replayed=True)
    assert work.ids == [faster[0].body["id"]]


def test_of_two_that_take_up_a_key_again_at_once_one_is_told_to_wait(
    doors: Doors, clock: Clock
) -> None:
    work, faster = Work(Killed()), []
    with pytest.raises(Killed):
        once(request(), work, doors=doors)
    clock.at += LOCK

    # The first two ids are of the record that is refused, since the key is not new.
    with pytest.raises(IdempotencyInProgress):
        once(request(), work, doors=overtaken(doors, work, faster, at=3))
    assert work.ids == ["inv_1", "inv_1"]
    assert len(faster) == 1


def test_a_request_that_was_killed_is_resumed_with_the_same_id(doors: Doors, clock: Clock) -> None:
    work = Work(Killed())
    with pytest.raises(Killed):
        once(request(), work, doors=doors)

    clock.at += LOCK
    answer = once(request(), work, doors=doors)

    assert work.ids == ["inv_1", "inv_1"]
    assert answer.body == {"id": "inv_1"}


def test_a_killed_request_holds_its_key_until_the_lock_has_run_out(
    doors: Doors, clock: Clock
) -> None:
    work = Work(Killed())
    with pytest.raises(Killed):
        once(request(), work, doors=doors)

    clock.at += LOCK
    clock.pass_by(seconds=-1)
    with pytest.raises(IdempotencyInProgress):
        once(request(), work, doors=doors)


def test_a_killed_requests_key_is_not_free_for_another_body(doors: Doors, clock: Clock) -> None:
    with pytest.raises(Killed):
        once(request(), Work(Killed()), doors=doors)

    clock.at += LOCK
    with pytest.raises(IdempotencyKeyReused):
        once(request(fingerprint="f2"), Work(), doors=doors)


def test_a_refusal_frees_the_key_for_the_same_and_for_another_body(doors: Doors) -> None:
    work = Work(InvoiceNotPayable("no"), InvoiceNotPayable("no"))
    for _ in range(2):
        with pytest.raises(InvoiceNotPayable):
            once(request(), work, doors=doors)

    assert once(request(fingerprint="f2"), work, doors=doors).status == 201
    assert work.ids[0] == work.ids[1] != work.ids[2]


@pytest.mark.parametrize("began", [Killed(), StripeUnavailable("not now")], ids=repr)
def test_a_refusal_frees_no_key_under_which_something_may_have_begun(
    doors: Doors, clock: Clock, began: BaseException
) -> None:
    work = Work(began, InvoiceNotPayable("no"))
    with pytest.raises(type(began)):
        once(request(), work, doors=doors)
    clock.at += LOCK
    with pytest.raises(InvoiceNotPayable):
        once(request(), work, doors=doors)

    with pytest.raises(IdempotencyKeyReused):
        once(request(fingerprint="f2"), work, doors=doors)
    assert once(request(), work, doors=doors).status == 201
    assert len(set(work.ids)) == 1


def test_a_decline_is_an_answer_that_a_repeat_gets_too(doors: Doors) -> None:
    work = Work(CardDeclined("The bank declined this card.", decline_code="lost_card"))

    first = once(request(), work, doors=doors)
    second = once(request(), work, doors=doors)

    assert (first.status, first.body["code"]) == (402, "card_declined")
    assert first.body["decline_code"] == "lost_card"
    assert (second.status, second.body, second.replayed) == (402, first.body, True)
    assert len(work.ids) == 1


def test_an_answer_that_leaves_the_outcome_open_is_not_kept_but_keeps_its_key(
    doors: Doors,
) -> None:
    work = Work(final=False)

    assert not once(request(), work, doors=doors).replayed
    assert not once(request(), work, doors=doors).replayed
    assert work.ids == ["inv_1", "inv_1"]
    with pytest.raises(IdempotencyKeyReused):
        once(request(fingerprint="f2"), work, doors=doors)


def test_a_first_request_that_ends_after_its_lock_gives_the_answer_that_was_kept_for_it(
    doors: Doors, clock: Clock
) -> None:
    def slow(resource: str) -> Answer:
        clock.at += LOCK
        once(request(), Work(), doors=doors)
        return Answer(201, {"id": resource})

    late = once(request(), slow, doors=doors)

    assert late.body == once(request(), Work(), doors=doors).body
