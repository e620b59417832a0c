"""A name that only one object of a tenant may have."""

from payments.facts.fact import Fact


class Reservation(Fact):
    """A reserved name: an invoice number, an account's name."""

    tenant: str
    kind: str
    value: str
    holder: str
    version: int = 1
