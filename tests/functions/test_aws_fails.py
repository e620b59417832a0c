"""
AWS fails at each request of a charge, of a press and of a webhook, in every way that it can.

It is told as 503 that may be sent again, never as a bug; sent again, it comes to one payment.
"""

from collections.abc import Callable
from typing import Any

import pytest

from payments.doors.aws.answers import AwsFailed, Refused, Unanswered
from tests.functions.conftest import forget
from tests.functions.shop import Shop
from tests.functions.signing import a_body, deliver
from tests.functions.world import Answer

AWS = {
    "get_item", "batch_get_item", "put_item", "transact_write_items", "query",
    "get_secret_value", "create_secret", "put_secret_value", "send_message",
}  # fmt: skip
WRITES = {"put_item", "transact_write_items", "send_message"}


#: What is raised, and whether the request was executed all the same.
FAULTS: dict[str, tuple[AwsFailed, bool]] = {
    "throttled": (Refused("ProvisionedThroughputExceededException"), False),
    "throttled elsewhere": (Refused("ThrottlingException"), False),
    "key throttled": (Refused("KmsThrottled"), False),
    "conflict": (Refused("TransactionConflictException"), False),
    "failed": (Refused("InternalServerError", status=500), False),
    "failed when done": (Refused("InternalServerError", status=500), True),
    "down": (Refused("ServiceUnavailable", status=503), False),
    "not reached": (Unanswered("not_reached", sent=False), False),
    "timed out": (Unanswered("timeout", sent=True), False),
    "timed out when done": (Unanswered("timeout", sent=True), True),
}


def failing(shop: Shop, number: int, fault: str, send: Callable[[], Answer]) -> tuple[Answer, bool]:
    """Send something while AWS fails at one request; say whether there was that request."""
    error, is_done = FAULTS[fault]
    through, seen, gate = shop.world.gate.through, [], shop.world.gate

    def passing(name: str, ask: Callable[[], Any]) -> Any:
        if name not in AWS:
            return through(name, ask)
        seen.append(name)
        if len(seen) != number + 1:
            return through(name, ask)
        if is_done and name in WRITES:
            through(name, ask)
        raise error

    forget()
    gate.through = passing  # type: ignore[method-assign]
    try:
        return send(), len(seen) > number
    finally:
        gate.through = through  # type: ignore[method-assign]


def is_told(answer: Answer) -> bool:
    """Whether an answer is the one that a caller can act on."""
    known = {"aws_unavailable", "too_much_contention"}
    return (
        answer.status == 503
        and int(answer.headers["retry-after"]) > 0
        and ("<html" in answer.text or answer.code in known)
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_wherever_aws_fails_a_charge_says_503_and_comes_to_one_payment(
    shop: Shop, fault: str
) -> None:
    card, number, refused = shop.save_card(), 0, 0
    while True:
        invoice, key = shop.invoice(), f"key-{fault}-{number}"

        def charge(invoice: Any = invoice, key: str = key) -> Answer:
            return shop.charge(invoice, key=key, payment_method=card)

        answer, was_met = failing(shop, number, fault, charge)
        if not was_met:
            break
        assert answer.status == 201 or is_told(answer), (number, answer)
        assert answer.status == 201 or answer.json["retryable"] is True
        refused += answer.status == 503
        again = charge()
        if again.code == "idempotency_in_progress":
            # Even the lock could not be given back: it ends by itself.
            shop.world.advance(seconds=61)
            again = charge()
        assert again.status == 201, number
        number += 1
    assert refused > 5
    assert number > 10
    assert shop.world.charged(shop.account) == [4000] * (number + 1)
    assert sorted(shop.world.booked()) == [4000] * (number + 1)
    assert '"bug"' not in shop.world.log.getvalue()


@pytest.mark.parametrize("fault", FAULTS)
def test_wherever_aws_fails_a_press_is_a_page_that_says_so(shop: Shop, fault: str) -> None:
    number, refused = 0, 0
    while True:
        path = f"{shop.link(shop.invoice())}/pay"
        answer, was_met = failing(
            shop, number, fault, lambda path=path: shop.world.public.post(path, key=None)
        )
        if not was_met:
            break
        assert answer.status == 303 or is_told(answer), (number, answer)
        refused += answer.status == 503
        assert shop.world.public.post(path, key=None).status == 303
        number += 1
    assert refused > 3
    assert '"bug"' not in shop.world.log.getvalue()


@pytest.mark.parametrize("fault", FAULTS)
def test_wherever_aws_fails_an_event_is_not_received_and_comes_again(
    shop: Shop, fault: str
) -> None:
    number = 0
    while True:
        body = a_body(id=f"evt_{number:04}")
        answer, was_met = failing(shop, number, fault, lambda body=body: deliver(shop, body))
        if not was_met:
            break
        assert answer.status == 200 or is_told(answer), (number, answer)
        assert deliver(shop, body).status == 200
        number += 1
    assert number > 3
