"""Compare a tenant's books, as the API tells them, with the stand-in's truth."""

from dataclasses import dataclass
from typing import Any

from local.client import Client

Fact = tuple[str, int, str, int | None]


@dataclass(frozen=True)
class Comparison:
    """Each payment as (charge, gross, currency, fee); what only one side has is a difference."""

    ours: set[Fact]
    theirs: set[Fact]

    @property
    def differences(self) -> set[Fact]:
        return self.ours ^ self.theirs

    @property
    def total(self) -> int:
        return sum(gross for _, gross, _, _ in self.ours)


def compare_books(api: Client, stripe: Client, account: str) -> Comparison:
    """Compare every payment of every invoice with every charge that Stripe was paid."""
    truth = stripe.get(f"/_control/truth?account={account}").json
    fees = {entry["id"]: entry["fee"] for entry in truth["balance_transactions"]}
    theirs = {
        (charge["id"], charge["amount"], charge["currency"], fees[charge["balance_transaction"]])
        for charge in truth["charges"]
        if charge["paid"]
    }
    return Comparison({_fact(invoice, paid) for invoice, paid in payments(api)}, theirs)


def payments(api: Client) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return every payment of the tenant with its invoice."""
    found, cursor = [], ""
    while True:
        page = api.get(f"/v1/invoices?limit=100{cursor}").json
        for entry in page["data"]:
            invoice = api.get(f"/v1/invoices/{entry['id']}").json
            found += [(invoice, paid) for paid in invoice["payments"]]
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def _fact(invoice: dict[str, Any], paid: dict[str, Any]) -> Fact:
    currency = invoice["amounts"]["currency"]
    return paid["note"]["charge"], paid["gross"], currency, paid["fee"]["amount"]
