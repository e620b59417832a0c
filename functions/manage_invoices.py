"""/v1/invoices: create, read, change and end invoices; book other money; explain."""

from dataclasses import asdict
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from payments.cases.invoices import explain, invoicing
from payments.cases.modules import access
from payments.cases.payments import offline_and_credit
from payments.edge import api, runtime
from payments.edge.shapes import (
    AmendInvoice,
    CreateInvoice,
    ExplanationOut,
    HappeningOut,
    InvoiceOut,
    InvoicePage,
    RecordedPayment,
    RecordPayment,
    TimelineOut,
    show,
    show_payment,
)
from payments.facts.invoice import Invoice, InvoiceStatus, Line
from payments.steps.invoices import timeline

app = api.new_app()
handler = api.lambda_handler(app)


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
    limit: api.Limit = 20,
    cursor: api.Cursor = None,
    status: Annotated[InvoiceStatus | None, Query()] = None,
    customer: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    order_ref: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    number: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    due_before: Annotated[api.Day | None, Query()] = None,
) -> InvoicePage:
    """
    List the invoices, newest first, narrowed by any of the filters.

    A storefront gets only invoices of modules that it may use, so its page may be short.
    """
    asked = {"status": status, "customer": customer, "order_ref": order_ref, "number": number}
    wanted = {name: str(value) for name, value in asked.items() if value}
    if due_before:
        wanted["due_before"] = due_before.isoformat()
    caller, doors = api.caller(app), runtime.doors()
    found, following = doors.store.page(
        Invoice, caller.tenant, limit=limit, cursor=cursor, wanted=wanted
    )
    shown = access.shown(found, caller, doors)
    return InvoicePage(data=[show(invoice) for invoice in shown], next_cursor=following)


@app.get("/v1/invoices/<invoice_id>")
def get_invoice(invoice_id: api.PathName) -> Response[InvoiceOut]:
    """Return one invoice with its payments, refunds and attempts; a storefront may poll it."""
    rows = runtime.store().whole_invoice(api.caller(app).tenant, invoice_id)
    invoice = rows.require_invoice()
    return api.answer(200, show(invoice, rows), api.etag(invoice.version))


@app.patch("/v1/invoices/<invoice_id>")
def amend_invoice(invoice_id: api.PathName, body: AmendInvoice) -> Response[InvoiceOut]:
    """Change an invoice; If-Match names the version that was seen."""
    changes: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
    if lines := changes.get("lines"):
        changes["lines"] = tuple(Line(**line.model_dump()) for line in lines)
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
    """Void an invoice; an open Checkout Session is expired at Stripe first."""
    invoice = invoicing.void(invoice_id, caller=api.caller(app), doors=runtime.doors())
    return api.answer(200, show(invoice), api.etag(invoice.version))


@app.post("/v1/invoices/<invoice_id>/uncollectible")
def write_off_invoice(invoice_id: api.PathName) -> Response[InvoiceOut]:
    """Write off what is outstanding; an open Checkout Session is expired at Stripe first."""
    invoice = invoicing.write_off(invoice_id, caller=api.caller(app), doors=runtime.doors())
    return api.answer(200, show(invoice), api.etag(invoice.version))


@app.post("/v1/invoices/<invoice_id>/offline-payments", status_code=201)
def record_payment(invoice_id: api.PathName, body: RecordPayment) -> Response[RecordedPayment]:
    """Book money that came by bank or in cash; an open Checkout Session is expired first."""
    caller, doors = api.caller(app), runtime.doors()
    request = offline_and_credit.OfflinePayment(**dict(body))

    def record(payment_id: str) -> RecordedPayment:
        payment = offline_and_credit.record_payment(
            request, invoice_id, payment_id=payment_id, caller=caller, doors=doors
        )
        invoice = doors.store.invoice(caller.tenant, invoice_id)
        return RecordedPayment(
            payment=show_payment(payment),
            status=invoice.status,
            outstanding=invoice.outstanding,
            currency=invoice.currency,
        )

    return api.answer_once(app, "pay", 201, record)


@app.get("/v1/invoices/<invoice_id>/timeline")
def get_timeline(invoice_id: api.PathName) -> TimelineOut:
    """Return what happened to an invoice, oldest first, with the ids that prove it."""
    rows = runtime.store().whole_invoice(api.caller(app).tenant, invoice_id)
    return TimelineOut(data=[HappeningOut(**asdict(each)) for each in timeline.timeline(rows)])


@app.get("/v1/invoices/<invoice_id>/explain")
def explain_invoice(invoice_id: api.PathName) -> ExplanationOut:
    """Explain in words why an invoice is or is not paid, with the evidence."""
    rows = runtime.store().whole_invoice(api.caller(app).tenant, invoice_id)
    found = explain.explain(rows)
    invoice = rows.require_invoice()
    return ExplanationOut(invoice=invoice.id, status=invoice.status, **asdict(found))
