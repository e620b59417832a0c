"""
The journal: every fact about money as postings that sum to zero.

Accounts: `ar:{customer}` and `customer_credit:{customer}`; `stripe_balance:{account}:{mode}`;
`bank`; `sales_control`; `fees:stripe`, `fees:platform`, `fees:dispute`, `tax_on_fees`; `refunds`;
`dispute_hold`; `bad_debt`; `surcharge_income`; `fx`.
What Stripe converts passes through `fx`, once in each currency, so that every currency balances by
itself: what stays there is what the rates have moved. `stripe_balance` is as Stripe counts it.
Entries are never changed: what turns out otherwise is entered again the other way round.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from pydantic import model_validator

from payments.facts.dispute import Dispute, Movement
from payments.facts.fact import Fact
from payments.facts.invoice import Invoice
from payments.facts.loss import Loss
from payments.facts.payment import Allocation, Fee, Payment
from payments.facts.refund import Refund
from payments.facts.settlement import Settlement

SALES, BANK, REFUNDS = "sales_control", "bank", "refunds"
STRIPE_FEES, DISPUTE_FEES, DISPUTE_HOLD = "fees:stripe", "fees:dispute", "dispute_hold"
BAD_DEBT = "bad_debt"
SURCHARGES = "surcharge_income"
FX = "fx"
PLATFORM_FEES, TAX_ON_FEES = "fees:platform", "tax_on_fees"
#: Who gets a part of a fee, by Stripe's name for it; all others are Stripe's own.
FEE_ACCOUNTS = {"application_fee": PLATFORM_FEES, "tax": TAX_ON_FEES}


class Posting(Fact):
    """`amount` minor units; a debit is positive, a credit negative."""

    account: str
    amount: int
    currency: str


class JournalEntry(Fact):
    """One fact, named by its cause, so that it can be entered only once."""

    tenant: str
    invoice: str
    fact: str
    at: datetime
    postings: tuple[Posting, ...]
    #: When it was entered, if that may be later than the fact: Stripe tells some things late.
    entered_at: datetime | None = None
    version: int = 1

    @property
    def since(self) -> datetime:
        """Since when it is in the journal; closed balances never change because of it."""
        return self.entered_at or self.at

    def entered(self, now: datetime) -> "JournalEntry":
        """Return it as entered now."""
        return self if now == self.at else self.having(entered_at=now)

    @model_validator(mode="after")
    def _balanced(self) -> "JournalEntry":
        if any(totals(self.postings).values()):
            msg = f"Bug! {self.fact} does not balance: {totals(self.postings)}"
            raise ValueError(msg)
        return self


def totals(postings: Iterable[Posting]) -> dict[str, int]:
    """Return the sum of the postings in each currency."""
    sums: dict[str, int] = {}
    for posting in postings:
        sums[posting.currency] = sums.get(posting.currency, 0) + posting.amount
    return sums


def transfer(debit: str, credit: str, amount: int, currency: str) -> tuple[Posting, ...]:
    """Return the two postings that move `amount` from `credit` to `debit`; none for 0."""
    if not amount:
        return ()
    return (
        Posting(account=debit, amount=amount, currency=currency),
        Posting(account=credit, amount=-amount, currency=currency),
    )


def receivable(customer: str) -> str:
    """Return the name of the account of what a customer owes."""
    return f"ar:{customer}"


def customer_credit(customer: str) -> str:
    """Return the name of the account of a customer's credit."""
    return f"customer_credit:{customer}"


def money_account(payment: Payment) -> str:
    """Return the account where a payment's money is: at Stripe, by mode, or in the bank."""
    stripe = payment.method == "stripe"
    return f"stripe_balance:{payment.account}:{payment.mode}" if stripe else BANK


def invoice_entry(
    invoice: Invoice, fact: str, amount: int, at: datetime, *, other: str = SALES
) -> JournalEntry:
    """Return the entry by which a customer owes `amount` more or less; `other` is the far side."""
    return JournalEntry(
        tenant=invoice.tenant,
        invoice=invoice.id,
        fact=f"{invoice.id}#{fact}",
        at=at,
        postings=transfer(receivable(invoice.customer), other, amount, invoice.currency),
    )


def payment_received(payment: Payment) -> JournalEntry:
    """Return the entry of a payment: the customer owes less, and gets credit for the rest."""
    money, currency = _far_side(payment, payment.settled), payment.currency
    # Credit that will be refunded belongs to the customer until then.
    credit = payment.unapplied + payment.returned
    postings = (
        *transfer(money, receivable(payment.customer), payment.gross - credit, currency),
        *transfer(money, customer_credit(payment.customer), credit, currency),
        *_settled(payment, payment.settled),
    )
    if payment.fee.state == "known":
        postings += _fee(payment, payment.fee)
    return _of(payment, f"{payment.source}#payment", payment.paid_at, postings)


