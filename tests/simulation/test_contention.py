"""Many who change one row at once: each comes to its turn, and none gives up."""

from functools import partial

import pytest

from payments.doors.doors import Doors
from payments.doors.store import Store
from payments.errors import TooMuchContention
from payments.steps.retry import retrying
from tests.simulation.beginning import simulated
from tests.simulation.wire import Invocation
from tests.simulation.wiring import doors as doors_of
from tests.simulation.world import ALL_LAYERS

WRITERS, SEEDS = 30, 5


def test_of_thirty_that_write_one_row_at_once_none_gives_up() -> None:
    assert gave_up() == 0


def test_without_a_pause_between_two_tries_some_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "wait", lambda *_: None)

    assert gave_up() > 0


def gave_up() -> int:
    """How many did, of all that wrote."""
    given: list[str] = []
    with simulated() as (base, _, use):
        for seed in range(SEEDS):
            world = base.world(seed, ALL_LAYERS)
            use(world)
            _, doors = doors_of(world)
            for number in range(WRITERS):
                strand = world.scheduler.spawn(partial(write, f"writer {number}", doors, given))
                strand.invocation = Invocation("writer", number, world.scheduler.now + 3600, None)
            world.scheduler.run_until(world.scheduler.now + 60)
            assert world.table.dynamo.rows["T#tulips#CUS#c-1", "CUSTOMER"]["name"]["S"] != "c-1"
            world.close()
    return len(given)


def write(name: str, doors: Doors, given_up: list[str]) -> None:
    def step() -> None:
        customer = doors.store.customer("tulips", "c-1")
        doors.store.save(customer.model_copy(update={"name": name}), customer)

    try:
        retrying(step, doors, "The customer kept changing.")
    except TooMuchContention:
        given_up.append(name)
