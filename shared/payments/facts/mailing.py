"""To whom no mail is sent any more, and how many are sent at most."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from payments.facts.fact import Fact
from payments.facts.notification import About

#: The first few addresses of a day are news; a list of dead ones would be a storm.
RETURNED_NOTICES_PER_DAY = 5
WINDOW = timedelta(hours=24)

Trouble = Literal["bounced", "complained"]
Scope = Literal["tenant", "address", "invoice"]


class Report(Fact):
    """
    What became of a mail after SES had taken it, in a row of its own that disturbs no sender.

    `final` says that the next one would come back, too; `reason` is one of our own words.
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
        """Whether both say the same of the same message, perhaps at different times."""
        mine, theirs = (
            (each.notice, each.reader, each.status, each.final) for each in (self, other)
        )
        return mine == theirs


class Suppression(Fact):
    """An address that gets no mail of this tenant: known by a keyed hash, never by itself."""

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
        """Whether a mail that was sent then tells nothing new: it came before the lifting."""
        return self.lifted_at is None or sent_at <= self.lifted_at


class MailLimits(Fact):
    """
    How many mails go out in 24 hours.

    To one payer's `address` about everything, to one address about one `invoice` because somebody
    presses Send, and of the whole `tenant`. A wholesaler's customer may get some twenty invoices
    with their receipts on one day, and nobody reads the sixth copy of the same one; SES gives a new
    account 50,000 a day, which no single tenant may use up.
    """

    address: int = 50
    invoice: int = 5
    tenant: int = 5000


class MailCount(Fact):
    """How many mails were sent in each hour, of those that still count."""

    tenant: str
    scope: Scope
    subject: str
    hours: dict[str, int] = Field(default_factory=dict)
    ttl: int = 0
    version: int = 1

    def total(self, now: datetime) -> int:
        """Return how many there were in the window."""
        return sum(number for hour, number in self.hours.items() if _counts(hour, now))

    def room_at(self, now: datetime) -> datetime:
        """Return when the oldest hour that counts leaves the window."""
        counting = [hour for hour in self.hours if _counts(hour, now)]
        return _start(min(counting)) + WINDOW if counting else now

    def one_more(self, now: datetime) -> "MailCount":
        """Return it with a mail more, and without the hours that count no longer."""
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
    """An event of SES about one mail of ours; `address` goes no further than into a keyed hash."""

    report: Report
    address: str
    message: str
    sent_at: datetime


def feedback_of(detail: Mapping[str, Any], about: Mapping[str, str]) -> Feedback | None:
    """Return what SES says of the mail that its tags name, or None if it says nothing bad."""
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
    # "not-spam" is somebody who takes a mail out of the spam folder.
    if not complaint or complaint.get("complaintFeedbackType") == "not-spam":
        return None
    return "complained", "marked_as_spam", True, _second(complaint["timestamp"])


def _second(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(microsecond=0)
