"""State machines as data: what may be done in which state, what follows, how a refusal reads.

A table stands beside its subject. Nothing reaches the store in a state that its table does not
declare. Where a state forbids an operation, the API's answer comes from the same table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.standin.engine.errors import Conflict
from local.standin.engine.messages import Json

Table = Mapping[str, Mapping[str, tuple[str, ...]]]


class UndeclaredTransition(Exception):
    """A bug of the stand-in: its table knows no such step."""


@dataclass(frozen=True)
class Refusal:
    """What is answered where the state forbids; the object's own values, `{allowed}` fill it in."""

    sentence: str
    code: str | None = None


def status_of(obj: Json) -> str:
    return str(obj["status"])


def either(names: list[str]) -> str:
    """Write: `a`, `b`, or `c`."""
    quoted = [f"`{name}`" for name in names]
    return ", ".join([*quoted[:-1], f"or {quoted[-1]}"]) if len(quoted) > 1 else "".join(quoted)


@dataclass(frozen=True)
class Machine:
    """The states of one kind: for each, the operations it allows, and where each may lead.

    `refusals` is by operation, or by operation and state where Stripe has a sentence for just that.
    """

    kind: str
    initial: tuple[str, ...]
    table: Table
    refusals: Mapping[str | tuple[str, str], Refusal] = field(default_factory=dict)
    state_of: Callable[[Json], str] = status_of
    unreached: tuple[str, ...] = ()
    """States of Stripe's that nothing leads to here."""

    def allows(self, obj: Json, operation: str) -> bool:
        return operation in self.table[self.state_of(obj)]

    def allowing(self, operation: str) -> list[str]:
        return [state for state, operations in self.table.items() if operation in operations]

    def follows(self, before: str, after: str) -> bool:
        return before == after or any(after in to for to in self.table[before].values())

    def require(self, obj: Json, operation: str, *, about: Json | None = None, **more: Any) -> None:
        """Refuse, in Stripe's words, what the object's state forbids."""
        if self.allows(obj, operation):
            return
        state = self.state_of(obj)
        refusal = self.refusals.get((operation, state)) or self.refusals[operation]
        allowed = self.allowing(operation)
        words = {
            **obj, **more, "status": state,
            "allowed": ", ".join(allowed), "either": either(allowed),
        }  # fmt: skip
        raise Conflict(
            refusal.sentence.format_map(words), code=refusal.code, param=more.get("param"),
            **(about or {}),
        )  # fmt: skip

    def move(self, obj: Json, operation: str, to: str, **changes: Any) -> None:
        """Take the one step; whatever changes with the state changes here, with it."""
        state = self.state_of(obj)
        if to not in self.table[state].get(operation, ()):
            raise UndeclaredTransition(f"{self.kind}: {operation} leads from {state} to {to}")
        if self.state_of is status_of:
            obj["status"] = to
        obj.update(changes)
        if self.state_of(obj) != to:
            raise UndeclaredTransition(f"{self.kind}: {self.state_of(obj)} is not {to}")

    def check(self, before: Json | None, after: Json) -> None:
        """Let nothing be written that no step leads to."""
        state = self.state_of(after)
        if before is None:
            if state not in self.initial:
                raise UndeclaredTransition(f"{self.kind}: none begins as {state}")
        elif not self.follows(self.state_of(before), state):
            raise UndeclaredTransition(f"{self.kind}: {self.state_of(before)} to {state}")


MACHINES: dict[str, Machine] = {}


def declared(machine: Machine) -> Machine:
    MACHINES[machine.kind] = machine
    return machine
