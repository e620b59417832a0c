"""/v1/customers: who may pay online, and the cards they saved at Stripe."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, Field

from payments.cases import administering
from payments.edge import api, runtime
from payments.facts.customer import Customer
from payments.steps import saving

app = api.new_app()
handler = api.lambda_handler(app)


class PutCustomer(api.Body):
    """Nobody pays online until `online_payment_enabled` says so."""

    name: api.Text
    email: api.Email | None = None
    online_payment_enabled: Annotated[bool, Field(strict=True)] = False


class CustomerOut(BaseModel):
    """A customer under the caller's own reference."""

    ref: str
    name: str
    email: str | None
    online_payment_enabled: bool
    created_at: str


class CreateSetupSession(api.Body):
    """The module decides in which Stripe account the card is saved."""

    module: api.Name
    currency: api.Currency = "eur"


class SetupSessionOut(BaseModel):
    """Where the customer saves a card."""

    url: str


class CardOut(BaseModel):
    """What is known of a saved card: never its number."""

    id: str
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    default: bool


class CardPage(BaseModel):
    """A customer's saved cards; there are few, so there is one page."""

    data: list[CardOut]
    next_cursor: str | None = None


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


@app.put("/v1/customers/<ref>")
def put_customer(ref: api.PathName, body: PutCustomer) -> CustomerOut:
    """Create or replace a customer."""
    put = administering.put_customer(
        ref,
        body.name,
        body.email,
        online_payment_enabled=body.online_payment_enabled,
        caller=api.caller(app),
        doors=runtime.doors(),
    )
    return show(put)


@app.get("/v1/customers/<ref>")
def get_customer(ref: api.PathName) -> CustomerOut:
    """One customer."""
    return show(runtime.store().customer(api.caller(app).tenant, ref))


@app.post("/v1/customers/<ref>/setup-sessions", status_code=201)
def create_setup_session(ref: api.PathName, body: CreateSetupSession) -> Response[SetupSessionOut]:
    """Open a hosted page on which the customer saves a card."""
    caller, doors = api.caller(app), runtime.doors()
    request = saving.SetupRequest(body.module, body.currency)

    def open_page(session_id: str) -> SetupSessionOut:
        url = saving.open_setup_session(
            request, ref, session_id=session_id, caller=caller, doors=doors
        )
        return SetupSessionOut(url=url)

    return api.answer_once(app, "set", 201, open_page, moves_money=False)


@app.get("/v1/customers/<ref>/payment-methods")
def list_cards(ref: api.PathName) -> CardPage:
    """List the customer's saved cards."""
    tenant, store = api.caller(app).tenant, runtime.store()
    customer = store.customer(tenant, ref)
    cards = [
        CardOut(**card.model_dump(), default=card.id == customer.default_payment_method)
        for card in store.cards(tenant, ref)
    ]
    return CardPage(data=cards)


@app.get("/v1/customers/<ref>/credit")
def get_credit(ref: api.PathName) -> CreditPage:
    """Return what the customer has paid too much, and may use for another invoice."""
    store, tenant = runtime.store(), api.caller(app).tenant
    store.customer(tenant, ref)
    held = store.credits(tenant, ref)
    return CreditPage(data=[CreditOut(**credit.model_dump()) for credit in held])
