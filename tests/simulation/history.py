"""What was done to an invoice, and whether all that callers saw can be told in some order."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

FOREVER = math.inf


@dataclass(frozen=True)
class Act:
    """
    Something done to one invoice, between its request and its answer.

    `certain` says that it has had its effect; otherwise it may have it any time, or never.
    """

    #: pay: no more than is owed; deposit: what is beyond is credit; back, undo: money given back,
    #: and not after all; lose: a bank took it; amend: another amount; void, give up; read; refused:
    #: a charge that was told that nothing is left to pay.
    kind: str
    begin: float
    end: float
    #: None is all that is left; of a read what is paid, of a change of amount the difference.
    amount: int | None = 0
    void: bool = False
    certain: bool = True
    #: Of money given back: less is owed by it.
    note: bool = False
    #: Of a read: what is outstanding.
    left: int | None = None
    #: What it is at Stripe.
    ref: str = ""


class State(NamedTuple):
    """An invoice, as far as callers see it."""

    paid: int
    owed: int
    void: bool = False
    given_up: bool = False
    #: Money that had been given back has returned: a charge under way may now bring too much.
    restored: bool = False

    @property
    def left(self) -> int:
        return max(0, self.owed - self.paid)


def follow(act: Act, state: State) -> State | None:  # noqa: PLR0911 - one for each kind of act
    """Give the state after `act`, or None if it cannot have happened in this state."""
    paid, owed, void, given_up, _ = state
    amount = state.left if act.amount is None else act.amount
    less = amount if act.note else 0
    match act.kind:
        case "pay":
            fits = paid + amount <= owed or state.restored
            return _paid(state, amount) if fits and not (void or given_up) else None
        case "deposit":
            return None if void else _paid(state, amount)
        case "back":
            return state._replace(paid=paid - amount, owed=owed - less)
        case "undo":
            # What was paid or let off in the meantime is not owed again: that part is credit.
            needed = min(amount, max(0, owed + less - paid))
            return state._replace(paid=paid + needed, owed=owed + less, restored=True)
        case "lose":
            # What was given back before nobody owes a second time.
            return state._replace(paid=paid - min(amount, max(0, paid)))
        case "amend":
            return None if void or given_up else state._replace(owed=owed + amount)
        case "void":
            return None if void or paid else state._replace(void=True)
        case "give up":
            return None if void or given_up else state._replace(given_up=True)
        case "refused":
            return state if void or given_up or paid >= owed else None
    seen = (act.amount, act.void, state.left if act.left is None else act.left)
    return state if (paid, void, state.left) == seen else None


def _paid(state: State, amount: int) -> State:
    return state._replace(paid=state.paid + min(amount, state.left))


def is_linearizable(acts: Sequence[Act], total: int) -> bool:
    """Say whether some order that respects time explains every answer."""
    ordered = tuple(sorted(acts, key=lambda act: (act.begin, act.end)))

    @cache
    def fits(left: frozenset[int], state: State) -> bool:
        if not any(ordered[index].certain for index in left):
            return True
        horizon = min(ordered[index].end for index in left)
        for index in sorted(left):
            if ordered[index].begin > horizon:
                break
            then = follow(ordered[index], state)
            if then is not None and fits(left - {index}, then):
                return True
        return False

    return fits(frozenset(range(len(ordered))), State(0, total))
