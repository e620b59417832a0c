"""The JSON of invoices, payments and disputes."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from payments.doors.rows.invoices import InvoiceRows
from payments.edge import api, rates, runtime
from payments.facts.certification import Certification, StepResult
from payments.facts.claim import Collection
from payments.facts.dispute import Dispute
from payments.facts.invoice import Invoice, Trouble
from payments.facts.payment import Allocation, Fee, Note, Payment
from payments.facts.recovery import Recovery, RecoveryStatus
from payments.facts.settlement import Converted
from payments.money import MAXIMUM_TOTAL

Tax = Annotated[int, Field(strict=True, ge=0, le=MAXIMUM_TOTAL)]


class LineIn(api.Body):
    """`tax_rate` (percent) and `tax_amount` (minor units) are stored as given, never computed."""

    description: api.Text
    quantity: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1
    unit_amount: Annotated[int, Field(strict=True, ge=0, le=MAXIMUM_TOTAL)]
    tax_rate: rates.TaxRate | None = None
    tax_amount: Tax | None = None


class CreateInvoice(api.Body):
    """Give `lines` or `total`; a line's amount is quantity x unit_amount + tax_amount."""

    number: api.Text
    customer: api.Name
    currency: api.Currency
    module: api.Name | None = None
    order_ref: api.Text | None = None
    lines: Annotated[tuple[LineIn, ...], Field(max_length=200)] = ()
    total: api.Amount | None = None
    allow_partial: Annotated[bool, Field(strict=True)] = False
    min_partial: api.Amount | None = None
    due: api.Day | None = None
    draft: Annotated[bool, Field(strict=True)] = False


class AmendInvoice(api.Body):
    """For another amount, an open payment page is closed at Stripe first; `customer` of a draft."""

    customer: api.Name | None = None
    lines: Annotated[tuple[LineIn, ...] | None, Field(min_length=1, max_length=200)] = None
    total: api.Amount | None = None
    order_ref: api.Text | None = None
    due: api.Day | None = None
    allow_partial: Annotated[bool, Field(strict=True)] = False


class Amounts(BaseModel):
    """Minor units of `currency`."""

    currency: str
    total: int
    paid: int
    refunded: int
    refund_pending: int
    charged_back: int
    credited: int
    surcharged: int
    outstanding: int
    reserved: int
    collectable: int


class Facets(BaseModel):
    """What is going on besides the status."""

    collection: Collection
    exception: Trouble


class PaymentOut(BaseModel):
    """Money that arrived: how much counts for which invoice, and how much for none yet."""

    id: str
    attempt: str | None
    method: str
    gross: int
    allocations: list[Allocation]
    unapplied: int
    fee: Fee
    #: The gross in Stripe's conversion, where there was one.
    settled: Converted = None
    note: Note
    paid_at: str


class AttemptOut(BaseModel):
    """One try to collect."""

    id: str
    status: str
    channel: str
    amount: int
    surcharge: int
    decline: dict[str, Any] | None
    #: Until when the attempt waits for its payer to confirm with their bank.
    confirm_by: str | None
    created_at: str


class InvoiceRefund(BaseModel):
    """The part of a refund that concerns this invoice; /v1/refunds/{id} has the rest."""

    id: str
    payment: str
    status: str
    amount: int
    settle_as: str
    created_at: datetime


class EvidenceOut(BaseModel):
    """How far the answer is; only Stripe has its content."""

    has_evidence: bool
    submissions: int
    submitted_at: datetime | None


class DisputeOut(BaseModel):
    """
    Amounts are in minor units of `currency`.

    `withdrawn` is what Stripe has taken and not brought back; `charged_back` is the lost part of
    it.
    """

    id: str
    stripe_id: str
    invoice: str
    payment: str
    charge: str
    mode: str
    amount: int
    currency: str
    withdrawn: int
    charged_back: int
    reason: str
    network_reason: str | None
    status: str
    due_by: datetime | None
    overdue: bool
    is_charge_refundable: bool
    evidence: EvidenceOut
    created_at: datetime
    version: int


class RecoveryOut(BaseModel):
    """
    How a declined saved card is followed up.

    `scheduled`: it is charged again at `next_at`; `asked`: `course` says what the payer has to do.
    Of `amount`, `recovered` came in, both in minor units of `currency`.
    """

    id: str
    invoice: str
    customer: str
    status: str
    course: str
    reason: str | None
    tries: int
    amount: int
    recovered: int
    currency: str
    next_at: datetime | None
    started_at: datetime
    ended_at: datetime | None


