"""The door to SES: one mail at a time, and never a second try of the same mail."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formataddr
from http import HTTPStatus
from typing import Any

from payments.doors.aws.answers import Refused, Unanswered
from payments.facts.email_address import accepted

#: SES takes no longer subject than a mail's line holds.
SUBJECT_MAX, NAME_MAX = 200, 80


class NotSent(Exception):
    """
    SES refused the mail or was not reached: it was certainly not sent.

    `again` says whether a later try may help.
    """

    def __init__(self, reason: str, *, again: bool) -> None:
        """Keep SES's own word for it."""
        super().__init__(reason)
        self.reason, self.again = reason, again


class Unsure(Exception):
    """No clear answer came: the mail may have been sent."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a mail."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail; `sender` is only the shown name, and the address is the deployment's own."""

    to: str
    sender: str
    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None


class Mailer:
    """SES with one verified address; without an address nothing is ever sent."""

    def __init__(self, client: Callable[[], Any], *, address: str, events: str) -> None:
        """Keep what makes the low-level client, our address, and what reports bounces."""
        self._client, self._address, self._events = client, address, events

    @property
    def is_set_up(self) -> bool:
        """Whether this deployment has an address to send from."""
        return bool(self._address)

    def send(self, mail: Mail, **tags: str) -> str:
        """Send the mail and return SES's id; SES returns `tags` with a bounce or a complaint."""
        request = {
            "FromEmailAddress": formataddr((_line(mail.sender, NAME_MAX), self._address)),
            "Destination": {"ToAddresses": [_address(mail.to)]},
            "Content": {"Simple": _content(mail)},
            "EmailTags": [{"Name": name, "Value": value} for name, value in tags.items()],
        }
        with suppress(NotSent):
            # Where no reply can reach the seller, the mail still goes out.
            request |= {"ReplyToAddresses": [_address(mail.reply_to)]} if mail.reply_to else {}
        if self._events:
            request["ConfigurationSetName"] = self._events
        try:
            return str(self._client().send_email(**request)["MessageId"])
        except Refused as error:
            if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise Unsure from error
            raise NotSent(error.code, again=error.code in _PASSING) from error
        except Unanswered as error:
            if error.sent:
                raise Unsure from error
            raise NotSent("not_reached", again=True) from error


#: Refusals that pass; all others are about this mail or this account.
_PASSING = frozenset(
    {"LimitExceededException", "TooManyRequestsException", "SendingPausedException",
     "AccountSuspendedException", "MailFromDomainNotVerifiedException", "AccessDeniedException"}
)  # fmt: skip


def tags_of(**names: str) -> dict[str, str]:
    """Return a mail's tags as SES takes them: letters, digits, dashes and underscores only."""
    made = {name: urlsafe_b64encode(text.encode()).decode() for name, text in names.items()}
    return {name: text.rstrip("=") for name, text in made.items()}


def names_of(tags: Mapping[str, Any]) -> dict[str, str]:
    """Return the names that `tags_of` was given, from an event of SES."""
    ours = {name: value[0] for name, value in tags.items() if ":" not in name}
    return {name: urlsafe_b64decode(text + "===").decode() for name, text in ours.items()}


def _content(mail: Mail) -> dict[str, Any]:
    content: dict[str, Any] = {
        "Subject": {"Data": _line(mail.subject, SUBJECT_MAX), "Charset": "UTF-8"},
        "Body": {
            "Text": {"Data": mail.text, "Charset": "UTF-8"},
            "Html": {"Data": mail.html, "Charset": "UTF-8"},
        },
        # These headers keep machines from answering, and absence notes from coming back.
        "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
    }
    if mail.attachments:
        content["Attachments"] = [
            {
                "FileName": file.name,
                "ContentType": file.kind,
                "RawContent": file.content,
                "ContentTransferEncoding": "BASE64",
            }
            for file in mail.attachments
        ]
    return content


def _line(text: str, most: int) -> str:
    """Return the text as one line of a header: printable, and not too long."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _address(text: str) -> str:
    """Return one bare address, or raise NotSent: a list would add readers or find none."""
    try:
        return accepted(text)
    except ValueError:
        raise NotSent("address_refused", again=False) from None
