"""What to do when somebody else has changed what was read."""

from collections.abc import Callable
from typing import TypeVar

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import TooMuchContention

T = TypeVar("T")

#: Stripe tells of one fact in several events at once, and each of them writes the same rows.
TRIES = 10


def retrying(step: Callable[[], T], doors: Doors) -> T:
    """
    Read and write again until nothing that was read has changed in between.

    Twenty refunds of one payment come from here and from Stripe's events at once, and the losers
    of one round must not meet again in the next: each waits for a while of its own.
    """
    for tried in range(TRIES):
        try:
            return step()
        except RowChanged:
            doors.store.wait(tried)
    raise TooMuchContention("The invoice kept changing; nothing was lost and nothing was counted.")
