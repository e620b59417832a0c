"""Save a card by Stripe's page or Elements: the card number goes to Stripe and never comes here."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.store import change
from payments.doors.table import RowChanged
from payments.errors import (
    CustomerRefused,
    PaymentsError,
    StripeRequestRefused,
    StripeUnavailable,
)
from payments.facts.caller import Caller
from payments.facts.customer import Customer
from payments.facts.outcome import FailedAtStripe, OutcomeUnknown
from payments.facts.reservation import STRIPE_CUSTOMER, Reservation
from payments.facts.stripe_objects import SetupIntent
from payments.money import require_currency
from payments.steps.attempts.provenance import Slot
from payments.steps.customers.stripe_changes import forget_customer
from payments.steps.customers.told_stripe import told
from payments.steps.modules.permissions import Permitted, require_ready, require_use
from payments.steps.notifications.mail_problems import customer_refused
from payments.steps.retry import retrying

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """
    The module whose account the card is saved in, and the currency of later charges.

    `consent_text` names the text that the customer agrees to; without it, Stripe's own text is
    meant.
    """

    module: str
    currency: str = "eur"
    consent_text: str | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """What a storefront needs to let Stripe's Elements save a card."""

    setup_intent: str
    client_secret: str
    publishable_key: str
    stripe_account: str | None


@dataclass(frozen=True, slots=True)
class _Asked:
    permitted: Permitted
    gateway: Gateway
    stripe_customer: str
    metadata: dict[str, str]


def open_setup_session(
    request: SetupRequest, ref: str, *, session_id: str, caller: Caller, doors: Doors
) -> str:
    """Return the address of Stripe's page on which the customer saves a card."""
    asked = _prepare(
        request, ref, "stripe_checkout", session_id=session_id, caller=caller, doors=doors
    )
    metadata, back = asked.metadata, f"{caller.base_url}/p/saved-card"
    params = {
        "customer": asked.stripe_customer,
        "currency": request.currency,
        "metadata": metadata,
        "setup_intent_data": {"metadata": metadata},
        "success_url": back,
        "cancel_url": back,
    }
    key = f"{caller.tenant}:{session_id}:setup"
    return _asked_for(asked, asked.gateway.create_setup_session, params, key, doors).url or ""


def open_setup_intent(
    request: SetupRequest, ref: str, *, session_id: str, caller: Caller, doors: Doors
) -> Setup:
    """Return what Stripe's Elements need to save a card in the storefront's own page."""
    asked = _prepare(
        request, ref, "stripe_payment_element", session_id=session_id, caller=caller, doors=doors
    )
    params = {
        "customer": asked.stripe_customer,
        "usage": "off_session",
        "automatic_payment_methods": {"enabled": True},
        "metadata": asked.metadata,
    }
    key = f"{caller.tenant}:{session_id}:setup"

    def create(given: Mapping[str, Any], name: str) -> SetupIntent:
        return asked.gateway.create_setup_intent(name, given)

    made = _asked_for(asked, create, params, key, doors)
    account, mode = asked.permitted.account, asked.permitted.mode
    own = account.slot(mode).publishable_key
    return Setup(
        setup_intent=made.id,
        client_secret=made.client_secret or "",
        publishable_key=own or doors.platform_keys(mode)["publishable_key"],
        stripe_account=None if own else account.stripe_account,
    )


def _asked_for(
    asked: _Asked,
    create: Callable[[Mapping[str, Any], str], T],
    params: dict[str, Any],
    key: str,
    doors: Doors,
) -> T:
    """Return what is made for a customer; where Stripe has them no more, they are made anew."""
    try:
        try:
            return create(params, key)
        except StripeRequestRefused as refusal:
            if not refusal.misses("customer"):
                raise
            gone, ref = asked.stripe_customer, asked.metadata["customer"]
            slot = Slot(asked.metadata["tenant"], asked.permitted.account.id, asked.permitted.mode)
            made = renewed_customer(ref, gone, slot, asked.gateway, doors)
            return create(params | {"customer": made}, f"{key}:again")
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; no card was asked for.") from None


def client_secret(setup_intent: str, module: str, *, caller: Caller, doors: Doors) -> str:
    """
    Return the secret of an earlier SetupIntent.

    Stripe is asked for it, since no row holds it.
    """
    permitted = require_ready(doors.store.module(caller.tenant, module), "charge_saved", doors)
    gateway = doors.gateway(caller.tenant, permitted.account.id, permitted.mode)
    return gateway.setup_intent(setup_intent).client_secret or ""