class CertificationOut(BaseModel):
    """A `running` one goes on with the next request; a step that failed says what to do."""

    id: str
    module: str
    status: str
    mode: str = "test"
    amount: int
    currency: str
    steps: list[StepResult]
    started_at: datetime
    finished_at: datetime | None


class ShareOut(BaseModel):
    """What a payment that is stored with another invoice brought to this one."""

    payment: str
    invoice: str
    amount: int


class RecordPayment(api.Body):
    """Money that came without Stripe; `reference` is the bank statement's text."""

    amount: api.Amount
    method: Literal["bank_transfer", "cash", "check", "other"]
    received_at: api.Time | None = None
    reference: api.Text | None = None


class RecordedPayment(BaseModel):
    """The payment, and the state of its invoice."""

    payment: PaymentOut
    status: str
    outstanding: int
    currency: str


class HappeningOut(BaseModel):
    """One thing that happened; `refs` are the ids that prove it, ours and Stripe's."""

    at: datetime
    kind: str
    text: str
    refs: dict[str, str]


class TimelineOut(BaseModel):
    """What happened, oldest first."""

    data: list[HappeningOut]


class ExplanationOut(BaseModel):
    """Why the invoice is or is not paid."""

    invoice: str
    status: str
    answer: str
    next: str
    evidence: list[HappeningOut]


class InvoiceOut(BaseModel):
    """An invoice with what happened to it."""

    id: str
    number: str
    status: str
    version: int
    customer: str
    module: str | None
    order_ref: str | None
    mode: str | None
    lines: list[dict[str, Any]]
    allow_partial: bool
    min_partial: int | None
    due: str | None
    amounts: Amounts
    facets: Facets
    #: Why its order may not be shipped yet: `unpaid`, `processing`, `disputed` …
    held_for: str | None
    released_at: str | None
    payments: list[PaymentOut] = []
    shares: list[ShareOut] = []
    refunds: list[InvoiceRefund] = []
    disputes: list[DisputeOut] = []
    attempts: list[AttemptOut] = []
    recovery: RecoveryOut | None = None
    created_at: str


class InvoicePage(BaseModel):
    """A page of invoices, without their payments and attempts."""

    data: list[InvoiceOut]
    next_cursor: str | None


def show_payment(payment: Payment) -> PaymentOut:
    """Return the payment as a caller may see it."""
    return PaymentOut.model_validate(payment.shown())


def show_certification(found: Certification) -> CertificationOut:
    """Return the certification as a caller may see it."""
    return CertificationOut.model_validate(found, from_attributes=True)


def show_dispute(dispute: Dispute) -> DisputeOut:
    """Return the dispute as a caller may see it."""
    return DisputeOut(
        **dispute.model_dump(include=set(DisputeOut.model_fields)),
        withdrawn=dispute.taken,
        charged_back=dispute.loss.total,
        overdue=dispute.is_overdue(runtime.now()),
        evidence=EvidenceOut.model_validate(dispute, from_attributes=True),
    )


def show_recovery(recovery: Recovery) -> RecoveryOut:
    """Return the recovery as a caller may see it."""
    due = recovery.sweep_at if recovery.status is RecoveryStatus.SCHEDULED else None
    return RecoveryOut(**recovery.model_dump(include=set(RecoveryOut.model_fields)), next_at=due)


def show(invoice: Invoice, rows: InvoiceRows | None = None) -> InvoiceOut:
    """Return the invoice as a caller may see it; without `rows`, as in a list."""
    found = rows or InvoiceRows()
    fields = invoice.model_dump(mode="json", include=set(InvoiceOut.model_fields))
    return InvoiceOut(
        **fields,
        status=invoice.status,
        amounts=Amounts.model_validate(invoice, from_attributes=True),
        facets=Facets(collection=invoice.collection, exception=invoice.trouble),
        held_for=invoice.held_for,
        payments=[show_payment(payment) for payment in found.payments],
        shares=[
            ShareOut(**{**share.model_dump(), "invoice": share.home}) for share in found.shares
        ],
        refunds=[
            InvoiceRefund(**{**refund.model_dump(), "amount": refund.share_of(invoice.id)})
            for refund in found.refunds
            if refund.share_of(invoice.id)
        ],
        disputes=[show_dispute(dispute) for dispute in found.disputes],
        attempts=[AttemptOut(**attempt.model_dump(mode="json")) for attempt in found.attempts],
        recovery=show_recovery(found.recovery) if found.recovery else None,
    )
