"""What became of mails, and who gets none."""

from payments.doors.keys import partition
from payments.doors.rows.reading import Reading
from payments.facts.mailing import MailCount, Report, Scope, Suppression
from payments.facts.notification import Notification


class Mails(Reading):
    """Reads the outbox by what it is about, and what SES has reported."""

    def notices(self, tenant: str, about: str, subject: str, kind: str = "") -> list[Notification]:
        """Return what somebody was told of, or is to be, by id; ids of a `kind` begin with it."""
        rows = self._table.query(partition(tenant, about, subject), f"NOTICE#{kind}")
        return [Notification.model_validate(row) for row in rows]

    def reports(self, tenant: str, about: str, subject: str) -> list[Report]:
        """Return what SES reported of mails."""
        rows = self._table.query(partition(tenant, about, subject), "REPORT#")
        return [Report.model_validate(row) for row in rows]

    def suppression(self, tenant: str, digest: str) -> Suppression | None:
        """Return why an address gets no mails, or None if it never was so."""
        return self._find(Suppression, partition(tenant, "MUT", digest), "SUPPRESSION")

    def mail_count(self, tenant: str, scope: Scope, subject: str) -> MailCount | None:
        """Return how many mails were counted, or None."""
        return self._find(MailCount, partition(tenant, "CNT", f"{scope}:{subject}"), "MAILS")
