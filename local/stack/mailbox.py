"""
Every mail that the local stack sends, caught: a page for people, JSON for tests.

It stands between the functions and the emulated SES, which checks the sender's rights and keeps
neither HTML parts of its own accord nor attachments.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from html import escape
from threading import Lock
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } td { border-top: 1px solid #ddd; padding: .5rem }
iframe { width: 100%; height: 46rem; border: 1px solid #ddd } pre { white-space: pre-wrap }
.narrow { width: 375px }
"""
HINT = (
    "As at SES, mails to bounce@, complaint@, ooto@ and suppressionlist@simulator.amazonses.com "
    "come back, are complained about, or meet an absence."
)
HTML, TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"
PLACE = re.compile(r"/mail/(\d+)(?:/(html|text|file/(\d+)))?")


@dataclass(frozen=True)
class Caught:
    """A mail as SES was asked to send it."""

    number: int
    sender: str
    to: str
    subject: str
    text: str
    html: str
    reply_to: list[str]
    tags: dict[str, str]
    files: list[tuple[str, str, bytes]] = field(default_factory=list)

    def described(self, page: str) -> dict[str, Any]:
        here = f"{page}/{self.number}"
        kept = ("number", "to", "subject", "text", "html", "reply_to", "tags")
        return {name: getattr(self, name) for name in kept} | {
            "from": self.sender,
            "page": here,
            "files": [
                {"name": name, "kind": kind, "size": len(content), "url": f"{here}/file/{index}"}
                for index, (name, kind, content) in enumerate(self.files)
            ],
        }


class Mailbox:
    """Holds what was sent, newest last, as long as the stack runs."""

    def __init__(self, page: str) -> None:
        self._page, self._lock = page, Lock()
        self.mails: list[Caught] = []

    def take(self, request: bytes) -> None:
        asked = json.loads(request)
        simple = asked["Content"]["Simple"]
        with self._lock:
            self.mails.append(
                Caught(
                    number=len(self.mails) + 1,
                    sender=str(make_header(decode_header(asked["FromEmailAddress"]))),
                    to=", ".join(asked["Destination"]["ToAddresses"]),
                    subject=simple["Subject"]["Data"],
                    text=simple["Body"]["Text"]["Data"],
                    html=simple["Body"]["Html"]["Data"],
                    reply_to=asked.get("ReplyToAddresses", []),
                    tags={tag["Name"]: tag["Value"] for tag in asked.get("EmailTags", [])},
                    files=[
                        (
                            file["FileName"],
                            file["ContentType"],
                            base64.b64decode(file["RawContent"]),
                        )
                        for file in simple.get("Attachments", [])
                    ],
                )
            )

    def answer(self, path: str) -> tuple[bytes, str, int]:
        """Return the body, its type and the status of what stands at `path`."""
        if path == "/mail":
            return self._list().encode(), HTML, 200
        if path == "/mail/messages.json":
            described = [mail.described(self._page) for mail in self.mails]
            return json.dumps(described).encode(), "application/json", 200
        found = PLACE.fullmatch(path)
        if not found or not 0 < int(found[1]) <= len(self.mails):
            return b"There is no such mail.", TEXT, 404
        mail = self.mails[int(found[1]) - 1]
        if found[3] is not None and int(found[3]) < len(mail.files):
            _, kind, content = mail.files[int(found[3])]
            return content, kind, 200
        parts = {"html": (mail.html, HTML), "text": (mail.text, TEXT)}
        body, kind = parts.get(found[2] or "", (self._show(mail), HTML))
        return body.encode(), kind, 200

    def _list(self) -> str:
        rows = "".join(
            f'<tr><td>{escape(mail.to)}<td><a href="{self._page}/{mail.number}">'
            f"{escape(mail.subject)}</a><td>{escape(mail.sender)}"
            for mail in reversed(self.mails)
        )
        listed = f"<table>{rows}</table>" if rows else "<p>None was sent yet.</p>"
        return framed("Mails", f"{listed}<p>{HINT}</p>")

    def _show(self, mail: Caught) -> str:
        here = f"{self._page}/{mail.number}"
        files = "".join(
            f'<li><a href="{here}/file/{index}">{escape(name)}</a> ({len(content)} bytes)'
            for index, (name, _, content) in enumerate(mail.files)
        )
        return framed(
            mail.subject,
            f'<p><a href="{self._page}">All mails</a></p>'
            f"<p>From {escape(mail.sender)}<br>To {escape(mail.to)}</p><ul>{files}</ul>"
            f'<iframe sandbox="allow-popups" src="{here}/html"></iframe>'
            f'<h2>On a phone</h2><iframe class="narrow" sandbox src="{here}/html"></iframe>'
            f"<h2>As text</h2><pre>{escape(mail.text)}</pre>",
        )


def framed(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    )
