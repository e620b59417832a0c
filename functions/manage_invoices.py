"""/v1/invoices: create, read, change, finalize and void."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, Field

from payments.cases import invoicing
from payments.edge import api, runtime
from payments.edge.disputes import DisputeOut, show_dispute
from payments.facts.attempt import Attempt
from payments.facts.invoice import Invoice, InvoiceStatus, Line
from payments.facts.payment import Fee, Note, Payment
from payments.facts.refund import Refund

app = api.new_app()
handler = api.lambda_handler(app)

Tax = Annotated[int, Field(strict=True, ge=0, le=99_999_999)]


class LineIn(api.Body):
    """`tax_rate` (percent) and `tax_amount` (minor units) are kept as given and never computed."""

    description: api.Text
    quantity: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1
    unit_amount: Annotated[int, Field(strict=True, ge=0, le=99_999_999)]
    tax_rate: Annotated[Decimal | None, Field(ge=0, le=100, max_digits=7)] = None
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
    """What may change without changing what is owed."""

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
    outstanding: int
    reserved: int
    collectable: int


class Facets(BaseModel):
    """What is going on beside the status."""

    collection: str
    exception: str


class PaymentOut(BaseModel):
    """Money that arrived."""

    id: str
    attempt: str
    gross: int
    fee: Fee
    note: Note
    paid_at: str


class InvoiceRefund(BaseModel):
    """What of a refund concerns this invoice; /v1/refunds/{id} tells the rest."""

    id: str
    payment: str
    status: str
    amount: int
    settle_as: str
    created_at: str


class AttemptOut(BaseModel):
    """An intent to collect."""

    id: str
    status: str
    channel: str
    amount: int
    decline: dict[str, Any] | None
    created_at: str


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
    payments: list[PaymentOut] = []
    attempts: list[AttemptOut] = []
    refunds: list[InvoiceRefund] = []
    disputes: list[DisputeOut] = []
    created_at: str


class InvoicePage(BaseModel):
    """A page of invoices, without their payments and attempts."""

    data: list[InvoiceOut]
    next_cursor: str | None


def show(
    invoice: Invoice,
    payments: list[Payment] | None = None,
    attempts: list[Attempt] | None = None,
    refunds: list[Refund] | None = None,
) -> InvoiceOut:
    """Return what a caller may see."""
    fields = invoice.model_dump(mode="json", include=set(InvoiceOut.model_fields))
    return InvoiceOut(
        **fields,
        status=invoice.status,
        amounts=Amounts.model_validate(invoice, from_attributes=True),
        facets=Facets(collection=invoice.collection, exception=invoice.trouble),
        payments=[PaymentOut(**payment.model_dump(mode="json")) for payment in payments or ()],
        attempts=[AttemptOut(**attempt.model_dump(mode="json")) for attempt in attempts or ()],
        refunds=[_show_refund(refund, invoice) for refund in refunds or ()],
    )


def _show_refund(refund: Refund, invoice: Invoice) -> InvoiceRefund:
    fields = refund.model_dump(mode="json") | {"amount": refund.share_of(invoice.id)}
    return InvoiceRefund(**fields)


@app.post("/v1/invoices", status_code=201)
def create_invoice(body: CreateInvoice) -> Response[InvoiceOut]:
    """Create an invoice, open unless `draft` says otherwise."""
    caller, doors = api.caller(app), runtime.doors()
    lines = tuple(Line(**line.model_dump()) for line in body.lines)
    request = invoicing.InvoiceRequest(**{**dict(body), "lines": lines})

    def create(invoice_id: str) -> InvoiceOut:
        return show(invoicing.create(request, invoice_id=invoice_id, caller=caller, doors=doors))

    return api.answer_once(app, "inv", 201, create)


@app.get("/v1/invoices")
def list_invoices(  # noqa: PLR0917 - each query parameter is one of its arguments
    limit: Annotated[int, Query(ge=1, le=api.PAGE_MAX)] = 20,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    status: Annotated[InvoiceStatus | None, Query()] = None,
    customer: Annotated[str | None, Query(max_length=64)] = None,
    order_ref: Annotated[str | None, Query(max_length=200)] = None,
    number: Annotated[str | None, Query(max_length=200)] = None,
    due_before: Annotated[date | None, Query()] = None,
) -> InvoicePage:
    """Newest first, narrowed by any of the filters."""
    asked = {"status": status, "customer": customer, "order_ref": order_ref, "number": number}
    wanted = {name: str(value) for name, value in asked.items() if value}
    if due_before:
        wanted["due_before"] = due_before.isoformat()
    tenant = api.caller(app).tenant
    invoices, following = runtime.store().page(
        Invoice, tenant, limit=limit, cursor=cursor, wanted=wanted
    )
    return InvoicePage(data=[show(invoice) for invoice in invoices], next_cursor=following)


@app.get("/v1/invoices/<invoice_id>")
def get_invoice(invoice_id: api.PathName) -> Response[InvoiceOut]:
    """One invoice with its payments, refunds and attempts; what a storefront polls."""
    rows = runtime.store().invoice_rows(api.caller(app).tenant, invoice_id)
    invoice = rows.require_invoice()
    # A payment that stands under another invoice has its refunds and disputes there too.
    elsewhere = runtime.store().shared(rows.shares) if rows.shares else []
    refunds = rows.refunds + runtime.store().refunds_of(*elsewhere)
    own = [refund for refund in refunds if refund.share_of(invoice_id)]
    shown = show(invoice, rows.payments, rows.attempts, own)
    disputes = rows.disputes + runtime.store().disputes_of(*elsewhere)
    shown.disputes = [show_dispute(dispute) for dispute in disputes]
    return api.answer(200, shown, api.etag(invoice.version))


@app.patch("/v1/invoices/<invoice_id>")
def amend_invoice(invoice_id: api.PathName, body: AmendInvoice) -> Response[InvoiceOut]:
    """Change an invoice that nobody has changed since the version in If-Match."""
    changes = body.model_dump(exclude_unset=True)
    invoice = invoicing.amend(
        invoice_id, changes, seen=api.if_match(app), caller=api.caller(app), doors=runtime.doors()
    )
    return api.answer(200, show(invoice), api.etag(invoice.version))


@app.post("/v1/invoices/<invoice_id>/finalize")
def finalize_invoice(invoice_id: api.PathName) -> Response[InvoiceOut]:
    """Open a draft for payment."""
    invoice = invoicing.finalize(invoice_id, caller=api.caller(app), doors=runtime.doors())
    return api.answer(200, show(invoice), api.etag(invoice.version))


@app.post("/v1/invoices/<invoice_id>/void")
def void_invoice(invoice_id: api.PathName) -> Response[InvoiceOut]:
    """Withdraw an invoice; an open Checkout Session is expired at Stripe first."""
    invoice = invoicing.void(invoice_id, caller=api.caller(app), doors=runtime.doors())
    return api.answer(200, show(invoice), api.etag(invoice.version))
