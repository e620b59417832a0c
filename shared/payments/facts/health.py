"""An account's health in one mode, and what to do about it."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from payments.facts.account import AccountStatus, Check
from payments.facts.fact import Fact


class Problem(Fact):
    """A fault; `fix` says who has to do what about it."""

    problem: str
    fix: str


class Listening(Fact):
    """The webhook endpoint as Stripe has it."""

    url: str
    exists: bool
    status: str | None = None
    api_version: str | None = None
    expected_api_version: str
    missing_events: tuple[str, ...] = ()
    previous_until: datetime | None = None


class LastEvent(Fact):
    """Stripe's last event for us, and whether it has come."""

    id: str
    type: str
    at: datetime
    received: bool


class Health(Fact):
    """One mode of an account; `problems` is empty if all is well."""

    mode: str
    status: AccountStatus
    status_reason: str | None = None
    key_kind: Literal["secret", "restricted"] | None = None
    key_mode: str | None = None
    checks: tuple[Check, ...] = ()
    endpoint: Listening | None = None
    last_event: LastEvent | None = None
    charges_enabled: bool | None = None
    payouts_enabled: bool | None = None
    capabilities: dict[str, str] = Field(default_factory=dict)
    clock_skew_s: int | None = None
    problems: tuple[Problem, ...] = ()
    repaired: str | None = None
    repaired_at: datetime | None = None
    verified_at: datetime | None = None

    def with_problem(self, problem: str, fix: str) -> "Health":
        """Return it with one more problem."""
        return self.having(problems=(*self.problems, Problem(problem=problem, fix=fix)))
