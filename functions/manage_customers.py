"""/v1/customers: who may pay online, and the cards they saved at Stripe."""

from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, Field

from payments.cases.customers import erasure
from payments.cases.modules import grants
from payments.edge import api, runtime
from payments.edge.routes import cards
from payments.facts.customer import Customer
from payments.facts.erasure import Erasure, ErasureStatus, Left

app = api.new_app()
app.include_router(cards.router)
handler = api.lambda_handler(app)


#: A language, perhaps with a region: `de`, `pt-BR`.
Locale = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]


class PutCustomer(api.Body):
    """Nobody pays online until `online_payment_enabled` says so."""

    name: api.Text
    email: api.Email | None = None
    locale: Locale | None = None
    online_payment_enabled: Annotated[bool, Field(strict=True)] = False


class CustomerOut(BaseModel):
    """A customer under the caller's own reference."""

    ref: str
    name: str
    email: str | None
    locale: str | None = None
    online_payment_enabled: bool
    created_at: str


class CustomerPage(BaseModel):
    """A page of customers."""

    data: list[CustomerOut]
    next_cursor: str | None


class ErasureOut(BaseModel):
    """
    How far the erasing of a person has come; what is `running` goes on by itself.

    `left` names the accounts in which Stripe still has them, with the code that says why: once the
    cause is mended, ask for it again.
    """

    ref: str
    status: ErasureStatus
    erased_at: datetime
    ended_at: datetime | None
    invoices: int
    left: list[Left]


class ExportOut(BaseModel):
    """Everything that is kept of a customer, a page of invoices at a time."""

    customer: dict[str, Any]
    payment_methods: list[dict[str, Any]]
    credits: list[dict[str, Any]]
    invoices: list[dict[str, Any]]
    next_cursor: str | None


class CreditOut(BaseModel):
    """What the customer has paid too much, in minor units."""

    currency: str
    mode: str
    balance: int


class CreditPage(BaseModel):
    """A customer's credit in each currency; there are few, so there is one page."""

    data: list[CreditOut]
    next_cursor: str | None = None


def show(customer: Customer) -> CustomerOut:
    """Return what a caller may see."""
    return CustomerOut.model_validate(customer.model_dump(mode="json"))


@app.get("/v1/customers")
def list_customers(
    limit: api.Limit = 20,
    cursor: api.LongCursor = None,
) -> CustomerPage:
    """Newest first."""
    customers, following = runtime.store().page(
        Customer, api.caller(app).tenant, limit=limit, cursor=cursor
    )
    return CustomerPage(data=[show(customer) for customer in customers], next_cursor=following)


@app.put("/v1/customers/<ref>")
def put_customer(ref: api.PathName, body: PutCustomer) -> CustomerOut:
    """Create or replace a customer."""
    put = grants.put_customer(
        ref,
        body.name,
        body.email,
        body.locale,
        online_payment_enabled=body.online_payment_enabled,
        caller=api.caller(app),
        doors=runtime.doors(),
    )
    return show(put)


@app.get("/v1/customers/<ref>")
def get_customer(ref: api.PathName) -> CustomerOut:
    """One customer."""
    return show(runtime.store().customer(api.caller(app).tenant, ref))


@app.get("/v1/customers/<ref>/credit")
def get_credit(ref: api.PathName) -> CreditPage:
    """Return what the customer has paid too much, and may use for another invoice."""
    store, tenant = runtime.store(), api.caller(app).tenant
    store.customer(tenant, ref)
    held = store.credits(tenant, ref)
    return CreditPage(data=[CreditOut(**credit.model_dump()) for credit in held])


@app.get("/v1/customers/<ref>/data-export")
def export_customer(
    ref: api.PathName,
    limit: api.Limit = 20,
    cursor: api.Cursor = None,
) -> ExportOut:
    """Everything that is kept of a customer: what a person may ask for."""
    kept, following = erasure.export(
        ref, limit=limit, cursor=cursor, caller=api.caller(app), doors=runtime.doors()
    )
    return ExportOut(**kept, next_cursor=following)


@app.post("/v1/customers/<ref>/erase")
def erase_customer(ref: api.PathName) -> Response[ErasureOut]:
    """
    Erase the person, here and at Stripe; amounts and the journal stay. There is no way back.

    Where there is too much for one request, the answer is 202, and the rest goes on by itself.
    """
    found = erasure.erase(ref, caller=api.caller(app), doors=runtime.doors())
    return api.answer(200 if found.ended_at else 202, show_erasure(found))


@app.get("/v1/customers/<ref>/erasure")
def get_erasure(ref: api.PathName) -> ErasureOut:
    """How far the erasing has come."""
    return show_erasure(erasure.status(ref, caller=api.caller(app), doors=runtime.doors()))


def show_erasure(found: Erasure) -> ErasureOut:
    """Return what a caller may see."""
    return ErasureOut(
        ref=found.customer,
        status=found.status,
        erased_at=found.started_at,
        ended_at=found.ended_at,
        invoices=found.invoices,
        left=list(found.left),
    )