def surcharged(invoice: Invoice, amount: int, payment: Payment) -> JournalEntry:
    """Return the entry of a surcharge that a payer has agreed to."""
    return JournalEntry(
        tenant=invoice.tenant,
        invoice=invoice.id,
        fact=f"{payment.source}#surcharge",
        at=payment.paid_at,
        postings=transfer(receivable(invoice.customer), SURCHARGES, amount, invoice.currency),
    )


def fee_taken(payment: Payment, fee: Fee) -> JournalEntry:
    """Return the entry of a fee that Stripe told after the payment."""
    return _of(payment, f"{payment.source}#fee", payment.paid_at, _fee(payment, fee))


def payment_settled(payment: Payment) -> JournalEntry:
    """Return the entry of a conversion that Stripe told after the payment."""
    postings = (
        *transfer(FX, money_account(payment), payment.gross, payment.currency),
        *_settled(payment, payment.settled),
    )
    return _of(payment, f"{payment.source}#settled", payment.paid_at, postings)


def recovered(invoice: Invoice, source: str, amount: int, at: datetime) -> JournalEntry:
    """Return the entry by which money for a written-off invoice reduces the loss."""
    return JournalEntry(
        tenant=invoice.tenant,
        invoice=invoice.id,
        fact=f"{source}#recovered#{invoice.version}",
        at=at,
        postings=transfer(receivable(invoice.customer), BAD_DEBT, amount, invoice.currency),
    )


def credit_fact(allocation: str) -> str:
    """Return the name of the fact that credit was used, made of the request's id."""
    return f"{allocation}#allocation"


def credit_applied(payment: Payment, part: Allocation, fact: str, at: datetime) -> JournalEntry:
    """Return the entry of a customer's credit that pays another invoice."""
    credit, debt = customer_credit(payment.customer), receivable(payment.customer)
    return JournalEntry(
        tenant=payment.tenant,
        invoice=part.invoice,
        fact=fact,
        at=at,
        postings=transfer(credit, debt, part.amount, payment.currency),
    )


def set_free(
    payment: Payment,
    parts: Iterable[Allocation],
    written_off: frozenset[str],
    source: str,
    at: datetime,
) -> JournalEntry:
    """
    Return the entry by which money that a payment no longer owes becomes credit.

    For a written-off invoice, the money that came back had reduced a loss that another payment
    covers already.
    """
    postings: tuple[Posting, ...] = ()
    for part in parts:
        owed = BAD_DEBT if part.invoice in written_off else receivable(payment.customer)
        credit = customer_credit(payment.customer)
        postings += transfer(owed, credit, part.amount, payment.currency)
    return _of(payment, f"{source}#set_free", at, postings)


def dispute_moved(dispute: Dispute, movement: Movement, payment: Payment) -> JournalEntry:
    """Return the entry of what Stripe took for a bank or brought back, with its fee."""
    money = _far_side(payment, movement.settled)
    postings = (
        *transfer(DISPUTE_HOLD, money, movement.amount, dispute.currency),
        *_settled(payment, movement.settled),
        *transfer(DISPUTE_FEES, money_account(payment), movement.fee, movement.fee_currency),
    )
    return _of(payment, f"{movement.id}#dispute", movement.at, postings)


def dispute_settled(dispute: Dispute, movement: Movement, payment: Payment) -> JournalEntry:
    """Return the entry of a conversion that was not known when the movement was entered."""
    postings = (
        *transfer(money_account(payment), FX, movement.amount, dispute.currency),
        *_settled(payment, movement.settled),
    )
    return _of(payment, f"{movement.id}#settled", movement.at, postings)


def dispute_lost(
    dispute: Dispute, before: Loss, written_off: frozenset[str], at: datetime
) -> JournalEntry:
    """
    Return the entry by which the held amount is lost or found again: the customer owes it.

    For an invoice that was written off, it is a bad debt at once; so is what was given back before.
    """
    customer, now = dispute.customer, dispute.loss
    owed = {part.invoice for part in (*before.parts, *now.parts)}
    postings = transfer(
        customer_credit(customer), DISPUTE_HOLD, now.credit - before.credit, dispute.currency
    )
    for name in sorted(owed):
        debit = BAD_DEBT if name in written_off else receivable(customer)
        change = now.of(name) - before.of(name)
        postings += transfer(debit, DISPUTE_HOLD, change, dispute.currency)
    postings += transfer(BAD_DEBT, DISPUTE_HOLD, now.beyond - before.beyond, dispute.currency)
    return JournalEntry(
        tenant=dispute.tenant,
        invoice=dispute.invoice,
        fact=f"{dispute.stripe_id}#loss#{dispute.version}",
        at=at,
        postings=postings,
    )


