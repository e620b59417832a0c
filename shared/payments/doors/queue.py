"""The door to SQS: small messages of ids, never of content."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from payments.doors import outages
from payments.doors.aws.answers import AwsFailed


class Queue:
    """One SQS queue."""

    def __init__(self, client: Callable[[], Any], url: str) -> None:
        """Keep what makes the low-level client, and the queue's address."""
        self._client, self._url = client, url

    def send(self, message: dict[str, str]) -> None:
        """Send `message` or raise; a message is never assumed to be sent."""
        with outages.told():
            self._client().send_message(QueueUrl=self._url, MessageBody=json.dumps(message))

    def hide(self, receipts: Iterable[str], seconds: int) -> None:
        """
        Hide received messages from other workers for `seconds` from now on.

        If SQS refuses that, they stay hidden for the queue's own time.
        """
        entries = [
            {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for number, receipt in enumerate(receipts)
        ]
        with suppress(AwsFailed):
            self._client().change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
