"""/v1/customers: the customers who may pay online, and the cards that they saved at Stripe."""

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
    """A customer can pay online only with `online_payment_enabled`."""

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
    How far the erasure of a person has come; a `running` one goes on by itself.

    `left` names the accounts in which Stripe still has the person, each with the code of the
    reason. Once the cause is mended, send the request again.
    """

    ref: str
    status: ErasureStatus
    erased_at: datetime
    ended_at: datetime | None
    invoices: int
    left: list[Left]


class ExportOut(BaseModel):
    """Everything that is kept of a customer, one page of invoices at a time."""

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
    """A customer's credit in each currency; it is always a single page."""

    data: list[CreditOut]
    next_cursor: str | None = None


def show(customer: Customer) -> CustomerOut:
    """Return the customer as a caller may see it."""
    return CustomerOut.model_validate(customer.model_dump(mode="json"))


@app.get("/v1/customers")
def list_customers(
    limit: api.Limit = 20,
    cursor: api.LongCursor = None,
) -> CustomerPage:
    """List the customers, newest first."""
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
    """Return one customer."""
    return show(runtime.store().customer(api.caller(app).tenant, ref))


@app.get("/v1/customers/<ref>/credit")
def get_credit(ref: api.PathName) -> CreditPage:
    """Return a customer's credit: what was paid too much and may pay another invoice."""
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
    """Return everything that is kept of a customer, as a person may ask for it."""
    kept, following = erasure.export(
        ref, limit=limit, cursor=cursor, caller=api.caller(app), doors=runtime.doors()
    )
    return ExportOut(**kept, next_cursor=following)


@app.post("/v1/customers/<ref>/erase")
def erase_customer(ref: api.PathName) -> Response[ErasureOut]:
    """
    Erase a person, here and at Stripe; amounts and the journal stay. This cannot be undone.

    An erasure that is too large for one request is answered with 202 and goes on by itself.
    """
    found = erasure.erase(ref, caller=api.caller(app), doors=runtime.doors())
    return api.answer(200 if found.ended_at else 202, show_erasure(found))


@app.get("/v1/customers/<ref>/erasure")
def get_erasure(ref: api.PathName) -> ErasureOut:
    """Return how far an erasure has come."""
    return show_erasure(erasure.status(ref, caller=api.caller(app), doors=runtime.doors()))


def show_erasure(found: Erasure) -> ErasureOut:
    """Return the erasure as a caller may see it."""
    return ErasureOut(
        ref=found.customer,
        status=found.status,
        erased_at=found.started_at,
        ended_at=found.ended_at,
        invoices=found.invoices,
        left=list(found.left),
    )
