"""A storefront's checkout: hosted sessions, PaymentIntents, and the state of an attempt."""

from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, Field

from payments import config
from payments.cases.collecting import storefront_checkout
from payments.edge import api, runtime
from payments.facts.attempt import Attempt

app = api.new_app()
handler = api.lambda_handler(app)

Url = Annotated[str, Field(min_length=1, max_length=2000)]
Language = Annotated[str, Field(pattern=r"^(de|en|es|fr|ja|pt)$")]
Flag = Annotated[bool, Field(strict=True)]


class OpenSession(api.Body):
    """
    `amount` is in the invoice's minor units; without it, all that is collectable is asked for.

    The addresses have to begin with one of the settings' `return_origins`. `expected_amount` is
    only compared. `save_card` keeps the card for later charges; `consent_text` names your own text
    to which the payer agrees.
    """

    success_url: Url
    cancel_url: Url
    module: api.Name | None = None
    amount: api.Amount | None = None
    expected_amount: api.Amount | None = None
    locale: Language | None = None
    save_card: Flag = False
    consent_text: api.Name | None = None


class OpenIntent(api.Body):
    """Opens a payment in a page of the storefront's own, which confirms it with Stripe.js."""

    module: api.Name | None = None
    amount: api.Amount | None = None
    expected_amount: api.Amount | None = None
    save_card: Flag = False
    consent_text: api.Name | None = None


class SessionOut(BaseModel):
    """`url` is Stripe's page; lead the payer there."""

    attempt_id: str
    url: str | None
    expires_at: datetime


class KeptIntent(BaseModel):
    """The stored part of an answer."""

    attempt_id: str
    invoice: str


class IntentOut(BaseModel):
    """What Stripe.js needs; `stripe_account` only for an account connected through the platform."""

    attempt_id: str
    client_secret: str
    publishable_key: str
    stripe_account: str | None


class StandingOut(BaseModel):
    """The state of an attempt and of its invoice."""

    id: str
    invoice: str
    status: str
    channel: str
    amount: int
    currency: str
    url: str | None
    decline: dict[str, Any] | None
    confirm_by: datetime | None
    created_at: datetime
    invoice_status: str
    outstanding: int


class MerchantOut(BaseModel):
    """How the merchant presents itself."""

    name: str | None
    logo: str | None
    colour: str | None


class ConfigOut(BaseModel):
    """What a storefront's page may know; nothing of it is a secret."""

    module: str
    mode: str
    publishable_key: str
    stripe_account: str | None
    methods: list[str]
    currencies: list[str]
    merchant: MerchantOut


@app.get("/v1/payment-modules/<module_id>/public-config")
def get_public_config(module_id: api.PathName) -> Response[ConfigOut]:
    """Return what a storefront needs before there is anything to pay."""
    found = storefront_checkout.public_config(
        module_id, caller=api.caller(app), doors=runtime.doors()
    )
    shown = ConfigOut(
        module=found.module.id,
        mode=found.mode,
        publishable_key=found.keys.publishable_key,
        stripe_account=found.keys.stripe_account,
        methods=list(found.module.terms.methods),
        currencies=list(found.module.terms.currencies),
        merchant=MerchantOut.model_validate(found.settings, from_attributes=True),
    )
    return api.answer(200, shown)


@app.post("/v1/invoices/<invoice_id>/checkout-sessions", status_code=201)
def open_session(invoice_id: api.PathName, body: OpenSession) -> Response[SessionOut]:
    """Open Stripe's hosted page for an invoice; an older page is closed first."""
    caller, doors = api.caller(app), runtime.doors()
    local = config.settings().stage == "local"

    def create(attempt_id: str) -> SessionOut:
        request = _request(body, invoice_id, attempt_id)
        attempt = storefront_checkout.open_checkout(
            request, local=local, caller=caller, doors=doors
        )
        ends = attempt.session_expires_at()
        return SessionOut(attempt_id=attempt.id, url=attempt.session_url, expires_at=ends)

    return api.answer_once(app, "att", 201, create)


@app.post("/v1/invoices/<invoice_id>/payment-intents", status_code=201)
def open_intent(invoice_id: api.PathName, body: OpenIntent) -> Response[IntentOut]:
    """Open a PaymentIntent that the payer confirms in the storefront's own page."""
    caller, doors = api.caller(app), runtime.doors()

    def create(attempt_id: str) -> KeptIntent:
        request = _request(body, invoice_id, attempt_id)
        attempt = storefront_checkout.open_elements(request, caller=caller, doors=doors)
        return KeptIntent(attempt_id=attempt.id, invoice=attempt.invoice)

    def tell(kept: dict[str, Any]) -> dict[str, Any]:
        attempt = storefront_checkout.opened(
            kept["invoice"], kept["attempt_id"], caller=caller, doors=doors
        )
        keys = storefront_checkout.browser_keys(attempt, doors)
        shown = IntentOut(
            attempt_id=attempt.id,
            client_secret=storefront_checkout.client_secret(attempt, doors),
            publishable_key=keys.publishable_key,
            stripe_account=keys.stripe_account,
        )
        return shown.model_dump(mode="json")

    return api.answer_once(app, "att", 201, create, tell=tell)


@app.get("/v1/attempts/<attempt_id>")
def get_attempt(attempt_id: api.PathName) -> Response[StandingOut]:
    """Return the state of an attempt as it is stored; Stripe is not asked."""
    return _answer(runtime.store().named(Attempt, api.caller(app).tenant, attempt_id))


@app.post("/v1/attempts/<attempt_id>/refresh")
def refresh_attempt(attempt_id: api.PathName) -> Response[StandingOut]:
    """Ask Stripe for an attempt's state; a return page that polls this needs no webhook."""
    return _answer(
        storefront_checkout.refresh(attempt_id, caller=api.caller(app), doors=runtime.doors())
    )


@app.post("/v1/attempts/<attempt_id>/cancel")
def cancel_attempt(attempt_id: api.PathName) -> Response[StandingOut]:
    """Close an attempt at Stripe; the answer says whether the payer was quicker."""
    return _answer(
        storefront_checkout.cancel(attempt_id, caller=api.caller(app), doors=runtime.doors())
    )


def _request(
    body: OpenSession | OpenIntent, invoice_id: str, attempt_id: str
) -> storefront_checkout.CheckoutRequest:
    asked = body.model_dump()
    expected = asked.pop("expected_amount")
    return storefront_checkout.CheckoutRequest(invoice_id, attempt_id, expected=expected, **asked)


def _answer(attempt: Attempt) -> Response[StandingOut]:
    invoice = runtime.store().invoice(attempt.tenant, attempt.invoice)
    shown = StandingOut(
        **attempt.model_dump(mode="json", include=set(StandingOut.model_fields)),
        url=attempt.session_url if attempt.is_open else None,
        invoice_status=invoice.status,
        outstanding=invoice.outstanding,
    )
    return api.answer(200, shown)
