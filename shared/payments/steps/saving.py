"""Save a card in Stripe's hosted page: the number goes to Stripe and never comes here."""

from contextlib import suppress
from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.table import RowChanged
from payments.errors import StripeUnavailable
from payments.facts.caller import Caller
from payments.facts.customer import Customer
from payments.facts.stripe_objects import FailedAtStripe, OutcomeUnknown
from payments.money import require_currency
from payments.steps.permitting import Permitted, require_use


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """Which module's account the card is saved in, and in which currency it will be charged."""

    module: str
    currency: str = "eur"


def open_setup_session(
    request: SetupRequest, ref: str, *, session_id: str, caller: Caller, doors: Doors
) -> str:
    """Return the address of a hosted page on which the customer saves a card."""
    require_currency(request.currency)
    permitted = require_use(caller, request.module, "charge_saved", doors)
    customer = doors.store.customer(caller.tenant, ref)
    customer.require_enabled()
    gateway = doors.gateway(caller.tenant, permitted.account.id, permitted.mode)
    metadata = {"tenant": caller.tenant, "customer": ref, "setup": session_id}
    back = f"{caller.base_url}/p/saved-card"
    params = {
        "customer": stripe_customer(customer, permitted, gateway, doors),
        "currency": request.currency,
        "metadata": metadata,
        "setup_intent_data": {"metadata": metadata},
        "success_url": back,
        "cancel_url": back,
    }
    try:
        session = gateway.create_setup_session(params, f"{caller.tenant}:{session_id}:setup")
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; no card was asked for.") from None
    return session.url or ""


def stripe_customer(
    customer: Customer, permitted: Permitted, gateway: Gateway, doors: Doors
) -> str:
    """Return the customer's id in this account and mode, and make it there the first time."""
    slot = f"{permitted.account.id}:{permitted.mode}"
    known = customer.stripe_ids.get(slot)
    if known:
        return known
    metadata = {"tenant": customer.tenant, "customer": customer.ref}
    params = {"name": customer.name, "email": customer.email, "metadata": metadata}
    try:
        # The version makes the key: a customer renamed since a lost answer is another request.
        made = gateway.create_customer(
            params, f"{customer.tenant}:{customer.ref}:{slot}:{customer.version}"
        )
    except FailedAtStripe:
        # It would fail for a day under this key: another version makes another one.
        with suppress(RowChanged):
            doors.store.save(customer, customer)
        raise StripeUnavailable("Stripe failed; nothing was charged.") from None
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; nothing was charged.") from None
    try:
        doors.store.save(customer.having(stripe_ids={**customer.stripe_ids, slot: made}), customer)
    except RowChanged:
        customer = doors.store.customer(customer.tenant, customer.ref)
        return stripe_customer(customer, permitted, gateway, doors)
    return made
