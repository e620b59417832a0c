"""A reconciliation run compares Stripe's lists with our books, and names what differs."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Phase = Literal["payments", "refunds", "disputes"]
#: Of Stripe's lists, one is paged through after the other.
PHASES: tuple[Phase, ...] = ("payments", "refunds", "disputes")


class Run(BaseModel):
    """`breaks` counts what was found and not healed, by type; `residual` is their number."""

    model_config = ConfigDict(frozen=True)

    id: str
    tenant: str
    account: str
    mode: str
    action: Literal["report", "heal"]
    window_from: datetime
    window_to: datetime
    created_at: datetime
    trigger: Literal["request", "schedule"]
    status: Literal["queued", "running", "done", "failed"] = "queued"
    status_reason: str | None = None
    phase: Phase = "payments"
    cursor: str | None = None
    checked: int = 0
    matched: int = 0
    healed: int = 0
    breaks: dict[str, int] = {}
    finished_at: datetime | None = None
    version: int = 1

    @property
    def residual(self) -> int:
        """How many differences are left."""
        return sum(self.breaks.values())

    def having(self, **changes: object) -> "Run":
        """Return it with `changes`."""
        return self.model_copy(update=changes)


class Break(BaseModel):
    """One difference that a person has to look at; its id follows from what it is about."""

    model_config = ConfigDict(frozen=True)

    id: str
    tenant: str
    account: str
    run: str
    type: str
    stripe_id: str
    detail: str
    found_at: datetime
    status: Literal["open", "resolved"] = "open"
    version: int = 1
