"""A customer's credit: what was paid too much and may pay another invoice."""

from payments.facts.fact import Fact


class CustomerCredit(Fact):
    """`balance` is the sum of the unapplied amounts of the customer's payments in one currency."""

    tenant: str
    customer: str
    currency: str
    #: A test payment's credit never pays a live invoice.
    mode: str
    balance: int = 0
    version: int = 0
