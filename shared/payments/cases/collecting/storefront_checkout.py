"""A storefront's checkout: open Stripe's page or the storefront's own, and follow the attempt."""

from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.errors import (
    AmountChanged,
    PaymentCanceled,
    StripeUnavailable,
    require_found,
)
from payments.facts.attempt import SWEEP_AFTER, Attempt, AttemptStatus, Channel
from payments.facts.caller import Caller
from payments.facts.customer import Customer
from payments.facts.invoice import Invoice
from payments.facts.module import PaymentModule
from payments.facts.origin import require_return_url
from payments.facts.outcome import OutcomeUnknown
from payments.facts.settings import Settings
from payments.steps.attempts.provenance import UNSETTLED
from payments.steps.attempts.transitions import latest
from payments.steps.collecting.claims import claim
from payments.steps.collecting.close_attempt import close
from payments.steps.collecting.open_checkout import open_intent, open_session
from payments.steps.customers.card_setup import stripe_customer
from payments.steps.modules.permissions import (
    Permitted,
    module_of,
    require_permitted,
    require_same_books,
)
from payments.steps.modules.velocity_limits import count_attempt, count_look
from payments.steps.payments.apply_payment import apply_own_intent, apply_own_session

_S = AttemptStatus


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """
    What a storefront wants to be paid, in minor units, and where the payer goes afterwards.

    None means all that is collectable. `expected` is only compared: a price never comes from
    outside. `attempt` belongs to the request: a repeat goes on where the request stopped.
    """

    invoice: str
    attempt: str
    module: str | None = None
    amount: int | None = None
    expected: int | None = None
    success_url: str | None = None
    cancel_url: str | None = None
    locale: str | None = None
    save_card: bool = False
    consent_text: str | None = None


@dataclass(frozen=True, slots=True)
class BrowserKeys:
    """What a browser needs to speak to Stripe; nothing of it is a secret."""

    publishable_key: str
    stripe_account: str | None


@dataclass(frozen=True, slots=True)
class PublicConfig:
    """What a storefront shows before a payer pays."""

    module: PaymentModule
    mode: str
    keys: BrowserKeys
    settings: Settings


def open_checkout(
    request: CheckoutRequest, *, local: bool, caller: Caller, doors: Doors
) -> Attempt:
    """Return an attempt with a hosted session; an older page of the payer is closed first."""
    origins = doors.store.settings(caller.tenant).return_origins
    for url in (request.success_url or "", request.cancel_url or ""):
        require_return_url(url, origins, local=local)
    return _open(request, Channel.CHECKOUT, caller, doors)


def open_elements(request: CheckoutRequest, *, caller: Caller, doors: Doors) -> Attempt:
    """Return an attempt whose PaymentIntent the payer confirms in the storefront's own page."""
    return _open(request, Channel.ELEMENTS, caller, doors)


def opened(invoice: str, attempt_id: str, *, caller: Caller, doors: Doors) -> Attempt:
    """Return an attempt that was opened just now; an index by its id may not show it yet."""
    return require_found(doors.store.attempt(caller.tenant, invoice, attempt_id), "attempt")


def client_secret(attempt: Attempt, doors: Doors) -> str:
    """Return the secret with which a browser confirms the PaymentIntent; it is never stored."""
    gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
    return gateway.intent(attempt.payment_intent or "").client_secret or ""


def browser_keys(attempt: Attempt, doors: Doors) -> BrowserKeys:
    """Return the keys that the payer's browser needs for this attempt."""
    return _keys(attempt.tenant, attempt.account, attempt.mode, doors)


def public_config(module_id: str, *, caller: Caller, doors: Doors) -> PublicConfig:
    """Return what a storefront needs before there is anything to pay."""
    permitted = require_permitted(doors.store.module(caller.tenant, module_id), doors)
    keys = _keys(caller.tenant, permitted.account.id, permitted.mode, doors)
    return PublicConfig(permitted.module, permitted.mode, keys, doors.store.settings(caller.tenant))


def refresh(attempt_id: str, *, caller: Caller, doors: Doors) -> Attempt:
    """
    Ask Stripe for an attempt's status, unless it was asked just now, and return the attempt.

    If Stripe does not answer, the attempt is returned unchanged.
    """
    attempt = doors.store.named(Attempt, caller.tenant, attempt_id)
    if not attempt.is_open or not count_look(attempt, doors):
        return attempt
    try:
        _ask(attempt, doors)
    except UNSETTLED:
        return attempt
    return latest(attempt, doors)


