"""Below /v1/customers/{ref}: a customer's saved cards at Stripe, and how a card is saved."""

from datetime import datetime
from typing import Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel

from payments.cases.customers import saved_cards
from payments.edge import api, runtime
from payments.facts.customer import CardStatus, Customer, SavedMethod
from payments.steps.customers import card_setup

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


class CreateSetupSession(api.Body):
    """
    The module decides in which Stripe account the card is saved.

    `hosted` answers with the address of Stripe's page, `elements` with what Stripe's own form needs
    in yours. `consent_text` names your own text to which the customer agrees.
    """

    module: api.Name
    currency: api.Currency = "eur"
    ui: Literal["hosted", "elements"] = "hosted"
    consent_text: api.Name | None = None


class SetupSessionOut(BaseModel):
    """The address of the page on which the customer saves a card."""

    url: str


class SetupElementsOut(BaseModel):
    """
    What Stripe's Elements need to save a card.

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
    """The description of a saved card, without its number."""

    id: str
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    default: bool
    status: CardStatus
    consent: ConsentOut


class CardPage(BaseModel):
    """A customer's saved cards; it is always a single page."""

    data: list[CardOut]
    next_cursor: str | None = None


def show_card(card: SavedMethod, customer: Customer) -> CardOut:
    """Return the card as a caller may see it."""
    consent = ConsentOut(
        setup_intent=card.setup_intent, at=card.consented_at, text=card.consent_text
    )
    default = card.id == customer.default_payment_method
    return CardOut(**card.model_dump(), default=default, consent=consent)


@router.post("/v1/customers/<ref>/setup-sessions", status_code=201)
def create_setup_session(
    ref: api.PathName, body: CreateSetupSession
) -> Response[SetupSessionOut | SetupElementsOut]:
    """Let a customer save a card: in Stripe's page, or in Elements in the caller's own."""
    caller, doors = api.caller(router), runtime.doors()
    request = card_setup.SetupRequest(body.module, body.currency, body.consent_text)
    secrets: dict[str, str] = {}

    def open_page(session_id: str) -> SetupSessionOut | SetupElementsOut:
        if body.ui == "hosted":
            url = card_setup.open_setup_session(
                request, ref, session_id=session_id, caller=caller, doors=doors
            )
            return SetupSessionOut(url=url)
        made = card_setup.open_setup_intent(
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
        secret = secrets.get(name) or card_setup.client_secret(
            name, body.module, caller=caller, doors=doors
        )
        return kept | {"client_secret": secret}

    return api.answer_once(router, "set", 201, open_page, moves_money=False, tell=tell)


@router.get("/v1/customers/<ref>/payment-methods")
def list_cards(ref: api.PathName) -> CardPage:
    """List a customer's saved cards."""
    tenant, store = api.caller(router).tenant, runtime.store()
    customer = store.customer(tenant, ref)
    kept = [card for card in store.cards(tenant, ref) if card.status is not CardStatus.DETACHED]
    return CardPage(data=[show_card(card, customer) for card in kept])


@router.post("/v1/customers/<ref>/payment-methods/<payment_method>/default")
def make_default(ref: api.PathName, payment_method: api.PathName) -> CardOut:
    """Make a card the one that is charged where a request names none."""
    caller, doors = api.caller(router), runtime.doors()
    return show_card(*saved_cards.make_default(ref, payment_method, caller=caller, doors=doors))


@router.delete("/v1/customers/<ref>/payment-methods/<payment_method>")
def detach_card(ref: api.PathName, payment_method: api.PathName) -> CardOut:
    """Remove a card for good, here and at Stripe; refused while a payment with it is open."""
    caller, doors = api.caller(router), runtime.doors()
    card = saved_cards.detach(ref, payment_method, caller=caller, doors=doors)
    return show_card(card, doors.store.customer(caller.tenant, ref))
