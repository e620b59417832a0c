"""What SES's mailbox simulator does: some addresses send a mail back, or complain about it."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
DOMAIN = "simulator.amazonses.com"
ACCOUNT = "000000000000"


def report_on(request: bytes, answer: bytes) -> Json | None:
    """Return what SES tells EventBridge of a mail that it took, or None if it arrived."""
    asked = json.loads(request)
    (to,) = asked["Destination"]["ToAddresses"]
    local_part, _, domain = to.partition("@")
    # bounce+anything@ bounces, too, so that each test can have an address of its own.
    told = REPORTS.get(local_part.partition("+")[0]) if domain == DOMAIN else None
    if not told or not asked.get("ConfigurationSetName"):
        return None
    kind, content = told(now())
    return {
        "Source": "aws.ses",
        "DetailType": kind,
        "Detail": json.dumps({**content, "mail": mail_of(asked, to, json.loads(answer))}),
    }


def mail_of(asked: Json, to: str, answer: Json) -> Json:
    tags = {tag["Name"]: [tag["Value"]] for tag in asked.get("EmailTags", [])}
    return {
        "timestamp": now(),
        "source": asked["FromEmailAddress"],
        "sendingAccountId": ACCOUNT,
        "messageId": answer["MessageId"],
        "destination": [to],
        "tags": {"ses:configuration-set": [asked["ConfigurationSetName"]], **tags},
    }


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bounced(kind: str, sub: str) -> Callable[[str], tuple[str, Json]]:
    def tell(at: str) -> tuple[str, Json]:
        told = {"feedbackId": str(uuid.uuid4()), "bounceType": kind, "bounceSubType": sub}
        return "Email Bounced", {"eventType": "Bounce", "bounce": {**told, "timestamp": at}}

    return tell


def complained(at: str) -> tuple[str, Json]:
    told = {"feedbackId": str(uuid.uuid4()), "complaintFeedbackType": "abuse", "timestamp": at}
    return "Email Complaint Received", {"eventType": "Complaint", "complaint": told}


#: By the name before the @, as SES's own simulator has them.
REPORTS = {
    "bounce": bounced("Permanent", "General"),
    "suppressionlist": bounced("Permanent", "OnAccountSuppressionList"),
    "ooto": bounced("Transient", "General"),
    "complaint": complained,
}
