"""What a customer has paid too much, and may use for another invoice."""

from payments.facts.fact import Fact


class CustomerCredit(Fact):
    """`balance` is the sum of what is unapplied of the customer's payments in one currency."""

    tenant: str
    customer: str
    currency: str
    #: A test payment's credit never pays a live invoice.
    mode: str
    balance: int = 0
    version: int = 0
