"""Read an invoice and all that happened to it."""

from typing import ClassVar

from pydantic import BaseModel

from payments.doors.keys import partition
from payments.doors.rows.reading import Reading, read
from payments.doors.table import Row
from payments.errors import require_found
from payments.facts.attempt import Attempt
from payments.facts.dispute import Dispute
from payments.facts.invoice import Invoice
from payments.facts.ledger import JournalEntry
from payments.facts.link import PayLink
from payments.facts.mailing import Report
from payments.facts.notification import Notification
from payments.facts.payment import Payment, Share
from payments.facts.recovery import Recovery
from payments.facts.refund import CreditNote, Refund
from payments.facts.settings import Settings


class InvoiceRows:
    """The rows of an invoice's partition, sorted into kinds."""

    _LISTS: ClassVar[dict[str, tuple[str, type[BaseModel]]]] = {
        "ATTEMPT": ("attempts", Attempt),
        "PAYMENT": ("payments", Payment),
        "SHARE": ("shares", Share),
        "REFUND": ("refunds", Refund),
        "CREDITNOTE": ("credit_notes", CreditNote),
        "DISPUTE": ("disputes", Dispute),
        "JOURNAL": ("journal", JournalEntry),
        "LINK": ("links", PayLink),
        "NOTICE": ("notifications", Notification),
        "REPORT": ("reports", Report),
    }

    def __init__(self) -> None:
        """Start empty."""
        self.invoice: Invoice | None = None
        self.attempts: list[Attempt] = []
        self.payments: list[Payment] = []
        self.shares: list[Share] = []
        self.refunds: list[Refund] = []
        self.credit_notes: list[CreditNote] = []
        self.disputes: list[Dispute] = []
        self.journal: list[JournalEntry] = []
        self.recovery: Recovery | None = None
        self.links: list[PayLink] = []
        self.notifications: list[Notification] = []
        self.reports: list[Report] = []

    def require_invoice(self) -> Invoice:
        """Return the invoice or raise NotFound."""
        return require_found(self.invoice, "invoice")

    def add(self, row: Row) -> None:
        """Add one row of the partition."""
        kind = row["sk"].partition("#")[0]
        if kind == "INVOICE":
            self.invoice = read(Invoice, row)
        elif kind == "RECOVERY":
            self.recovery = read(Recovery, row)
        elif kind in self._LISTS:
            name, model = self._LISTS[kind]
            getattr(self, name).append(read(model, row))


