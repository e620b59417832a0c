"""/v1/payments, /v1/refunds and /v1/disputes: what came, where it went, and what goes back."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, Field

from payments.cases.payments import offline_and_credit, search
from payments.cases.refunds import give_back
from payments.edge import api, runtime
from payments.edge.routes import disputes
from payments.facts.payment import Allocation, Fee, Method, Note, Payment, PaymentStatus
from payments.facts.refund import Refund, RefundStatus, SettleAs
from payments.facts.settlement import Converted

app = api.new_app()
app.include_router(disputes.router)
handler = api.lambda_handler(app)


class AllocationIn(api.Body):
    """How much of the refund goes to which invoice's part."""

    invoice: api.Name
    amount: api.Amount


class RefundPayment(api.Body):
    """
    `amount` is in the payment's minor units; without it, all that is left is refunded.

    With `credit_note` less is owed for the invoice from now on; with `reopen` the debt comes back.
    `allocations` are needed for a part of a payment that paid several invoices.
    """

    amount: api.Amount | None = None
    reason: api.Text | None = None
    settle_as: SettleAs = "credit_note"
    allocations: Annotated[tuple[AllocationIn, ...], Field(max_length=100)] = ()
    refund_platform_fee: Literal["proportional", "none", "full"] = "proportional"


class ApplyCredit(api.Body):
    """Without `amount`, it is all that the credit and the invoice allow."""

    invoice: api.Name
    amount: api.Amount | None = None


class RefundOut(BaseModel):
    """
    `succeeded` means that the payer's bank was told; it may still send the money back.

    `allocations` and `unapplied`, the customer's credit, sum to the amount.
    """

    id: str
    status: RefundStatus
    payment: str
    amount: int
    currency: str
    allocations: tuple[Allocation, ...]
    unapplied: int
    settle_as: SettleAs
    reason: str | None
    refund_platform_fee: str
    origin: Literal["api", "stripe", "late_payment", "overpayment"]
    stripe_refund: str | None
    failure_reason: str | None
    pending_reason: str | None
    settled: Converted = None
    returned: Converted = None
    created_at: datetime


class RefundPage(BaseModel):
    """A page of refunds."""

    data: list[RefundOut]
    next_cursor: str | None


class PaymentDetail(BaseModel):
    """
    A payment: what came, Stripe's fee, where it went, and what was refunded.

    `allocations`, `unapplied` (the customer's credit) and `returned` (refunded credit) sum to
    gross.
    """

    id: str
    status: PaymentStatus
    invoice: str
    customer: str
    attempt: str | None
    method: Method
    mode: str | None
    gross: int
    currency: str
    fee: Fee
    settled: Converted = None
    net: int | None
    note: Note
    allocations: tuple[Allocation, ...]
    unapplied: int
    returned: int
    refunded: int
    refund_pending: int
    disputed: int
    refundable: int
    refunds: list[RefundOut]
    paid_at: datetime


class PaymentPage(BaseModel):
    """A page of payments."""

    data: list[PaymentDetail]
    next_cursor: str | None


def show_refund(refund: Refund) -> RefundOut:
    """Return the refund as a caller may see it."""
    return RefundOut.model_validate(refund, from_attributes=True)


def show(payments: list[Payment]) -> list[PaymentDetail]:
    """Return payments as a caller may see them, each with its refunds."""
    refunds = runtime.store().refunds_of(*payments)
    return [_show_one(payment, refunds) for payment in payments]


def _show_one(payment: Payment, refunds: Iterable[Refund]) -> PaymentDetail:
    own = [show_refund(refund) for refund in refunds if refund.payment == payment.id]
    fields = {name: value for name, value in payment.shown().items() if name != "refunds"}
    return PaymentDetail(
        **fields,
        status=payment.status,
        refundable=payment.refundable,
        net=payment.fee.net,
        refunds=own,
    )


@app.get("/v1/payments")
def list_payments(  # noqa: PLR0917 - each query parameter is one of its arguments
    limit: api.Limit = 20,
    cursor: api.Cursor = None,
    invoice: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    customer: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    status: Annotated[PaymentStatus | None, Query()] = None,
    paid_from: Annotated[api.Time | None, Query(alias="from")] = None,
    paid_to: Annotated[api.Time | None, Query(alias="to")] = None,
) -> PaymentPage:
    """List the payments, newest first, narrowed by any filter; `paid_to` itself is left out."""
    wanted = search.Search(invoice, customer, status, paid_from, paid_to)
    found, following = search.payments(
        wanted, api.caller(app).tenant, limit=limit, cursor=cursor, doors=runtime.doors()
    )
    return PaymentPage(data=show(found), next_cursor=following)


@app.get("/v1/payments/<payment_id>")
def get_payment(payment_id: api.PathName) -> PaymentDetail:
    """Return one payment with its refunds."""
    (shown,) = show([runtime.store().named(Payment, api.caller(app).tenant, payment_id)])
    return shown


@app.post("/v1/payments/<payment_id>/refunds", status_code=201)
def refund_payment(payment_id: api.PathName, body: RefundPayment) -> Response[RefundOut]:
    """Refund a payment, in full or in part; 202 while Stripe has not told the outcome."""
    caller, doors = api.caller(app), runtime.doors()
    allocations = tuple(Allocation(**part.model_dump()) for part in body.allocations)
    request = give_back.RefundRequest(payment_id, **{**dict(body), "allocations": allocations})

    def refund(refund_id: str) -> RefundOut | api.Pending:
        found = give_back.refund_payment(request, refund_id=refund_id, caller=caller, doors=doors)
        shown = show_refund(found)
        return api.Pending(shown) if found.is_open else shown

    return api.answer_once(app, "rfd", 201, refund)


@app.post("/v1/payments/<payment_id>/allocations", status_code=201)
def apply_credit(payment_id: api.PathName, body: ApplyCredit) -> Response[PaymentDetail]:
    """Pay another invoice of the customer with the unapplied part of a payment."""
    caller, doors = api.caller(app), runtime.doors()
    request = offline_and_credit.CreditRequest(payment_id, body.invoice, body.amount)

    def allocate(allocation_id: str) -> PaymentDetail:
        applied = offline_and_credit.apply_credit(
            request, allocation_id=allocation_id, caller=caller, doors=doors
        )
        return _show_one(applied, doors.store.refunds_of(applied))

    return api.answer_once(app, "alo", 201, allocate)


@app.get("/v1/refunds")
def list_refunds(
    limit: api.Limit = 20,
    cursor: api.Cursor = None,
    status: Annotated[RefundStatus | None, Query()] = None,
) -> RefundPage:
    """List the refunds, newest first."""
    wanted = {"status": str(status)} if status else {}
    found, following = runtime.store().page(
        Refund, api.caller(app).tenant, limit=limit, cursor=cursor, wanted=wanted
    )
    return RefundPage(data=[show_refund(refund) for refund in found], next_cursor=following)


@app.get("/v1/refunds/<refund_id>")
def get_refund(refund_id: api.PathName) -> RefundOut:
    """Return one refund."""
    return show_refund(runtime.store().named(Refund, api.caller(app).tenant, refund_id))
