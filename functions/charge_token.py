"""/v1/invoices/{id}/charges and /v1/charges: charge a saved card without its owner."""

from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, Field

from payments.cases.collecting import charge_saved_card, follow_declines
from payments.edge import api, runtime
from payments.edge.routes import certifications
from payments.edge.shapes import RecoveryOut, show_recovery
from payments.facts.attempt import Attempt, AttemptStatus
from payments.facts.module import OnActionRequired
from payments.facts.payment import Allocation, Fee, Note
from payments.facts.settlement import Converted

app = api.new_app()
app.include_router(certifications.router)
handler = api.lambda_handler(app)


class ChargeCard(api.Body):
    """
    `amount` is in the invoice's minor units; without it, all that is collectable is charged.

    `on_action_required` says what follows where the bank asks the card's owner to confirm. With
    `send_link`, the default where the module has links, the owner is mailed the pay link, on which
    this payment goes on. With `fail` it ends.
    """

    module: api.Name | None = None
    amount: api.Amount | None = None
    payment_method: api.Name | None = None
    supersede_open_links: Annotated[bool, Field(strict=True)] = True
    on_action_required: OnActionRequired | None = None


class PartOf(api.Body):
    """The amount for one invoice; without it, all that is collectable is charged."""

    invoice: api.Name
    amount: api.Amount | None = None


class ChargeCustomer(api.Body):
    """One charge for several invoices of a customer, all in one currency."""

    customer: api.Name
    allocations: Annotated[tuple[PartOf, ...], Field(min_length=1, max_length=20)]
    module: api.Name | None = None
    payment_method: api.Name | None = None
    supersede_open_links: Annotated[bool, Field(strict=True)] = True
    on_action_required: OnActionRequired | None = None


class ChargedAttempt(BaseModel):
    """How far the charge came; in `action_required` it waits for its payer until `confirm_by`."""

    id: str
    status: str
    confirm_by: datetime | None


class ChargedPayment(BaseModel):
    """The payment, once the money is there."""

    id: str
    gross: int
    fee: Fee
    settled: Converted = None
    note: Note
    allocations: list[Allocation]
    unapplied: int


class ChargedInvoice(BaseModel):
    """The invoice after the charge."""

    id: str
    status: str
    outstanding: int
    currency: str


class ChargeOut(BaseModel):
    """
    201 with a payment; 202 while Stripe has not told the outcome, or the payer has to confirm.

    After a 202, read the invoice and do not charge again. `pay_link` is where the payer confirms,
    or pays in another way.
    """

    attempt: ChargedAttempt
    payment: ChargedPayment | None
    invoice: ChargedInvoice
    pay_link: str | None = None


class ChargesOut(BaseModel):
    """The charge of several invoices, in the order in which the request names them."""

    attempt: ChargedAttempt
    payment: ChargedPayment | None
    invoices: list[ChargedInvoice]
    pay_link: str | None = None


@app.post("/v1/invoices/<invoice_id>/charges", status_code=201)
def charge_card(invoice_id: api.PathName, body: ChargeCard) -> Response[ChargeOut]:
    """Charge a saved card for an invoice, in full or in part."""
    caller, doors = api.caller(app), runtime.doors()
    request = charge_saved_card.ChargeRequest(
        parts=(charge_saved_card.Part(invoice_id, body.amount),),
        module=body.module,
        payment_method=body.payment_method,
        supersede_open_links=body.supersede_open_links,
        on_action_required=body.on_action_required,
    )

    def charge(attempt_id: str) -> ChargeOut | api.Pending:
        attempt = charge_saved_card.charge_token(
            request, attempt_id=attempt_id, caller=caller, doors=doors
        )
        found = _show(attempt)
        shown = ChargeOut(**found.model_dump(exclude={"invoices"}), invoice=found.invoices[0])
        return shown if _is_done(attempt) else api.Pending(shown)

    return api.answer_once(app, "att", 201, charge, tell=_with_link)


@app.post("/v1/charges", status_code=201)
def charge_customer(body: ChargeCustomer) -> Response[ChargesOut]:
    """Charge a saved card once for several invoices of its owner: all of them, or none."""
    caller, doors = api.caller(app), runtime.doors()
    request = charge_saved_card.ChargeRequest(
        parts=tuple(charge_saved_card.Part(part.invoice, part.amount) for part in body.allocations),
        module=body.module,
        customer=body.customer,
        payment_method=body.payment_method,
        supersede_open_links=body.supersede_open_links,
        on_action_required=body.on_action_required,
    )

    def charge(attempt_id: str) -> ChargesOut | api.Pending:
        attempt = charge_saved_card.charge_token(
            request, attempt_id=attempt_id, caller=caller, doors=doors
        )
        return _show(attempt) if _is_done(attempt) else api.Pending(_show(attempt))

    return api.answer_once(app, "att", 201, charge, tell=_with_link)


@app.post("/v1/invoices/<invoice_id>/recovery/stop")
def stop_recovery(invoice_id: api.PathName) -> RecoveryOut:
    """Stop charging a declined card again; what is owed stays owed."""
    caller = api.caller(app)
    return show_recovery(follow_declines.stop(invoice_id, caller=caller, doors=runtime.doors()))


def _is_done(attempt: Attempt) -> bool:
    return attempt.status is AttemptStatus.SUCCEEDED


def _with_link(told: dict[str, Any]) -> dict[str, Any]:
    """Add the address where the payer confirms; it is made for each answer and never stored."""
    if told["attempt"]["status"] != AttemptStatus.ACTION_REQUIRED:
        return told
    home = (told.get("invoice") or told["invoices"][0])["id"]
    caller, doors = api.caller(app), runtime.doors()
    page = charge_saved_card.page_to_confirm(
        told["attempt"]["id"], home, caller=caller, doors=doors
    )
    return told | {"pay_link": page}


def _show(attempt: Attempt) -> ChargesOut:
    store = runtime.store()
    rows = store.invoice_rows(attempt.tenant, attempt.invoice)
    others = [store.invoice(attempt.tenant, share.invoice) for share in attempt.shares[1:]]
    payment = next((found for found in rows.payments if found.attempt == attempt.id), None)
    return ChargesOut(
        attempt=ChargedAttempt.model_validate(attempt, from_attributes=True),
        payment=ChargedPayment.model_validate(payment.shown()) if payment else None,
        invoices=[
            ChargedInvoice.model_validate(invoice, from_attributes=True)
            for invoice in (rows.require_invoice(), *others)
        ],
    )
