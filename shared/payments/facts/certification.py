"""A certification: what a module's account did in test mode before it may take real money."""

from datetime import datetime
from typing import Literal

from payments.facts.fact import Fact

#: In this order; each step is something that will happen with real money.
STEPS = ("pay", "decline", "three_d_secure", "part", "refund", "reconcile")
#: The metadata by which its payments are found at Stripe. They belong to no invoice and no customer
#: and exist in test mode only. So they are in no books, and webhooks about them are ignored.
MARK = "receivable_certification"


class StepResult(Fact):
    """The result of a step; `objects` are Stripe's ids, which its Dashboard shows in test mode."""

    step: str
    ok: bool
    detail: str
    objects: tuple[str, ...] = ()
    at: datetime


class Certification(Fact):
    """A module's last certification; it tried `amount` minor units of `currency`."""

    id: str
    tenant: str
    module: str
    account: str
    amount: int
    currency: str
    started_at: datetime
    finished_at: datetime | None = None
    steps: tuple[StepResult, ...] = ()
    version: int = 1

    @property
    def status(self) -> Literal["running", "passed", "failed"]:
        """The status, computed from its steps; the first failed step ends it."""
        if any(not step.ok for step in self.steps):
            return "failed"
        return "passed" if len(self.steps) == len(STEPS) else "running"

    @property
    def following(self) -> str | None:
        """The next step, or None when it is over."""
        return STEPS[len(self.steps)] if self.status == "running" else None

    def after(self, result: StepResult) -> "Certification":
        """Return it with one more step done."""
        done = self.having(steps=(*self.steps, result))
        if done.status == "running":
            return done
        return done.having(finished_at=result.at)

    def ids_of(self, step: str) -> tuple[str, ...]:
        """Return the ids that a step made at Stripe."""
        return next((result.objects for result in self.steps if result.step == step), ())

    def stripe_key(self, request: str) -> str:
        """Return the idempotency key of one of its requests; every replay has the same key."""
        return f"{self.tenant}:{self.id}:{request}"


def lacking(found: Certification | None) -> list[dict[str, str | bool]]:
    """Return the steps that failed or were not taken, which keep a module from going On."""
    done = {result.step: result for result in found.steps} if found else {}
    checks: list[dict[str, str | bool]] = []
    for step in STEPS:
        result = done.get(step)
        if not result:
            checks.append({"step": step, "ok": False, "detail": "Not tried yet."})
        elif not result.ok:
            checks.append({"step": step, "ok": False, "detail": result.detail})
    return checks
