"""What callers asked and were told, and whether that can be told in some order, one by one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

FOREVER = math.inf


@dataclass(frozen=True)
class Act:
    """
    Something done to one invoice, between its request and its answer.

    `certain` says that it has had its effect; otherwise it may have it any time, or never.
    An `amount` of None is all that is left.
    """

    kind: str  # pay, void, read, or refused: a charge that was told that nothing is left to pay
    begin: float
    end: float
    amount: int | None = 0
    void: bool = False
    certain: bool = True


State = tuple[int, bool]


def follow(act: Act, total: int, state: State) -> State | None:
    """Give the state after `act`, or None if it cannot have happened in this state."""
    paid, void = state
    match act.kind:
        case "pay":
            amount = total - paid if act.amount is None else act.amount
            return (paid + amount, void) if not void and paid + amount <= total else None
        case "void":
            return (0, True) if paid == 0 and not void else None
        case "refused":
            return state if void or paid == total else None
    return state if (paid, void) == (act.amount, act.void) else None


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
            then = follow(ordered[index], total, state)
            if then is not None and fits(left - {index}, then):
                return True
        return False

    return fits(frozenset(range(len(ordered))), (0, False))
