"""/v1/customers: who may pay online, and the cards they saved at Stripe."""

from datetime import datetime
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, Field

from payments.cases import administering, carding
from payments.edge import api, runtime
from payments.facts.customer import CardStatus, Customer, SavedMethod
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


class CustomerPage(BaseModel):
    """A page of customers."""

    data: list[CustomerOut]
    next_cursor: str | None


class CreateSetupSession(api.Body):
    """
    The module decides in which Stripe account the card is saved.

    `hosted` answers with the address of Stripe's page, `elements` with what Stripe's own form needs
    in yours. `consent_text` names the text to which the customer agrees, where it is your own.
    """

    module: api.Name
    currency: api.Currency = "eur"
    ui: Literal["hosted", "elements"] = "hosted"
    consent_text: api.Name | None = None


class SetupSessionOut(BaseModel):
    """Where the customer saves a card."""

    url: str


class SetupElementsOut(BaseModel):
    """
    What Stripe's Elements save a card with.

    `stripe_account` is for Stripe.js, where the account is connected through the platform.
    """

    setup_intent: str
    client_secret: str | None = None
    publishable_key: str
    stripe_account: str | None


class ConsentOut(BaseModel):
    """When the customer agreed, to which text, and Stripe's own record of it."""

    setup_intent: str
    at: datetime
    text: str | None


class CardOut(BaseModel):
    """What is known of a saved card: never its number."""

    id: str
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    default: bool
    status: CardStatus
    consent: ConsentOut


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


def show_card(card: SavedMethod, customer: Customer) -> CardOut:
    """Return what a caller may see of a saved card."""
    consent = ConsentOut(
        setup_intent=card.setup_intent, at=card.consented_at, text=card.consent_text
    )
    default = card.id == customer.default_payment_method
    return CardOut(**card.model_dump(), default=default, consent=consent)


@app.get("/v1/customers")
def list_customers(
    limit: Annotated[int, Query(ge=1, le=api.PAGE_MAX)] = 20,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> CustomerPage:
    """Newest first."""
    customers, following = runtime.store().page(
        Customer, api.caller(app).tenant, limit=limit, cursor=cursor
    )
    return CustomerPage(data=[show(customer) for customer in customers], next_cursor=following)


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
def create_setup_session(
    ref: api.PathName, body: CreateSetupSession
) -> Response[SetupSessionOut | SetupElementsOut]:
    """Let the customer save a card: in Stripe's page, or in Elements in the caller's own."""
    caller, doors = api.caller(app), runtime.doors()
    request = saving.SetupRequest(body.module, body.currency, body.consent_text)
    secrets: dict[str, str] = {}

    def open_page(session_id: str) -> SetupSessionOut | SetupElementsOut:
        if body.ui == "hosted":
            url = saving.open_setup_session(
                request, ref, session_id=session_id, caller=caller, doors=doors
            )
            return SetupSessionOut(url=url)
        made = saving.open_setup_intent(
            request, ref, session_id=session_id, caller=caller, doors=doors
        )
        secrets[made.setup_intent] = made.client_secret
        return SetupElementsOut(
            setup_intent=made.setup_intent,
            publishable_key=made.publishable_key,
            stripe_account=made.stripe_account,
        )

    def tell(kept: dict[str, Any]) -> dict[str, Any]:
        name = kept.get("setup_intent")
        if not name:
            return kept
        secret = secrets.get(name) or saving.client_secret(
            name, body.module, caller=caller, doors=doors
        )
        return kept | {"client_secret": secret}

    return api.answer_once(app, "set", 201, open_page, moves_money=False, tell=tell)


@app.get("/v1/customers/<ref>/payment-methods")
def list_cards(ref: api.PathName) -> CardPage:
    """List the customer's saved cards."""
    tenant, store = api.caller(app).tenant, runtime.store()
    customer = store.customer(tenant, ref)
    kept = [card for card in store.cards(tenant, ref) if card.status is not CardStatus.DETACHED]
    return CardPage(data=[show_card(card, customer) for card in kept])


@app.post("/v1/customers/<ref>/payment-methods/<payment_method>/default")
def make_default(ref: api.PathName, payment_method: api.PathName) -> CardOut:
    """Charge this card where a request names none."""
    caller, doors = api.caller(app), runtime.doors()
    return show_card(*carding.make_default(ref, payment_method, caller=caller, doors=doors))


@app.delete("/v1/customers/<ref>/payment-methods/<payment_method>")
def detach_card(ref: api.PathName, payment_method: api.PathName) -> CardOut:
    """Take a card away for good, here and at Stripe; refused while a payment with it is open."""
    caller, doors = api.caller(app), runtime.doors()
    card = carding.detach(ref, payment_method, caller=caller, doors=doors)
    return show_card(card, doors.store.customer(caller.tenant, ref))


@app.get("/v1/customers/<ref>/credit")
def get_credit(ref: api.PathName) -> CreditPage:
    """Return what the customer has paid too much, and may use for another invoice."""
    store, tenant = runtime.store(), api.caller(app).tenant
    store.customer(tenant, ref)
    held = store.credits(tenant, ref)
    return CreditPage(data=[CreditOut(**credit.model_dump()) for credit in held])
