"""What the doctor sees of an account in one mode, and what to do about it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from payments.facts.account import AccountStatus, Check


class Problem(BaseModel):
    """Something that is not as it should be; `fix` says who does what about it."""

    model_config = ConfigDict(frozen=True)

    problem: str
    fix: str


class Listening(BaseModel):
    """The webhook endpoint as Stripe has it."""

    model_config = ConfigDict(frozen=True)

    url: str
    exists: bool
    status: str | None = None
    api_version: str | None = None
    expected_api_version: str
    missing_events: tuple[str, ...] = ()
    previous_until: datetime | None = None


class LastEvent(BaseModel):
    """The last event that Stripe has had for us, and whether it has come."""

    model_config = ConfigDict(frozen=True)

    id: str
    type: str
    at: datetime
    received: bool


class Health(BaseModel):
    """One mode of an account; `problems` is empty if all is well."""

    model_config = ConfigDict(frozen=True)

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
    capabilities: dict[str, str] = {}
    clock_skew_s: int | None = None
    problems: tuple[Problem, ...] = ()
    repaired: str | None = None
    repaired_at: datetime | None = None
    verified_at: datetime | None = None

    def having(self, **changes: object) -> "Health":
        """Return it with `changes`."""
        return self.model_copy(update=changes)

    def with_problem(self, problem: str, fix: str) -> "Health":
        """Return it with one problem more."""
        return self.having(problems=(*self.problems, Problem(problem=problem, fix=fix)))
