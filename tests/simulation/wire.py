"""Every request that leaves a function: a place to wait, to fail and to die."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlsplit

from greenlet import getcurrent

from local.standin.engine import faults as standin_faults
from local.standin.transport import InProcessClient
from payments.doors.aws.answers import Unanswered
from payments.doors.table import Row, from_attributes
from tests.doubles.dynamo import Dynamo, Item, Key, failure, key_of
from tests.simulation import faults
from tests.simulation.faults import KILLS, Faults
from tests.simulation.scheduler import Scheduler

#: An ordinary request, in seconds, and a slow one; how many are slow.
LATENCY_S, SLOW_S = (0.004, 0.06), (0.1, 9.0)
SLOW = 0.05
FROZEN_S = (20.0, 900.0)
LATE_S = (1.0, 900.0)
STALE_WRITES_MAX, STALE_S = 6, 60.0


class Died(BaseException):
    """The process ended here: no handler can catch this, and none gets any further."""


@dataclass
class Invocation:
    """One run of one function, from its event to its answer or its death."""

    function: str
    number: int
    deadline: float
    begun: float = 0.0
    tenant: str | None = None
    dead: bool = False
    environment: Any = None


@dataclass
class Plan:
    """A run in which exactly the given requests fail, by their number."""

    failing: dict[int, str] = field(default_factory=dict)
    #: What was sent, and how each could have failed.
    passed: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


class Wire:
    """What all doors' clients send through."""

    def __init__(self, scheduler: Scheduler, drawn: Faults) -> None:
        self.scheduler, self.faults = scheduler, drawn
        self.requests = self.kills = 0
        self.trace: list[str] | None = None
        self.plan: Plan | None = None

    def send(
        self, verb: str, what: Any, kinds: tuple[str, ...], perform: Callable[[str | None], Any]
    ) -> Any:
        """
        Wait for one's turn, draw a fault, and let `perform` happen as far as it goes.

        `verb` and `what` name the request; they become text only where somebody reads it.
        """
        invocation = getattr(getcurrent(), "invocation", None)
        if invocation is None:
            return perform(None)
        self._wait(invocation)
        self.requests += 1
        kind = self._fault(verb, what, kinds)
        if self.trace is not None:
            named = verb if what is None else f"{verb} {what}"
            self.note(f"{invocation.number}:{invocation.function} {named} {kind or ''}")
        if kind is None:
            return perform(None)
        if kind == KILLS[0]:
            self._kill(invocation)
        answer = perform(kind if kind in kinds else None)
        if kind == KILLS[1]:
            self._kill(invocation)
        return answer

    @property
    def begun(self) -> float:
        """When what is running was invoked."""
        invocation = getattr(getcurrent(), "invocation", None)
        return invocation.begun if invocation else self.scheduler.now

    def note(self, text: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{self.scheduler.now:.3f} {text}")

    def _wait(self, invocation: Invocation) -> None:
        if invocation.dead:
            raise Died
        random = self.scheduler.random.random
        low, high = LATENCY_S
        if self.faults.on:
            if (drawn := random()) < SLOW:
                low, high = SLOW_S
            elif self.plan is None and self.faults.freezes(drawn - SLOW):
                low, high = FROZEN_S
        self.scheduler.pause(low + (high - low) * random())
        if invocation.dead:
            raise Died

    def _fault(self, verb: str, what: Any, kinds: tuple[str, ...]) -> str | None:
        if self.plan is None:
            # Only of Stripe's addresses is it remembered that they fail.
            address = (verb, what) if kinds is faults.STRIPE else None
            return self.faults.draw(kinds, address)
        number = len(self.plan.passed)
        self.plan.passed.append((verb, kinds))
        return self.plan.failing.get(number)

    def _kill(self, invocation: Invocation) -> None:
        invocation.dead = True
        self.kills += 1
        raise Died


class Reading:
    """A stored row as it is, as the product reads it, and as text."""

    def __init__(self, item: Item) -> None:
        self.item = item

    @cached_property
    def row(self) -> Row:
        return from_attributes(self.item)

    @cached_property
    def text(self) -> str:
        return repr(self.item)


class Watched(Dynamo):
    """The in-memory DynamoDB, and what an observer wants to see of it."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        #: What was stored is never changed, only replaced, so it is read once.
        self.read_before: dict[int, Reading] = {}
        #: The keys of what this world has written; the rows in which all begin are looked at once.
        self.changed: dict[Key, None] = {}
        self.writes = 0
        self.written: list[Callable[[Item | None, Item], None]] = []
        self._scheduler = scheduler
        self._latest: deque[tuple[float, Item | None, Item]] = deque(maxlen=STALE_WRITES_MAX)

    def keep(self, item: Item) -> None:
        key = key_of(item)
        before = self.rows.get(key)
        self.place(item)
        self.changed[key] = None
        self.writes += 1
        self._latest.append((self._scheduler.now, before, item))
        for observe in self.written:
            observe(before, item)

    def read(self, item: Item) -> Reading:
        found = self.read_before.get(id(item))
        if found is None:
            found = self.read_before[id(item)] = Reading(item)
        return found

    def readings(self) -> Iterator[tuple[Key, Reading]]:
        """Yield what this world has written, by its key."""
        for key in self.changed:
            yield key, self.read(self.rows[key])

    def stale(self, ask: Callable[[], Item]) -> Item:
        """Answer as an index does that has not heard of the last writes."""
        latest = [entry for entry in self._latest if self._scheduler.now - entry[0] < STALE_S]
        missed = latest[-self._scheduler.random.randint(1, STALE_WRITES_MAX) :]
        for _, before, item in reversed(missed):
            self.go_back(item, before)
        try:
            return ask()
        finally:
            for _, _, item in missed:
                self.place(item)


class Table:
    """What `payments.doors.table` needs of a DynamoDB client."""

    def __init__(self, wire: Wire) -> None:
        self.dynamo = Watched(wire.scheduler)
        self._wire = wire

    def get_item(self, **asked: Any) -> Item:
        return self._send("get", key_of(asked["Key"]), _read(asked), "get_item", asked)

    def batch_get_item(self, **asked: Any) -> Item:
        ((_, wanted),) = asked["RequestItems"].items()
        return self._send("batch get", "", _read(wanted), "batch_get_item", asked)

    def put_item(self, **asked: Any) -> Item:
        return self._send("put", key_of(asked["Item"]), faults.PUT, "put_item", asked)

    def transact_write_items(self, **asked: Any) -> Item:
        keys = [key_of(entry["Put"]["Item"]) for entry in asked["TransactItems"]]
        return self._send("transact", keys, faults.TRANSACT, "transact_write_items", asked)

    def query(self, **asked: Any) -> Item:
        value = asked["ExpressionAttributeValues"][":pk"]["S"]
        return self._send("query", value, _read(asked), "query", asked)

    def _send(self, verb: str, what: Any, kinds: tuple[str, ...], method: str, asked: Item) -> Item:
        perform = partial(self._perform, getattr(self.dynamo, method), asked)
        return self._wire.send(verb, what, kinds, perform)

    def _perform(self, method: Callable[..., Item], asked: Item, kind: str | None) -> Item:
        if kind is None:
            return method(**asked)
        match kind:
            case "throttled":
                raise failure("ProvisionedThroughputExceededException")
            case "timeout lost":
                raise Unanswered("timeout", sent=True)
            case "conflict" if "TransactItems" in asked:
                reasons = [{"Code": "None"} for _ in asked["TransactItems"]]
                reasons[-1] = {"Code": "TransactionConflict"}
                raise failure("TransactionCanceledException", CancellationReasons=reasons)
            case "conflict":
                raise failure("TransactionConflictException")
            case "timeout applied":
                method(**asked)
                raise Unanswered("timeout", sent=True)
            case "sent twice":
                # The first answer was lost, and the client sent the request again.
                method(**asked)
            case "stale":
                return self.dynamo.stale(partial(method, **asked))
        return method(**asked)


def _read(asked: Item) -> tuple[str, ...]:
    """Give what can happen to a read: an index never shows the latest state for certain."""
    return faults.READ if asked.get("ConsistentRead") is True else faults.LOOSE


class Queue:
    """What `payments.doors.queue` needs of an SQS client."""

    def __init__(
        self,
        wire: Wire,
        arrive: Callable[[str, str, float], None],
        hide: Callable[[str, str, float], None],
    ) -> None:
        self._wire, self._arrive, self._hide = wire, arrive, hide

    def change_message_visibility_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        Entries: list[Item],  # noqa: N803
    ) -> None:
        def perform(kind: str | None) -> None:
            for entry in Entries if kind != "timeout lost" else ():
                self._hide(QueueUrl, entry["ReceiptHandle"], entry["VisibilityTimeout"])
            if kind:
                raise Unanswered("timeout", sent=True)

        self._wire.send("hide", QueueUrl, faults.MAIL, perform)

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803
        def perform(kind: str | None) -> None:
            if kind == "throttled":
                raise failure("ThrottlingException")
            if kind == "timeout lost":
                raise Unanswered("timeout", sent=True)
            random = self._wire.scheduler.random
            late = random.uniform(*LATE_S) if kind == "delayed" else random.uniform(0, 0.5)
            for _ in range(2 if kind == "duplicated" else 1):
                self._arrive(QueueUrl, MessageBody, late)
            if kind == "timeout applied":
                raise Unanswered("timeout", sent=True)

        self._wire.send("send", f"{QueueUrl} {MessageBody}", faults.SEND, perform)


class SecretsManager:
    """What `payments.doors.secrets` needs of a client."""

    def __init__(self, wire: Wire) -> None:
        self.kept: dict[str, str] = {}
        self._wire = wire

    def get_secret_value(self, *, SecretId: str) -> Item:  # noqa: N803
        def read() -> Item:
            if SecretId not in self.kept:
                raise failure("ResourceNotFoundException")
            return {"SecretString": self.kept[SecretId]}

        return self._wire.send("secret", SecretId, faults.SECRET, partial(_failing, read))

    def create_secret(self, *, Name: str, SecretString: str, **_: Any) -> None:  # noqa: N803
        def create() -> None:
            if Name in self.kept:
                raise failure("ResourceExistsException")
            self.kept[Name] = SecretString

        self._wire.send("create secret", Name, faults.SECRET, partial(_failing, create))

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:  # noqa: N803
        def put() -> None:
            self.kept[SecretId] = SecretString

        self._wire.send("put secret", SecretId, faults.SECRET, partial(_failing, put))


def _failing(perform: Callable[[], Any], kind: str | None) -> Any:
    if kind == "throttled":
        raise failure("ThrottlingException")
    if kind == "timeout lost":
        raise Unanswered("timeout", sent=True)
    return perform()


class Stripe(InProcessClient):
    """The stand-in as the SDK's transport, behind the wire."""

    def __init__(self, standin: Any, wire: Wire) -> None:
        super().__init__(standin.handle)
        self._standin, self._wire = standin, wire

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        verb, path = method.upper(), urlsplit(url).path
        send = partial(super().request, method, url, headers, post_data)

        def perform(kind: str | None) -> Any:
            if kind:
                late = self._wire.scheduler.random.uniform(*LATE_S)
                fault = standin_faults.Fault(verb, path, kind, times=1, delay_s=late)
                self._standin.faults.add(fault)
            return send()

        return self._wire.send(verb, path, faults.STRIPE, perform)

    def _sleep_time_seconds(self, num_retries: int) -> float:
        """Wait as the SDK would, by the simulation's clock."""
        self._wire.scheduler.pause(0.5 * num_retries + self._wire.scheduler.random.random())
        return 0.0
