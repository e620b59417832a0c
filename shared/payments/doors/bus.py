"""The door to EventBridge: events for the owner's other systems."""

import json
from collections.abc import Callable
from typing import Any

from payments.doors.aws.answers import AwsFailed

SOURCE = "receivable"


class NotTaken(Exception):
    """EventBridge did not take an event; it is sent again later."""


class Bus:
    """One event bus; without a name nothing is sent."""

    def __init__(self, client: Callable[[], Any], name: str) -> None:
        """Keep what makes the low-level client, and the bus's name."""
        self._client, self._name = client, name

    @property
    def is_set_up(self) -> bool:
        """Whether this deployment has a bus."""
        return bool(self._name)

    def put(self, *events: dict[str, Any]) -> None:
        """Put up to ten events; each keeps its `id` whenever it is put again."""
        entries = [
            {
                "EventBusName": self._name,
                "Source": SOURCE,
                "DetailType": event["type"],
                "Detail": json.dumps(event),
            }
            for event in events
        ]
        try:
            answer = self._client().put_events(Entries=entries)
        except AwsFailed as error:
            raise NotTaken from error
        if answer.get("FailedEntryCount"):
            raise NotTaken
