"""What goes wrong in a test: Stripe does not answer, or an invocation dies."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.shop import Shop
from tests.functions.world import Died

#: A request and the SDK's own second try, both without an answer or with Stripe's failure.
UNKNOWN = {
    "lost": ("timeout_lost", "timeout_lost"),
    "applied": ("timeout_applied", "timeout_lost"),
    "failed": ("500", "500"),
    "failed after all": ("500_applied", "500_applied"),
    "both times in use": ("409", "409"),
}


def die(shop: Shop, step: int, moment: str, work: Callable[[], Any]) -> None:
    """End the invocation before or after one of its requests."""
    shop.world.gate.arm(step, moment)
    with pytest.raises(Died):
        work()
    shop.world.gate.arm(None)