def _prepare(
    request: SetupRequest, ref: str, text: str, *, session_id: str, caller: Caller, doors: Doors
) -> _Asked:
    require_currency(request.currency)
    permitted, customer = require_use(caller.tenant, request.module, "charge_saved", ref, doors)
    customer.require_enabled()
    gateway = doors.gateway(caller.tenant, permitted.account.id, permitted.mode)
    metadata = {
        "tenant": caller.tenant,
        "customer": ref,
        "account": permitted.account.id,
        "setup": session_id,
        "consent_text": request.consent_text or text,
    }
    return _Asked(
        permitted, gateway, stripe_customer(customer, permitted, gateway, doors), metadata
    )


def stripe_customer(
    customer: Customer, permitted: Permitted, gateway: Gateway, doors: Doors
) -> str:
    """
    Return the customer's id in this account and mode; the first call makes it at Stripe.

    Raise CustomerErased for a person who was erased while Stripe made the customer.
    """
    return customer_in(
        customer, Slot(customer.tenant, permitted.account.id, permitted.mode), gateway, doors
    )


def customer_in(customer: Customer, where: Slot, gateway: Gateway, doors: Doors) -> str:
    """Return the same; `where` says in which account and mode."""
    slot, customer = where.where, told(customer, where, doors)
    known = customer.stripe_ids.get(slot)
    if known:
        return known
    made = _create_customer(customer, slot, gateway, doors)
    name = Reservation(
        tenant=customer.tenant, kind=STRIPE_CUSTOMER, value=f"{slot}:{made}", holder=customer.ref
    )
    # The row that the caller has just read serves for the first try, at its version.
    read = [customer]

    def step() -> str:
        seen = read.pop() if read else doors.store.customer(customer.tenant, customer.ref)
        if seen.erased_at:
            _take_back(made, gateway)
        seen.require_known()
        if slot in seen.stripe_ids:
            return seen.stripe_ids[slot]
        known_as = seen.having(stripe_ids={**seen.stripe_ids, slot: made})
        if (seen.name, seen.email) != (customer.name, customer.email):
            # Renamed while Stripe was told of them.
            known_as = known_as.having(stale=(*seen.stale, slot))
        doors.store.write(change(known_as, seen), change(name))
        return made

    return retrying(step, doors, detail="The customer kept changing; nothing was charged.")


def renewed_customer(ref: str, gone: str, slot: Slot, gateway: Gateway, doors: Doors) -> str:
    """Return a new customer at Stripe in place of one that is not there any more."""
    forget_customer(ref, gone, slot, doors)
    return customer_in(doors.store.customer(slot.tenant, ref), slot, gateway, doors)


def _create_customer(customer: Customer, slot: str, gateway: Gateway, doors: Doors) -> str:
    metadata = {"tenant": customer.tenant, "customer": customer.ref}
    params = {"name": customer.name, "email": customer.email, "metadata": metadata}
    try:
        # The version makes the key: after a change of name, a repeat is another request.
        return gateway.create_customer(
            params, f"{customer.tenant}:{customer.ref}:{slot}:{customer.version}"
        )
    except StripeRequestRefused as refusal:
        raise _refused_customer(customer, refusal, doors) from None
    except FailedAtStripe:
        # Stripe repeats the failure under this key for a day; another version makes another key.
        with suppress(RowChanged):
            doors.store.save(customer, customer)
        raise StripeUnavailable("Stripe failed; nothing was charged.") from None
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; nothing was charged.") from None


def _refused_customer(
    customer: Customer, refusal: StripeRequestRefused, doors: Doors
) -> PaymentsError:
    """Return which field Stripe refuses, of which the merchant is told as well."""
    field, code = refusal.members.get("param"), refusal.members.get("stripe_code")
    if field not in {"email", "name"}:
        return refusal
    told = customer_refused(customer, field, code or "refused", doors)
    with suppress(RowChanged):
        doors.store.write(told)
    return CustomerRefused(
        f"Stripe refuses the {_FIELDS[field]} of customer {customer.ref}: correct it with PUT "
        f"/v1/customers/{customer.ref}. Nothing was charged.",
        customer=customer.ref,
        field=field,
        stripe_code=code,
    )


_FIELDS = {"email": "e-mail address", "name": "name"}


def _take_back(made: str, gateway: Gateway) -> None:
    """Delete a customer at Stripe to whom none of our rows would lead."""
    try:
        gateway.delete_customer(made)
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; nothing was charged.") from None
