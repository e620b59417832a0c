"""The journal: every fact about money as postings that sum to zero."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, model_validator

from payments.facts.payment import Fee, Payment


class Posting(BaseModel):
    """`amount` minor units; a debit is positive, a credit negative."""

    model_config = ConfigDict(frozen=True)

    account: str
    amount: int
    currency: str


class JournalEntry(BaseModel):
    """One fact, named by what caused it, so that it can be entered only once."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    invoice: str
    fact: str
    at: datetime
    postings: tuple[Posting, ...]
    version: int = 1

    @model_validator(mode="after")
    def _balanced(self) -> "JournalEntry":
        sums: dict[str, int] = {}
        for posting in self.postings:
            sums[posting.currency] = sums.get(posting.currency, 0) + posting.amount
        if any(sums.values()):
            msg = f"Bug! {self.fact} does not balance: {sums}"
            raise ValueError(msg)
        return self


def transfer(debit: str, credit: str, amount: int, currency: str) -> tuple[Posting, Posting]:
    """Return the two postings that move `amount` from `credit` to `debit`."""
    return (
        Posting(account=debit, amount=amount, currency=currency),
        Posting(account=credit, amount=-amount, currency=currency),
    )


def payment_received(payment: Payment) -> JournalEntry:
    """Return the entry of a payment: Stripe owes us, the customer no longer does."""
    return JournalEntry(
        tenant=payment.tenant,
        invoice=payment.invoice,
        fact=f"{payment.charge}#payment",
        at=payment.paid_at,
        postings=transfer(
            "stripe_balance", f"ar:{payment.customer}", payment.gross, payment.currency
        ),
    )


def fee_taken(payment: Payment, fee: Fee) -> JournalEntry:
    """Return the entry of Stripe's fee, in the currency in which Stripe took it."""
    return JournalEntry(
        tenant=payment.tenant,
        invoice=payment.invoice,
        fact=f"{payment.charge}#fee",
        at=payment.paid_at,
        postings=transfer(
            "fees:stripe", "stripe_balance", fee.amount or 0, fee.currency or payment.currency
        ),
    )
