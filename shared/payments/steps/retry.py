"""What to do when somebody else has changed what was read."""

from collections.abc import Callable
from typing import TypeVar

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import TooMuchContention

T = TypeVar("T")

#: Stripe tells of one fact in several events at once, and each of them writes the same rows.
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
    Let `step` read, decide and write again until nothing that it read has changed in between.

    Twenty refunds of one payment come from here and from Stripe's events at once, and the losers
    of one round must not meet again in the next: each waits for a while of its own. Where few ever
    meet, and each try asks Stripe, there are fewer and no pause. `lost` is what a loser raises.
    Raise TooMuchContention after as many as `tries`: `detail` says what kept changing, and what
    came of it.
    """
    for tried in range(tries):
        try:
            return step()
        except lost:
            if pausing:
                doors.store.wait(tried)
    raise TooMuchContention(detail)
