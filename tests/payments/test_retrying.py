"""Reading, deciding and writing again: how often, with what pause, and what is said at the end."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from payments.doors.table import RowChanged
from payments.errors import TooMuchContention
from payments.steps.retry import TRIES, retrying

GIVEN_UP = "It changed; nothing was booked."


class Doors:
    """Doors that only wait, and tell how often."""

    def __init__(self) -> None:
        self.waited: list[int] = []
        self.store = SimpleNamespace(wait=self.waited.append)


def losing(times: int, race: Exception) -> Callable[[], str]:
    """Return a step that loses as many races, and then wins."""
    left = [race] * times

    def step() -> str:
        if left:
            raise left.pop()
        return "won"

    return step


def test_a_step_is_taken_until_it_wins_and_waits_longer_before_each_try() -> None:
    doors = Doors()

    assert retrying(losing(3, RowChanged(0)), doors, GIVEN_UP) == "won"
    assert doors.waited == [0, 1, 2]


def test_a_step_that_never_wins_is_given_up_in_the_callers_words() -> None:
    doors = Doors()

    with pytest.raises(TooMuchContention, match="nothing was booked"):
        retrying(losing(TRIES, RowChanged(0)), doors, GIVEN_UP)
    assert len(doors.waited) == TRIES


def test_where_few_meet_there_is_no_pause_and_there_are_fewer_tries() -> None:
    doors = Doors()

    assert retrying(losing(3, RowChanged(0)), doors, GIVEN_UP, tries=4, pausing=False) == "won"
    with pytest.raises(TooMuchContention):
        retrying(losing(4, RowChanged(0)), doors, GIVEN_UP, tries=4, pausing=False)
    assert doors.waited == []


def test_only_a_lost_race_is_run_again() -> None:
    busy = TooMuchContention("The same rows keep changing.")

    with pytest.raises(TooMuchContention, match="same rows"):
        retrying(losing(1, busy), Doors(), GIVEN_UP)
    assert (
        retrying(losing(1, busy), Doors(), GIVEN_UP, lost=(RowChanged, TooMuchContention)) == "won"
    )
    with pytest.raises(LookupError):
        retrying(losing(1, LookupError("a bug")), Doors(), GIVEN_UP, pausing=False)