def refund_given(payment: Payment, refund: Refund, at: datetime) -> JournalEntry:
    """Return the entry of a refund: the debt comes back, or a credit note replaces it."""
    postings = (*_given(payment, refund, 1), *_moved(payment, refund, None))
    return _of(payment, f"{refund.source}#refund", at, postings)


def refund_reversed(payment: Payment, refund: Refund, was: Refund, at: datetime) -> JournalEntry:
    """Return the entry of a refund that failed after it had been entered as it `was`."""
    postings = (*_given(payment, was, -1), *_moved(payment, refund, was))
    return _of(payment, f"{refund.source}#refund_reversed", at, postings)


def refund_settled(
    payment: Payment, refund: Refund, was: Refund | None, at: datetime
) -> JournalEntry:
    """Return the entry of a late conversion, or of one that came back at another rate."""
    late = refund.amount if was and was.is_given and not was.settled else 0
    postings = (
        *transfer(money_account(payment), FX, late, refund.currency),
        *_moved(payment, refund, was),
    )
    return _of(payment, f"{refund.source}#refund_settled#{refund.version}", at, postings)


def _given(payment: Payment, refund: Refund, sign: int) -> tuple[Posting, ...]:
    reopens = refund.settle_as == "reopen"
    owed = receivable(refund.customer) if reopens else REFUNDS
    money = _far_side(payment, refund.settled)
    credit, applied = refund.unapplied, refund.amount - refund.unapplied
    return (
        *transfer(owed, money, sign * applied, refund.currency),
        *transfer(customer_credit(refund.customer), money, sign * credit, refund.currency),
    )


def _moved(payment: Payment, refund: Refund, was: Refund | None) -> tuple[Posting, ...]:
    """Return the postings of a refund's step in the currencies of the account."""
    change = Counter({leg.currency: 0 for leg in refund.moved})
    for leg in refund.moved:
        change[leg.currency] += leg.amount
    for leg in was.moved if was else ():
        change[leg.currency] -= leg.amount
    money, postings = money_account(payment), tuple[Posting, ...]()
    for currency, amount in change.items():
        postings += transfer(money, FX, amount, currency)
    return postings


def _far_side(payment: Payment, settled: Settlement | None) -> str:
    """Return the far side of money in the payment's currency: fx, if it was converted."""
    return FX if settled else money_account(payment)


def _settled(payment: Payment, settled: Settlement | None) -> tuple[Posting, ...]:
    """Return the postings of a conversion; none if there was none."""
    if not settled:
        return ()
    return transfer(money_account(payment), FX, settled.amount, settled.currency)


def platform_fee_returned(payment: Payment, amount: int, at: datetime) -> JournalEntry:
    """
    Return the entry of what the platform gave back of its fee, up to `amount` in all.

    For a converted payment, it is in proportion to the fee there: Stripe does not tell the merchant
    the rate.
    """
    before, currency = payment.application_fee_refunded, payment.currency
    if payment.settled and payment.application_fee:
        parts = [part.amount for part in payment.fee.fee_details if part.type == "application_fee"]
        taken, whole, currency = sum(parts), payment.application_fee, payment.settled.currency
        back = taken * amount // whole - taken * before // whole
    else:
        back = amount - before
    postings = transfer(money_account(payment), PLATFORM_FEES, back, currency)
    return _of(payment, f"{payment.source}#platform_fee_returned#{amount}", at, postings)


def _fee(payment: Payment, fee: Fee) -> tuple[Posting, ...]:
    """Return the postings of a fee by its receivers; what has no details is Stripe's."""
    currency, money = fee.currency or payment.currency, money_account(payment)
    known = sum(part.amount for part in fee.fee_details)
    postings = transfer(STRIPE_FEES, money, (fee.amount or 0) - known, currency)
    for part in fee.fee_details:
        account = FEE_ACCOUNTS.get(part.type, STRIPE_FEES)
        postings += transfer(account, money, part.amount, part.currency)
    return postings


def _of(payment: Payment, fact: str, at: datetime, postings: tuple[Posting, ...]) -> JournalEntry:
    return JournalEntry(
        tenant=payment.tenant, invoice=payment.invoice, fact=fact, at=at, postings=postings
    )
