"""An erasure: the job that erases a person, how far it has come, and what is left."""

from datetime import datetime
from enum import StrEnum

from payments.facts.fact import Fact


class ErasureStatus(StrEnum):
    """The status of an erasure; a running one goes on by itself."""

    RUNNING = "running"
    DONE = "done"


class Left(Fact):
    """An account in which Stripe still has the customer, and the code of the reason."""

    account: str
    mode: str
    code: str


class Erasure(Fact):
    """
    A customer's erasure.

    `cursor` is the invoice below which the next ones are, newest first. The customer, their cards
    and Stripe come first; `invoices` counts the finished ones.
    """

    tenant: str
    customer: str
    started_at: datetime
    ended_at: datetime | None = None
    cursor: str | None = None
    invoices: int = 0
    left: tuple[Left, ...] = ()
    sweep_at: datetime | None = None
    version: int = 1

    @property
    def id(self) -> str:
        """The name by which due work lists it."""
        return f"{self.tenant}:{self.customer}"

    @property
    def status(self) -> ErasureStatus:
        """Whether anything is left to erase here."""
        return ErasureStatus.DONE if self.ended_at else ErasureStatus.RUNNING

    def went_on(self, invoices: int, cursor: str | None, now: datetime) -> "Erasure":
        """Return it after so many more invoices; without a cursor, all are done."""
        done = {"invoices": self.invoices + invoices, "cursor": cursor}
        ended = {"ended_at": now, "sweep_at": None} if cursor is None else {"sweep_at": now}
        return self.having(**done, **ended)
