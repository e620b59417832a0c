"""A certification: what a module's account did in test mode before real money may go its way."""

from datetime import datetime
from typing import Literal

from payments.facts.fact import Fact

#: In this order: each one is something that will happen with real money.
STEPS = ("pay", "decline", "three_d_secure", "part", "refund", "reconcile")
#: By which metadata its payments are found at Stripe. They belong to no invoice and no customer,
#: are in test mode only, and so are in no books: a webhook that tells of one is ignored.
MARK = "receivable_certification"


class StepResult(Fact):
    """What came of a step; `objects` are Stripe's ids, which its Dashboard shows in test mode."""

    step: str
    ok: bool
    detail: str
    objects: tuple[str, ...] = ()
    at: datetime


class Certification(Fact):
    """The last one of a module; `amount` minor units of `currency` are what it tried."""

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
        """A function of its steps; the first one that fails ends it."""
        if any(not step.ok for step in self.steps):
            return "failed"
        return "passed" if len(self.steps) == len(STEPS) else "running"

    @property
    def following(self) -> str | None:
        """The step to take next, or None when it is over."""
        return STEPS[len(self.steps)] if self.status == "running" else None

    def after(self, result: StepResult) -> "Certification":
        """Return it with one more step done."""
        done = self.having(steps=(*self.steps, result))
        if done.status == "running":
            return done
        return done.having(finished_at=result.at)

    def ids_of(self, step: str) -> tuple[str, ...]:
        """Return what a step made at Stripe."""
        return next((result.objects for result in self.steps if result.step == step), ())

    def stripe_key(self, request: str) -> str:
        """Name one Stripe request of it; the same on every replay."""
        return f"{self.tenant}:{self.id}:{request}"


def lacking(found: Certification | None) -> list[dict[str, str | bool]]:
    """Return what keeps a module from going On: the steps that failed or were not taken."""
    done = {result.step: result for result in found.steps} if found else {}
    checks: list[dict[str, str | bool]] = []
    for step in STEPS:
        result = done.get(step)
        if not result:
            checks.append({"step": step, "ok": False, "detail": "Not tried yet."})
        elif not result.ok:
            checks.append({"step": step, "ok": False, "detail": result.detail})
    return checks
