"""POST /v1/invoices/{id}/charges: charge a saved card, without its owner."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, Field

from payments.cases import charging
from payments.edge import api, runtime
from payments.facts.attempt import Attempt, AttemptStatus
from payments.facts.payment import Fee, Note

app = api.new_app()
handler = api.lambda_handler(app)


class ChargeCard(api.Body):
    """`amount` in the invoice's minor units; left out, it is all that is collectable."""

    module: api.Name | None = None
    amount: api.Amount | None = None
    payment_method: api.Name | None = None
    supersede_open_links: Annotated[bool, Field(strict=True)] = True


class ChargedAttempt(BaseModel):
    """How far the charge came."""

    id: str
    status: str


class ChargedPayment(BaseModel):
    """The money, once it is there."""

    id: str
    gross: int
    fee: Fee
    note: Note


class ChargedInvoice(BaseModel):
    """The invoice afterwards."""

    id: str
    status: str
    outstanding: int
    currency: str


class ChargeOut(BaseModel):
    """
    201 with a payment; 202 while Stripe has not said how it ended.

    Ask the invoice, do not charge again.
    """

    attempt: ChargedAttempt
    payment: ChargedPayment | None
    invoice: ChargedInvoice


@app.post("/v1/invoices/<invoice_id>/charges", status_code=201)
def charge_card(invoice_id: api.PathName, body: ChargeCard) -> Response[ChargeOut]:
    """Charge a saved card for an invoice, in full or in part."""
    caller, doors = api.caller(app), runtime.doors()
    request = charging.ChargeRequest(
        invoice_id, body.module, body.amount, body.payment_method, body.supersede_open_links
    )

    def charge(attempt_id: str) -> ChargeOut | api.Pending:
        attempt = charging.charge_token(request, attempt_id=attempt_id, caller=caller, doors=doors)
        done = attempt.status is AttemptStatus.SUCCEEDED
        return _show(attempt) if done else api.Pending(_show(attempt))

    return api.answer_once(app, "att", 201, charge)


def _show(attempt: Attempt) -> ChargeOut:
    rows = runtime.store().invoice_rows(attempt.tenant, attempt.invoice)
    invoice = rows.require_invoice()
    payment = next((found for found in rows.payments if found.attempt == attempt.id), None)
    return ChargeOut(
        attempt=ChargedAttempt(id=attempt.id, status=attempt.status),
        payment=ChargedPayment(**payment.model_dump()) if payment else None,
        invoice=ChargedInvoice.model_validate(invoice, from_attributes=True),
    )
