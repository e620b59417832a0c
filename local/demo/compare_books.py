"""Compare a tenant's books, as the API tells them, with the stand-in's truth."""

from dataclasses import dataclass
from typing import Any

from local.stack.client import Client

Fact = tuple[str, int, str, int | None]


@dataclass(frozen=True)
class Comparison:
    """
    Each payment as (charge, gross, currency, fee), and each refund with its amount negative.

    Of a dispute, what the bank holds or has kept is negative too, and its status stands beside it.

    What only one side has is a difference.
    """

    ours: set[Fact]
    theirs: set[Fact]

    @property
    def differences(self) -> set[Fact]:
        return self.ours ^ self.theirs

    @property
    def total(self) -> int:
        return sum(amount for _, amount, _, _ in self.ours)


def compare_books(api: Client, stripe: Client, account: str) -> Comparison:
    """Compare every payment, refund and dispute with what Stripe itself has of them."""
    truth = stripe.get(f"/_control/truth?account={account}").json
    # Of a charge that was just made, Stripe does not know the fee yet.
    fees = {entry["id"]: entry["fee"] for entry in truth["balance_transactions"]}
    theirs = {
        (
            charge["id"],
            charge["amount"],
            charge["currency"],
            fees.get(charge["balance_transaction"]),
        )
        for charge in truth["charges"]
        if charge["paid"]
    }
    theirs |= {
        (refund["id"], -refund["amount"], refund["currency"], None)
        for refund in truth["refunds"]
        if refund["status"] == "succeeded"
    }
    theirs |= {
        (f"{dispute['id']} {dispute['status']}", _net(dispute), dispute["currency"], None)
        for dispute in truth["disputes"]
    }
    ours = {_fact(invoice, paid) for invoice, paid in payments(api)}
    ours |= {_returned(refund) for refund in refunds(api)}
    return Comparison(ours | {_disputed(found) for found in listed(api, "disputes")}, theirs)


def payments(api: Client) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return every payment of the tenant with its invoice."""
    invoices = [api.get(f"/v1/invoices/{entry['id']}").json for entry in listed(api, "invoices")]
    return [(invoice, paid) for invoice in invoices for paid in invoice["payments"]]


def refunds(api: Client) -> list[dict[str, Any]]:
    """Return what the tenant's books say was given back at Stripe."""
    return [
        refund for refund in listed(api, "refunds", "&status=succeeded") if refund["stripe_refund"]
    ]


def listed(api: Client, kind: str, narrowed: str = "") -> list[dict[str, Any]]:
    """Return every entry of a list, page after page."""
    found, cursor = [], ""
    while True:
        page = api.get(f"/v1/{kind}?limit=100{narrowed}{cursor}").json
        found += page["data"]
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def _returned(refund: dict[str, Any]) -> Fact:
    return refund["stripe_refund"], -refund["amount"], refund["currency"], None


def _disputed(dispute: dict[str, Any]) -> Fact:
    named = f"{dispute['stripe_id']} {dispute['status']}"
    return named, -dispute["withdrawn"], dispute["currency"], None


def _net(dispute: dict[str, Any]) -> int:
    return sum(entry["amount"] for entry in dispute["balance_transactions"])


def _fact(invoice: dict[str, Any], paid: dict[str, Any]) -> Fact:
    currency = invoice["amounts"]["currency"]
    return paid["note"]["charge"], paid["gross"], currency, paid["fee"]["amount"]
