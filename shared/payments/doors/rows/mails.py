"""Read the mails' outcomes, their limits, and the addresses that get none."""

from payments.doors.keys import partition
from payments.doors.rows.reading import Reading, read
from payments.errors import require_found
from payments.facts.attempt import Attempt
from payments.facts.dispute import Dispute
from payments.facts.fact import Fact
from payments.facts.invoice import Invoice
from payments.facts.link import PayLink
from payments.facts.mailing import MailCount, Report, Scope, Suppression
from payments.facts.notification import Notification
from payments.facts.payment import Payment
from payments.facts.refund import Refund
from payments.facts.settings import Settings

#: The rows that a notice names besides its invoice, by the reference.
_NAMED: dict[str, tuple[type[Fact], str]] = {
    "attempt": (Attempt, "ATTEMPT"),
    "source": (Payment, "PAYMENT"),
    "refund": (Refund, "REFUND"),
    "dispute": (Dispute, "DISPUTE"),
    "link": (PayLink, "LINK"),
}


class Mails(Reading):
    """Reads notices by their subject, and SES's reports."""

    def notices(self, tenant: str, about: str, subject: str, kind: str = "") -> list[Notification]:
        """Return the notices about a subject by id; ids of a `kind` begin with its name."""
        rows = self._table.query(partition(tenant, about, subject), f"NOTICE#{kind}")
        return [read(Notification, row) for row in rows]

    def reports(self, tenant: str, about: str, subject: str) -> list[Report]:
        """Return SES's reports on the mails about a subject."""
        rows = self._table.query(partition(tenant, about, subject), "REPORT#")
        return [read(Report, row) for row in rows]

    def suppression(self, tenant: str, digest: str) -> Suppression | None:
        """Return why an address gets no mails, or None if it was never suppressed."""
        return self._find(Suppression, partition(tenant, "MUT", digest), "SUPPRESSION")

    def told_of(self, notice: Notification) -> tuple[Invoice, Settings]:
        """
        Return the invoice that a notice is about, and its tenant's settings.

        Other rows that the notice names come with the same read, so that a remembering store has
        them.
        """
        home = partition(notice.tenant, "INV", notice.subject)
        named = [(*_NAMED[name], ref) for name, ref in notice.refs.items() if name in _NAMED]
        invoice, settings, *_ = self._several(
            (Invoice, home, "INVOICE"),
            (Settings, partition(notice.tenant, "SET", "own"), "SETTINGS"),
            *((kind, home, f"{sort}#{ref}") for kind, sort, ref in named),
        )
        return require_found(invoice, "invoice"), settings or Settings.undecided(notice.tenant)

    def rations(
        self, tenant: str, digest: str, counted: dict[Scope, str]
    ) -> tuple[Settings, Suppression | None, list[MailCount]]:
        """Return what decides whether a mail may go to an address, in one read."""
        settings, stopped, *counts = self._several(
            (Settings, partition(tenant, "SET", "own"), "SETTINGS"),
            (Suppression, partition(tenant, "MUT", digest), "SUPPRESSION"),
            *(
                (MailCount, partition(tenant, "CNT", f"{scope}:{subject}"), "MAILS")
                for scope, subject in counted.items()
            ),
        )
        return (
            settings or Settings.undecided(tenant),
            stopped,
            [
                found or MailCount(tenant=tenant, scope=scope, subject=subject, version=0)
                for (scope, subject), found in zip(counted.items(), counts, strict=True)
            ],
        )
