"""The door to SQS: small messages of ids, never of content."""

import json
from collections.abc import Callable
from typing import Any


class Queue:
    """One queue."""

    def __init__(self, client: Callable[[], Any], url: str) -> None:
        """Keep what makes the low-level client, and the queue's address."""
        self._client, self._url = client, url

    def send(self, message: dict[str, str]) -> None:
        """Send `message`, or raise: nothing is ever sent on trust."""
        self._client().send_message(QueueUrl=self._url, MessageBody=json.dumps(message))