def cancel(attempt_id: str, *, caller: Caller, doors: Doors) -> Attempt:
    """
    Close an attempt at Stripe and return it.

    It is paid, if the payer was quicker, or `processing`, where Stripe can no longer stop it.
    """
    attempt = doors.store.named(Attempt, caller.tenant, attempt_id)
    if not attempt.is_open or attempt.status is _S.PROCESSING:
        return attempt
    try:
        return close(attempt, doors)
    except OutcomeUnknown:
        raise StripeUnavailable(
            "Stripe did not say whether it is closed; ask again.", attempt_id=attempt.id
        ) from None


def _open(request: CheckoutRequest, channel: Channel, caller: Caller, doors: Doors) -> Attempt:
    attempt, (invoice,) = doors.store.begun(caller.tenant, request.attempt, request.invoice)
    if not attempt:
        attempt = _claim(request, invoice, channel, caller, doors)
    if attempt.status is _S.CREATED:
        gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
        ask_stripe = open_session if channel.has_session else open_intent
        attempt = ask_stripe(invoice, attempt, gateway, doors)
    if not attempt.is_open and attempt.status is not _S.SUCCEEDED:
        detail = "The attempt was given up before anybody could pay. No money moved; begin again."
        raise PaymentCanceled(detail, attempt_id=attempt.id)
    return attempt


def _claim(
    request: CheckoutRequest, invoice: Invoice, channel: Channel, caller: Caller, doors: Doors
) -> Attempt:
    permitted, customer = _require_permitted(request, invoice, caller, doors)
    count_attempt(request.attempt, permitted.module, {"customer": customer.ref}, doors=doors)
    gateway = doors.gateway(caller.tenant, permitted.account.id, permitted.mode)
    stripe_id = stripe_customer(customer, permitted, gateway, doors)

    def propose(found: list[Invoice]) -> Attempt:
        (seen,) = found
        money = seen.require_collectable(request.amount)
        return Attempt(
            **permitted.binds(money),
            id=request.attempt,
            invoice=seen.id,
            customer=customer.ref,
            channel=channel,
            created_at=doors.now(),
            sweep_at=doors.now() + SWEEP_AFTER,
            stripe_customer=stripe_id,
            success_url=request.success_url,
            cancel_url=request.cancel_url,
            locale=request.locale,
            save_card=request.save_card,
            consent_text=request.consent_text,
        )

    return claim([invoice], propose, supersede=True, doors=doors)


def _require_permitted(
    request: CheckoutRequest, invoice: Invoice, caller: Caller, doors: Doors
) -> tuple[Permitted, Customer]:
    name = module_of(invoice, request.module)
    module, customer = doors.store.module_and_customer(caller.tenant, name, invoice.customer)
    permitted = require_permitted(module, doors)
    require_same_books(invoice, permitted)
    customer.require_enabled()
    _require_amount(request, invoice, permitted)
    return permitted, customer


def _require_amount(request: CheckoutRequest, invoice: Invoice, permitted: Permitted) -> None:
    """Refuse an impossible payment before an older page is closed for it."""
    money = invoice.require_collectable(request.amount, beside=invoice.reserved)
    left = invoice.collectable + invoice.reserved
    permitted.require_money(money, left - money.amount)
    if money.amount < invoice.outstanding:
        permitted.module.require("partial")
    if request.save_card:
        permitted.module.require("charge_saved")
    if request.expected is not None and request.expected != money.amount:
        raise AmountChanged(f"What is to be paid is {money}.", amount=money.amount)


def _keys(tenant: str, account_id: str, mode: str, doors: Doors) -> BrowserKeys:
    account = doors.store.account(tenant, account_id)
    slot = account.slots.get(mode)
    if account.method == "api_keys" and slot and slot.publishable_key:
        return BrowserKeys(slot.publishable_key, None)
    connection = doors.store.find_connection(tenant, account_id, mode)
    stripe_account = connection.stripe_account if connection else account.stripe_account
    return BrowserKeys(doors.platform_keys(mode)["publishable_key"], stripe_account)


def _ask(attempt: Attempt, doors: Doors) -> None:
    gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
    if attempt.session:
        apply_own_session(attempt, gateway.session(attempt.session), doors)
    elif attempt.payment_intent:
        apply_own_intent(attempt, gateway.intent(attempt.payment_intent), doors)
