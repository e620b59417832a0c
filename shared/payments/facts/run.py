"""A reconciliation run compares Stripe's lists with our books, and names what differs."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from payments.facts.fact import Fact

Phase = Literal["payments", "refunds", "disputes", "breaks"]
#: Stripe's lists are read one after the other; then come the breaks of earlier runs.
PHASES: tuple[Phase, ...] = ("payments", "refunds", "disputes", "breaks")


class Run(Fact):
    """A reconciliation run; `breaks` counts what was found and not healed, by type."""

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
    breaks: dict[str, int] = Field(default_factory=dict)
    finished_at: datetime | None = None
    version: int = 1

    @property
    def residual(self) -> int:
        """The number of differences that are left."""
        return sum(self.breaks.values())


class Break(Fact):
    """
    A difference that a person has to look at; its id follows from its subject.

    `resolution` is `agrees` or `healed` where a later run found it gone. It is `accepted` where a
    person has said, in `note`, that it may stay.
    """

    id: str
    tenant: str
    account: str
    mode: str | None = None
    run: str
    type: str
    stripe_id: str
    detail: str
    found_at: datetime
    status: Literal["open", "resolved"] = "open"
    resolution: Literal["agrees", "healed", "accepted"] | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    note: str | None = None
    version: int = 1

    def is_of(self, run: Run) -> bool:
        """Whether it is about the account and mode of a run."""
        return self.account == run.account and self.mode in {None, run.mode}

    def resolve(
        self,
        resolution: Literal["agrees", "healed", "accepted"],
        now: datetime,
        by: str,
        note: str | None = None,
    ) -> "Break":
        """Return it resolved: by a run, or by a person with a note."""
        changes = {"resolved_at": now, "resolved_by": by, "note": note}
        return self.having(**{"status": "resolved", "resolution": resolution, **changes})