class Invoices(Reading):
    """Reads the rows of an invoice."""

    def invoice(self, tenant: str, invoice: str) -> Invoice:
        """Return the invoice or raise NotFound."""
        return self._require(Invoice, "invoice", partition(tenant, "INV", invoice), "INVOICE")

    def invoice_rows(self, tenant: str, invoice: str) -> InvoiceRows:
        """Return the invoice with all rows of its partition, in one read."""
        rows = InvoiceRows()
        for row in self._table.query(partition(tenant, "INV", invoice)):
            rows.add(row)
        return rows

    def whole_invoice(self, tenant: str, invoice: str) -> InvoiceRows:
        """Return the invoice's rows, with the refunds and disputes of payments stored elsewhere."""
        rows = self.invoice_rows(tenant, invoice)
        elsewhere = self.shared(rows.shares)
        rows.refunds += self.refunds_of(*elsewhere)
        rows.disputes += self.disputes_of(*elsewhere)
        return rows

    def invoices(self, tenant: str, *names: str) -> list[Invoice]:
        """Return invoices in one read, in the order of their names, or raise NotFound."""
        found = self._several(
            *((Invoice, partition(tenant, "INV", name), "INVOICE") for name in names)
        )
        return [require_found(each, "invoice") for each in found]

    def begun(
        self, tenant: str, attempt: str, *invoices: str
    ) -> tuple[Attempt | None, list[Invoice]]:
        """Return the attempt of a request, or None, and all its invoices, in one read."""
        homes = [partition(tenant, "INV", name) for name in invoices]
        begun, *found = self._several(
            (Attempt, homes[0], f"ATTEMPT#{attempt}"),
            *((Invoice, home, "INVOICE") for home in homes),
        )
        return begun, [require_found(each, "invoice") for each in found]

    def charged(
        self, tenant: str, invoice: str, attempt: str, charge: str
    ) -> tuple[Attempt | None, Payment | None, Invoice | None]:
        """Return the attempt, the payment and the invoice of a charge, in one read."""
        home = partition(tenant, "INV", invoice)
        asked, payment, found = self._several(
            (Attempt, home, f"ATTEMPT#{attempt}"),
            (Payment, home, f"PAYMENT#{charge}"),
            (Invoice, home, "INVOICE"),
        )
        return asked, payment, found

    def attempt(self, tenant: str, invoice: str, attempt: str) -> Attempt | None:
        """Return the attempt, or None."""
        return self._find(Attempt, partition(tenant, "INV", invoice), f"ATTEMPT#{attempt}")

    def attempts(self, tenant: str, invoice: str) -> list[Attempt]:
        """Return the attempts that stand under an invoice."""
        rows = self._table.query(partition(tenant, "INV", invoice), "ATTEMPT#")
        return [Attempt.model_validate(row) for row in rows]

    def payment(self, tenant: str, invoice: str, source: str) -> Payment | None:
        """Return the payment of a Stripe charge or of money from elsewhere, or None."""
        return self._find(Payment, partition(tenant, "INV", invoice), f"PAYMENT#{source}")

    def payments_of(self, tenant: str, invoice: str) -> list[Payment]:
        """Return all payments for an invoice, newest first; some are stored with other invoices."""
        home = partition(tenant, "INV", invoice)
        found = [read(Payment, row) for row in self._table.query(home, "PAYMENT#")]
        shares = [read(Share, row) for row in self._table.query(home, "SHARE#")]
        return sorted(found + self.shared(shares), key=lambda payment: payment.id, reverse=True)

    def shared(self, shares: list[Share]) -> list[Payment]:
        """Return the payments, stored with other invoices, to which these shares belong."""
        keys = [
            (partition(share.tenant, "INV", share.home), f"PAYMENT#{share.source}")
            for share in shares
        ]
        return [read(Payment, row) for row in self._table.get_many(keys)]

    def recovery(self, tenant: str, invoice: str) -> Recovery | None:
        """Return the invoice's recovery, or None."""
        return self._find(Recovery, partition(tenant, "INV", invoice), "RECOVERY")

    def refund(self, tenant: str, invoice: str, refund: str) -> Refund | None:
        """Return a refund of a payment that is stored with `invoice`, or None."""
        return self._find(Refund, partition(tenant, "INV", invoice), f"REFUND#{refund}")

    def giving_back(self, payment: Payment, refund: str) -> tuple[Refund | None, Payment, Settings]:
        """Return a refund, its payment as stored now, and the settings, in one read."""
        home = partition(payment.tenant, "INV", payment.invoice)
        found, seen, settings = self._several(
            (Refund, home, f"REFUND#{refund}"),
            (Payment, home, f"PAYMENT#{payment.source}"),
            (Settings, partition(payment.tenant, "SET", "own"), "SETTINGS"),
        )
        return found, seen or payment, settings or Settings.undecided(payment.tenant)

    def refunds_of(self, *payments: Payment) -> list[Refund]:
        """Return the refunds of payments, in the order in which they were requested."""
        keys = [
            (partition(payment.tenant, "INV", payment.invoice), f"REFUND#{name}")
            for payment in payments
            for name in payment.refunds
        ]
        return [read(Refund, row) for row in self._table.get_many(keys)]

    def credit_note(self, tenant: str, invoice: str, refund: str) -> CreditNote | None:
        """Return the credit note that a refund made for an invoice, or None."""
        return self._find(CreditNote, partition(tenant, "INV", invoice), f"CREDITNOTE#{refund}")

    def dispute(self, tenant: str, invoice: str, stripe_id: str) -> Dispute | None:
        """Return our dispute for Stripe's, stored with its payment's invoice, or None."""
        return self._find(Dispute, partition(tenant, "INV", invoice), f"DISPUTE#{stripe_id}")

    def disputes_of(self, *payments: Payment) -> list[Dispute]:
        """Return the disputes of payments."""
        found = []
        for home in dict.fromkeys(partition(each.tenant, "INV", each.invoice) for each in payments):
            rows = self._table.query(home, "DISPUTE#")
            found += [read(Dispute, row) for row in rows]
        names = {payment.id for payment in payments}
        return [dispute for dispute in found if dispute.payment in names]

    def is_entered(self, tenant: str, invoice: str, fact: str) -> bool:
        """Whether a fact is in the journal."""
        return self._table.get(partition(tenant, "INV", invoice), f"JOURNAL#{fact}") is not None

    def share(self, tenant: str, invoice: str, payment: str) -> Share | None:
        """Return the part of another invoice's payment that this invoice got, or None."""
        return self._find(Share, partition(tenant, "INV", invoice), f"SHARE#{payment}")

    def link(self, tenant: str, invoice: str, link: str) -> PayLink:
        """Return the pay link or raise NotFound."""
        return self._require(PayLink, "pay link", partition(tenant, "INV", invoice), f"LINK#{link}")

    def links(self, tenant: str, invoice: str) -> list[PayLink]:
        """Return the pay links of an invoice, oldest first."""
        rows = self._table.query(partition(tenant, "INV", invoice), "LINK#")
        return [read(PayLink, row) for row in rows]
