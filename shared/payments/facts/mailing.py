"""Addresses that get no mails, and the limits on mails."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from payments.facts.fact import Fact
from payments.facts.notification import About

#: The merchant is told of the first few addresses of a day; a list of dead ones would cause a
#: flood.
RETURNED_NOTICES_PER_DAY = 5
WINDOW = timedelta(hours=24)

Trouble = Literal["bounced", "complained"]
Scope = Literal["tenant", "address", "invoice"]


class Report(Fact):
    """
    What became of a mail after SES took it; its own row disturbs no sender.

    `final` says that the next mail would come back, too; `reason` is one of our own words.
    """

    tenant: str
    about: About
    subject: str
    notice: str
    reader: str
    status: Trouble
    reason: str
    final: bool
    at: datetime
    version: int = 1

    def says_what(self, other: "Report") -> bool:
        """Whether both say the same about the same message, perhaps at different times."""
        mine, theirs = (
            (each.notice, each.reader, each.status, each.final) for each in (self, other)
        )
        return mine == theirs


class Suppression(Fact):
    """An address that gets no mail of this tenant, known by a keyed hash only."""

    tenant: str
    digest: str
    reason: Trouble
    since: datetime
    lifted_at: datetime | None = None
    version: int = 1

    @property
    def is_active(self) -> bool:
        """Whether nothing is sent there."""
        return self.lifted_at is None

    def lift(self, now: datetime) -> "Suppression":
        """Return it ended."""
        return self.having(lifted_at=now)

    def covers(self, sent_at: datetime) -> bool:
        """Whether a bounce of a mail sent at that time is old news: it was sent before the lift."""
        return self.lifted_at is None or sent_at <= self.lifted_at


class MailLimits(Fact):
    """
    How many mails may be sent in 24 hours.

    The limits are for one payer's `address`, for one `invoice` to that address because of a Send,
    and for the whole `tenant`. A wholesaler's customer may get some twenty invoices with receipts
    on one day, and nobody reads the sixth copy of one. SES gives a new account 50,000 mails a day,
    which no single tenant may use up.
    """

    address: int = 50
    invoice: int = 5
    tenant: int = 5000


class MailCount(Fact):
    """How many mails were sent in each hour that still counts."""

    tenant: str
    scope: Scope
    subject: str
    hours: dict[str, int] = Field(default_factory=dict)
    ttl: int = 0
    version: int = 1

    def total(self, now: datetime) -> int:
        """Return how many mails count now."""
        return sum(number for hour, number in self.hours.items() if _counts(hour, now))

    def room_at(self, now: datetime) -> datetime:
        """Return when the oldest hour stops counting."""
        counting = [hour for hour in self.hours if _counts(hour, now)]
        return _start(min(counting)) + WINDOW if counting else now

    def one_more(self, now: datetime) -> "MailCount":
        """Return it with one more mail, and without the hours that no longer count."""
        this = now.strftime("%Y-%m-%dT%H")
        hours = {hour: number for hour, number in self.hours.items() if _counts(hour, now)}
        hours[this] = hours.get(this, 0) + 1
        return self.having(hours=hours, ttl=int((now + 2 * WINDOW).timestamp()))


def _start(hour: str) -> datetime:
    return datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC)


def _counts(hour: str, now: datetime) -> bool:
    return now - _start(hour) < WINDOW


#: SES's words for why a mail came back, and ours.
_BOUNCES = {
    "NoEmail": "no_such_mailbox",
    "Suppressed": "known_to_bounce",
    "OnAccountSuppressionList": "known_to_bounce",
    "UnsubscribedRecipient": "unsubscribed",
    "MailboxFull": "mailbox_full",
    "MessageTooLarge": "too_large",
    "ContentRejected": "content_refused",
    "AttachmentRejected": "attachment_refused",
}


@dataclass(frozen=True, slots=True)
class Feedback:
    """SES's event about one of our mails; `address` is only used to make a keyed hash."""

    report: Report
    address: str
    message: str
    sent_at: datetime


def feedback_of(detail: Mapping[str, Any], about: Mapping[str, str]) -> Feedback | None:
    """Return what SES says of the mail that its tags name, or None if nothing is wrong."""
    found = _trouble(detail)
    if not found:
        return None
    status, reason, final, at = found
    mail = detail["mail"]
    report = Report.model_validate(
        {**about, "status": status, "reason": reason, "final": final, "at": at}
    )
    sent_at = datetime.fromisoformat(mail["timestamp"])
    return Feedback(report, mail["destination"][0], mail["messageId"], sent_at)


def _trouble(detail: Mapping[str, Any]) -> tuple[Trouble, str, bool, datetime] | None:
    if bounce := detail.get("bounce"):
        final = bounce["bounceType"] == "Permanent"
        usual = "refused" if final else "not_taken_now"
        reason = _BOUNCES.get(bounce.get("bounceSubType", ""), usual)
        return "bounced", reason, final, _second(bounce["timestamp"])
    complaint = detail.get("complaint")
    # "not-spam" means that a reader took the mail out of the spam folder.
    if not complaint or complaint.get("complaintFeedbackType") == "not-spam":
        return None
    return "complained", "marked_as_spam", True, _second(complaint["timestamp"])


def _second(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(microsecond=0)
