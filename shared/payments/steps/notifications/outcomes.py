"""What became of each message about an invoice, in words without any address."""

from collections.abc import Iterator
from datetime import datetime

from payments.facts.mailing import Report
from payments.facts.notification import TELLINGS, Notification, Part, PartStatus

READERS = {"buyer": "The payer", "seller": "The merchant", "bus": "The event bus"}
ENDS = {
    PartStatus.SENDING: "is being told of {fact}",
    PartStatus.SENT: "was told of {fact}",
    PartStatus.UNSURE: "may have been told of {fact}, and is not told again",
    PartStatus.SKIPPED: "was not told of {fact}",
    PartStatus.SUPPRESSED: "was not told of {fact}: no mail is sent to that address any more",
    PartStatus.CAPPED: "was not told of {fact}: too many mails were sent before",
    PartStatus.FAILED: "could not be told of {fact}",
}


def outcomes_of(notice: Notification) -> Iterator[tuple[datetime, str, str, dict[str, str]]]:
    """Yield the time, the kind, the words and the proof of each finished part of a notice."""
    for reader, part in notice.parts.items():
        refs = {"notification": notice.id, "reader": reader}
        yield part.at, f"notice_{part.status}", _outcome(reader, part, notice), refs


def outcome_of_report(report: Report) -> tuple[datetime, str, str, dict[str, str]]:
    """Return the time, the kind, the words and the proof of a bounce or a complaint."""
    who, what = READERS.get(report.reader, report.reader), f"({report.reason.replace('_', ' ')})"
    text = "The mail to {who} {ended} {what}.".format(
        who=who[0].lower() + who[1:],
        ended="was complained about" if report.status == "complained" else "came back",
        what=what,
    )
    after = " Nothing more is sent to that address." if report.final else ""
    refs = {"notification": report.notice, "reader": report.reader}
    return report.at, f"mail_{report.status}", text + after, refs


def _outcome(reader: str, part: Part, notice: Notification) -> str:
    ended = ENDS[part.status].format(fact=TELLINGS[notice.kind].fact)
    why = f" ({part.reason.replace('_', ' ')})" if part.reason else ""
    return f"{READERS.get(reader, reader)} {ended}{why}."
