"""SES and EventBridge as the doors use them: what they took, and what they did instead."""

import json
import re
from collections.abc import Iterator
from email.utils import getaddresses
from itertools import count
from typing import Any

from payments.doors.aws.answers import Refused, Unanswered

TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Post:
    """Holds every mail that was taken; its method has the name of botocore's client."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.told: list[Any] = []
        #: What becomes of the next ones: an error's code, `lost` before or `silent` after taking.
        self.troubles: list[str] = []
        self._numbers = count(1)

    def send_email(self, **asked: Any) -> dict[str, str]:
        require_well_formed(asked)
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble not in {"", "silent"}:
            raise refused(trouble)
        message = f"message-{next(self._numbers)}"
        self.sent.append({**asked, "MessageId": message})
        if trouble == "silent":
            raise Unanswered("timeout", sent=True)
        return {"MessageId": message}

    def put_events(self, *, Entries: list[Any]) -> dict[str, int]:  # noqa: N803
        """EventBridge, as `payments.doors.bus` uses it."""
        assert 0 < len(Entries) <= 10
        self.told += [json.loads(entry["Detail"]) for entry in Entries]
        return {"FailedEntryCount": 0}

    def to(self, address: str) -> list[Any]:
        """The mails that one address got."""
        return [mail for mail in self.sent if mail["Destination"]["ToAddresses"] == [address]]

    def subjects(self, address: str) -> list[str]:
        return [mail["Content"]["Simple"]["Subject"]["Data"] for mail in self.to(address)]


def report_of(
    mail: Any, kind: str, what: dict[str, Any], *, at: str, message: str
) -> dict[str, Any]:
    """What EventBridge brings of SES: `kind`, `Bounce` or `Complaint`, became of a mail."""
    tags = {tag["Name"]: [tag["Value"]] for tag in mail["EmailTags"]}
    about = {
        "timestamp": at,
        "messageId": message,
        "destination": mail["Destination"]["ToAddresses"],
        "tags": {"ses:configuration-set": ["receivable-test"], **tags},
    }
    named = {"Bounce": "Email Bounced", "Complaint": "Email Complaint Received"}[kind]
    detail = {**what, "eventType": kind, "mail": about}
    return {"source": "aws.ses", "detail-type": named, "detail": detail}


def refused(code: str) -> Refused:
    return Refused(code, status=500 if code == "InternalFailure" else 400)


def require_well_formed(asked: Any) -> None:
    """Refuse what SES would: it never comes to that."""
    for tag in asked["EmailTags"]:
        assert TAG.fullmatch(tag["Value"]), tag
    for line in lines_of(asked):
        assert "\n" not in line, line
        assert "\r" not in line, line
    (to,) = asked["Destination"]["ToAddresses"]
    assert [address for _, address in getaddresses([to])] == [to]


def lines_of(asked: Any) -> Iterator[str]:
    """What becomes a header."""
    yield asked["FromEmailAddress"]
    yield asked["Content"]["Simple"]["Subject"]["Data"]
    yield from asked["Destination"]["ToAddresses"]
    yield from asked.get("ReplyToAddresses", ())
