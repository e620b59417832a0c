"""
What AWS answers when it does not do what was asked.

    AwsFailed
    ├── Refused      it answered with an error
    └── Unanswered   no answer came that could be read
"""

from typing import Any


class AwsFailed(Exception):
    """AWS did not do what was asked, or did not say so."""


class Refused(AwsFailed):
    """AWS answered with an error: `code` is its name, `answer` its body, both in AWS's words."""

    def __init__(
        self, code: str, *, status: int = 400, answer: dict[str, Any] | None = None
    ) -> None:
        """Keep the name; the message may hold what was asked, so it is in no text of ours."""
        super().__init__(code)
        self.code, self.status, self.answer = code, status, answer or {}


class Unanswered(AwsFailed):
    """No answer came; `sent` tells whether AWS may have got the request."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        """Keep a short name of what happened."""
        super().__init__(reason)
        self.reason, self.sent = reason, sent
