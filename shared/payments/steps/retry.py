"""Run a step again when another request has changed the rows that it read."""

from collections.abc import Callable
from typing import TypeVar

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import TooMuchContention

T = TypeVar("T")

#: Stripe sends several events about one fact at once, and each of them writes the same rows.
TRIES = 10


def retrying(
    step: Callable[[], T],
    doors: Doors,
    detail: str,
    *,
    tries: int = TRIES,
    pausing: bool = True,
    lost: tuple[type[Exception], ...] = (RowChanged,),
) -> T:
    """
    Run `step` (read, decide, write) again until its rows did not change; return its result.

    Twenty refunds of one payment come from here and from Stripe's events at once. The losers of one
    round wait for different times, so that they do not meet again. Where few ever meet, and each
    try asks Stripe, there are fewer tries and no pause. `lost` is what a loser raises. Raise
    TooMuchContention after `tries`: `detail` says what kept changing, and what came of it.
    """
    for tried in range(tries):
        try:
            return step()
        except lost:
            if pausing:
                doors.store.wait(tried)
    raise TooMuchContention(detail)
