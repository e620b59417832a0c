"""A name that only one object of a tenant may have."""

from payments.facts.fact import Fact

#: Of what Stripe has: a PaymentIntent is its attempt's, a customer and a card are a customer's.
INTENT, STRIPE_CUSTOMER, CARD = "SPI", "SCU", "PM"


class Reservation(Fact):
    """A reserved name: an invoice number, an account's name."""

    tenant: str
    kind: str
    value: str
    holder: str
    version: int = 1
