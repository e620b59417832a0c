"""What Stripe knows of a customer: the name and address known here, and whether they are there."""

from contextlib import suppress

from payments.doors.doors import Doors
from payments.errors import PaymentsError, StripeRequestRefused
from payments.facts.customer import Customer
from payments.facts.outcome import OutcomeUnknown
from payments.steps.attempts.provenance import Slot
from payments.steps.customers.stripe_changes import forget_customer
from payments.steps.retry import retrying


def tell_stripe(customer: Customer, doors: Doors) -> Customer:
    """
    Tell each account that knows an older name or address, and return the customer as stored then.

    Where Stripe does not take it now, it is told when the customer pays there next.
    """
    for where in customer.stale:
        account, _, mode = where.partition(":")
        customer = told(customer, Slot(customer.tenant, account, mode), doors)
    return customer


def told(customer: Customer, slot: Slot, doors: Doors) -> Customer:
    """Return the customer once Stripe has their name and address; unchanged without an answer."""
    if slot.where not in customer.stale:
        return customer
    with suppress(PaymentsError, OutcomeUnknown):
        return _tell(customer, slot, doors)
    return customer


def _tell(customer: Customer, slot: Slot, doors: Doors) -> Customer:
    gateway = doors.gateway(slot.tenant, slot.account, slot.mode)
    known = customer.stripe_ids.get(slot.where)
    if known:
        try:
            gateway.update_customer(known, customer.name, customer.email)
        except StripeRequestRefused as refusal:
            if refusal.members.get("stripe_code") != "resource_missing":
                raise
            forget_customer(customer.ref, known, slot, doors)

    def step() -> Customer:
        seen = doors.store.customer(customer.tenant, customer.ref)
        if (seen.name, seen.email) != (customer.name, customer.email):
            return seen
        return doors.store.save(seen.fresh_at(slot.where), seen)

    return retrying(step, doors, "The customer kept changing; Stripe is told again.")
