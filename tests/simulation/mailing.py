"""The table's stream and SES: who is told of what, and how the telling goes wrong."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from payments.doors.aws.answers import Unanswered
from payments.doors.mail import names_of
from tests.doubles.dynamo import Item, key_of
from tests.doubles.invocations import stream_record
from tests.doubles.post import require_well_formed
from tests.simulation import faults
from tests.simulation.wire import Wire

SENDER = "send_notifications"
#: Of what the table's index calls due, the sender's own.
OUTBOX = "DUE#notification"
BROUGHT_S = (0.1, 2.0)


@dataclass(frozen=True)
class Mail:
    """A mail that SES took; `begun` is when its sender was invoked."""

    asked: Any
    names: dict[str, str]
    to: str
    message: str
    begun: float

    @property
    def address(self) -> tuple[str, str]:
        """Of whom it is, and to whom."""
        return self.names["tenant"], self.to


class Post:
    """What `payments.doors.mail` needs of an SES client, and how often it took each mail."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.taken: Counter[tuple[str, str]] = Counter()
        self.seen: list[Callable[[Mail, int], None]] = []

    def send_email(self, **asked: Any) -> Item:
        require_well_formed(asked)
        return self._wire.send("mail", None, faults.MAIL, partial(self._take, asked))

    def _take(self, asked: Any, kind: str | None) -> Item:
        if kind == "timeout lost":
            raise Unanswered("timeout", sent=True)
        names = names_of({tag["Name"]: [tag["Value"]] for tag in asked["EmailTags"]})
        to, message = asked["Destination"]["ToAddresses"][0], f"message-{self.taken.total() + 1}"
        mail = Mail(asked, names, to, message, self._wire.begun)
        same = f"{names['tenant']}.{names['notice']}", to
        self.taken[same] += 1
        for see in self.seen:
            see(mail, self.taken[same])
        if kind == "timeout applied":
            raise Unanswered("timeout", sent=True)
        return {"MessageId": message}


class Stream:
    """Brings the outbox's new rows to their sender; what it loses the schedule finds."""

    def __init__(self, world: Any) -> None:
        self._world = world
        world.table.dynamo.written.append(self._wrote)

    def _wrote(self, before: Item | None, item: Item) -> None:
        if before is not None or not item["sk"]["S"].startswith("NOTICE#"):
            return
        world = self._world
        if world.faults.happens("webhook lost"):
            return
        for _ in range(2 if world.faults.happens("twice") else 1):
            wait = world.random.uniform(*BROUGHT_S)
            world.scheduler.after(wait, partial(self._bring, key_of(item)))

    def _bring(self, key: tuple[str, str]) -> None:
        event = {"Records": [stream_record(key)]}
        self._world.scheduler.spawn(partial(self._world.cloud.call, SENDER, event))
