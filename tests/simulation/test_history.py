"""The model of an invoice that says whether what callers saw can be told in some order (I12)."""

import pytest

from tests.simulation.history import FOREVER, Act, is_linearizable

TOTAL = 4000


def act(kind: str, at: float, amount: int | None = 0, **more: object) -> Act:
    return Act(kind, at, at + 1, amount, **more)  # type: ignore[arg-type]


def read(at: float, paid: int, left: int) -> Act:
    return act("read", at, paid, left=left)


GIVEN_BACK = (act("pay", 0, TOTAL), act("back", 10, 1500))


@pytest.mark.parametrize(
    ("between", "paid", "left"),
    [
        # Nothing happened meanwhile: it is paid again.
        ((), TOTAL, 0),
        # Paid anew, or less of it owed: what comes back is credit of the customer.
        ((act("pay", 20, 1500),), TOTAL, 0),
        ((act("pay", 20, 1000),), TOTAL, 0),
        ((act("amend", 20, -500),), 3500, 0),
        ((act("amend", 20, 500),), TOTAL, 500),
    ],
    ids=["nothing", "paid anew", "paid in part", "lowered", "raised"],
)
def test_what_a_failed_refund_brings_back_pays_no_more_than_is_owed(
    between: tuple[Act, ...], paid: int, left: int
) -> None:
    acts = (*GIVEN_BACK, *between, act("undo", 30, 1500))

    assert is_linearizable((*acts, read(40, paid, left)), TOTAL)
    assert not is_linearizable((*acts, read(40, paid + 500, left)), TOTAL)
    assert not is_linearizable((*acts, read(40, paid - 500, left)), TOTAL)


def test_what_overlaps_may_have_happened_in_either_order() -> None:
    payment = Act("pay", 0, 10, TOTAL)

    assert is_linearizable((payment, read(5, 0, TOTAL)), TOTAL)
    assert is_linearizable((payment, read(5, TOTAL, 0)), TOTAL)
    assert not is_linearizable((payment, read(11, 0, TOTAL)), TOTAL)
    assert not is_linearizable((payment, read(2, TOTAL, 0), read(5, 0, TOTAL)), TOTAL)


def test_what_nobody_is_certain_of_may_have_happened_or_not() -> None:
    tried = Act("pay", 0, FOREVER, TOTAL, certain=False)

    assert is_linearizable((tried, read(40, 0, TOTAL)), TOTAL)
    assert not is_linearizable((tried, read(40, TOTAL, 0), read(50, 0, TOTAL)), TOTAL)


def test_an_invoice_is_not_paid_twice_nor_after_it_is_void() -> None:
    assert not is_linearizable((act("pay", 0, TOTAL), act("pay", 10, TOTAL)), TOTAL)
    assert not is_linearizable((act("void", 0), act("pay", 10, TOTAL)), TOTAL)
    assert not is_linearizable((act("pay", 0, 1), act("void", 10)), TOTAL)
