"""Read customers, their cards and their credit."""

from payments.doors.keys import partition
from payments.doors.rows.reading import Reading, read
from payments.errors import require_found
from payments.facts.account import Account
from payments.facts.attempt import Attempt
from payments.facts.credit import CustomerCredit
from payments.facts.customer import CardUse, Customer, SavedMethod
from payments.facts.erasure import Erasure
from payments.facts.invoice import Invoice


class Customers(Reading):
    """Reads the rows of a customer."""

    def erasure(self, tenant: str, ref: str) -> Erasure | None:
        """Return the progress of a customer's erasure, or None."""
        return self._find(Erasure, partition(tenant, "CUS", ref), "ERASURE")

    def customer(self, tenant: str, ref: str) -> Customer:
        """Return the customer or raise NotFound."""
        return self._require(Customer, "customer", partition(tenant, "CUS", ref), "CUSTOMER")

    def parties(self, invoice: Invoice) -> tuple[Customer, Account | None]:
        """Return the customer of an invoice and the account that collects it, in one read."""
        collects = [(Account, partition(invoice.tenant, "ACC", invoice.account or ""), "ACCOUNT")]
        customer, *accounts = self._several(
            (Customer, partition(invoice.tenant, "CUS", invoice.customer), "CUSTOMER"),
            *(collects if invoice.account else ()),
        )
        found = require_found(customer, "customer")
        return found, require_found(accounts[0], "account") if accounts else None

    def find_customer(self, tenant: str, ref: str) -> Customer | None:
        """Return the customer, or None."""
        return self._find(Customer, partition(tenant, "CUS", ref), "CUSTOMER")

    def cards(self, tenant: str, ref: str) -> list[SavedMethod]:
        """Return the customer's saved cards."""
        return [
            read(SavedMethod, row)
            for row in self._table.query(partition(tenant, "CUS", ref), "CARD#")
        ]

    def card(self, tenant: str, ref: str, payment_method: str) -> SavedMethod | None:
        """Return one saved card, or None."""
        return self._find(SavedMethod, partition(tenant, "CUS", ref), f"CARD#{payment_method}")

    def card_and_invoice(self, attempt: Attempt) -> tuple[SavedMethod | None, Invoice]:
        """Return the card that an attempt charges, or None, and its first invoice, in one read."""
        card, invoice = self._several(
            (
                SavedMethod,
                partition(attempt.tenant, "CUS", attempt.customer),
                f"CARD#{attempt.payment_method}",
            ),
            (Invoice, partition(attempt.tenant, "INV", attempt.invoice), "INVOICE"),
        )
        return card, require_found(invoice, "invoice")

    def uses(self, tenant: str, ref: str, payment_method: str) -> list[Attempt]:
        """Return the attempts of the last weeks that charge, or charged, a card."""
        rows = self._table.query(partition(tenant, "CUS", ref), f"USE#{payment_method}#")
        uses = [read(CardUse, row) for row in rows]
        keys = [(partition(tenant, "INV", use.invoice), f"ATTEMPT#{use.attempt}") for use in uses]
        return [read(Attempt, row) for row in self._table.get_many(keys)]

    def credit(self, tenant: str, customer: str, mode: str, currency: str) -> CustomerCredit | None:
        """Return the customer's credit in a currency and mode, or None."""
        return self._find(
            CustomerCredit, partition(tenant, "CUS", customer), f"CREDIT#{mode}:{currency}"
        )

    def credits(self, tenant: str, customer: str) -> list[CustomerCredit]:
        """Return all credit of the customer."""
        rows = self._table.query(partition(tenant, "CUS", customer), "CREDIT#")
        return [read(CustomerCredit, row) for row in rows]
