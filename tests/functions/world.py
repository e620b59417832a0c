"""Two tenants, the real handlers and real doors, on one clock and without a network."""

import base64
import importlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from io import StringIO
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from local.paths import ROOT
from local.standin import StandIn
from local.standin.engine.messages import Request
from local.standin.transport import InProcessClient
from payments.doors.keys import dated
from payments.doors.table import Table
from payments.edge import headers
from payments.edge.roles import ROUTES
from tests.doubles.dynamo import Dynamo
from tests.doubles.invocations import (
    TIMEOUTS_MS,
    Answer,
    Context,
    Json,
    answer_of,
    api_event,
    owner_of,
    record,
    stream_record,
)
from tests.doubles.payer import Payer
from tests.doubles.post import Post
from tests.doubles.tenants import claims_of, secret_key

if TYPE_CHECKING:
    # Not at run time: the simulation uses this, and its environments have no pytest.
    import pytest

BEGIN = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)
REGION = "eu-central-1"
KEYS = count(1)
#: On every answer of every function, whatever a test is about.
SECURE = {name.lower(): value for name, value in headers.SECURE.items()}


@cache
def responses() -> dict[str, Json]:
    """What functions/openapi.json says that each route with a token may answer."""
    paths = json.loads((ROOT / "functions" / "openapi.json").read_text())["paths"]
    published = {
        (verb.upper(), re.sub("{[^}]*}", "{}", path)): shape["responses"]
        for path, verbs in paths.items()
        for verb, shape in verbs.items()
    }
    return {route: published[tuple(re.sub("{[^}]*}", "{}", route).split(" "))] for route in ROUTES}


class Died(BaseException):
    """The process ended here, as a crash or a timeout ends it: no handler can catch this."""


@dataclass
class Gate:
    """Sees every request to AWS and to Stripe, and can end the invocation at one of them."""

    passed: list[str] = field(default_factory=list)
    deadly: tuple[int, str] | None = None
    #: What happens elsewhere just before a request is sent, once.
    before: tuple[int, Callable[[], object]] | None = None

    def through(self, name: str, send: Callable[[], Any]) -> Any:
        number = len(self.passed)
        self.passed.append(name)
        if self.before and self.before[0] == number:
            happen, self.before = self.before[1], None
            happen()
        if self.deadly == (number, "before"):
            raise Died(name)
        try:
            return send()
        finally:
            if self.deadly == (number, "after"):
                raise Died(name)

    def arm(self, number: int | None, moment: str = "before") -> None:
        self.passed.clear()
        self.deadly = None if number is None else (number, moment)


class Guarded:
    """An AWS client whose every request goes through the gate."""

    def __init__(self, client: Any, gate: Gate) -> None:
        self._client, self._gate = client, gate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        return lambda **asked: self._gate.through(name, lambda: method(**asked))


class GuardedStripe(InProcessClient):
    """The stand-in as the SDK's transport, through the gate."""

    def __init__(self, standin: StandIn, gate: Gate) -> None:
        super().__init__(standin.handle)
        self._gate = gate

    def request(
        self, method: str, url: str, headers: Any, post_data: Any = None, **more: Any
    ) -> Any:
        send = super().request
        name = f"{method.upper()} {urlsplit(url).path}"
        return self._gate.through(name, lambda: send(method, url, headers, post_data, **more))


@dataclass(frozen=True)
class Client:
    """One caller: what their token says, and the requests they can send."""

    world: "World"
    claims: Json | None

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "",
        headers: dict[str, str] | None = None,
        query: Json | None = None,
        raw: str | None = None,
    ) -> Answer:
        """`key` "" takes a fresh Idempotency-Key for a POST, None sends none."""
        sent = dict(headers or {})
        if method == "POST" and key is not None:
            sent["idempotency-key"] = key or f"key-{next(KEYS)}"
        text = raw if raw is not None else None if body is None else json.dumps(body)
        event = self.world.event(method, path, text, sent, query=query, claims=self.claims)
        return self.world.invoke(event)

    def get(self, path: str, **query: Any) -> Answer:
        return self.send("GET", path, query=query)

    def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.send("POST", path, body, **more)

    def put(self, path: str, body: Any = None) -> Answer:
        return self.send("PUT", path, body)


class World:
    """Everything a test needs, and the steps of the main job."""

    def __init__(self, aws: Any, resources: Json, gate: Gate) -> None:
        self.aws, self.resources, self.gate = aws, resources, gate
        self.dynamo, self.post = Dynamo(), Post()
        self._streamed: set[tuple[str, str]] = set()
        #: What the one browser of everybody here keeps; a test that empties it takes another one.
        self.cookies: dict[str, str] = {}
        self.ahead, self._ids = timedelta(), count()
        self.remaining_ms: int | None = None
        self.log = StringIO()
        self.standin = StandIn(control=True, clock=lambda: self.now().timestamp())
        self.stripe_client = GuardedStripe(self.standin, gate)

    def now(self) -> datetime:
        return BEGIN + self.ahead

    def new_id(self, prefix: str) -> str:
        """Give the next id: each a millisecond after the one before, by this world's clock."""
        at = self.now() + timedelta(milliseconds=next(self._ids))
        return dated(prefix, int(at.timestamp() * 1000), os.urandom(10))

    def advance(self, **units: float) -> None:
        self.ahead += timedelta(**units)

    def client(self, tenant: str = "tulips", role: str = "admin") -> Client:
        """A person; the storefront is a machine whose client id a row maps to its tenant."""
        return Client(self, claims_of(tenant, role))

    @property
    def public(self) -> Client:
        return Client(self, None)

    def event(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: Json | None = None,
        **more: Json | None,
    ) -> Json:
        event = api_event(method, path, body, headers, request=f"request-{next(KEYS)}", **more)
        sent = [f"{name}={value}" for name, value in self.cookies.items()]
        return event | ({"cookies": sent} if sent else {})

    def invoke(self, event: Json, function: str | None = None) -> Answer:
        """Send a request; whatever a test is about, an answer is one that the document names."""
        route = event["routeKey"]
        answer = answer_of(self.run(function or owner_of(route), event))
        assert SECURE.items() <= answer.headers.items(), (route, answer)
        if "set-cookie" in answer.headers:
            name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
            self.cookies[name] = value
        named = responses().get(route, ())
        assert not named or answer.status >= 400 or str(answer.status) in named, (route, answer)
        return answer

    def run(self, function: str, event: Json) -> Any:
        """Invoke a function as Lambda does: the event and its answer are JSON."""
        handler = importlib.import_module(function).handler
        context = Context(self.remaining_ms or TIMEOUTS_MS.get(function, 29_000))
        return json.loads(json.dumps(handler(json.loads(json.dumps(event)), context)))

    # The table, the queues and Stripe, as a test looks at them.

    def rows(self) -> dict[tuple[str, str], Json]:
        """Every row of the table."""
        return dict(self.dynamo.rows)

    def facts(self) -> dict[tuple[str, str], Json]:
        """Every row but keys, tallies and the audit trail, which note only that a request came."""
        return {
            key: row
            for key, row in self.rows().items()
            if key[1] not in {"IDEMPOTENCY", "TALLY"} and "#AUD#" not in key[0]
        }

    def never_still(self, sort: str, patch: "pytest.MonkeyPatch") -> None:
        """From now on somebody else changes these rows just before each write; nobody waits."""
        through = self.gate.through

        def passing(name: str, send: Callable[[], Any]) -> Any:
            if name in {"put_item", "transact_write_items"}:
                for (_, sk), row in self.rows().items():
                    if sk.startswith(sort):
                        version = {"N": str(int(row["version"]["N"]) + 1)}
                        self.dynamo.place({**row, "version": version})
            return through(name, send)

        patch.setattr(self.gate, "through", passing)
        patch.setattr(Table, "wait", lambda *_: None)

    def messages(self, queue: str) -> Iterator[Json]:
        """Take what is in `events` or `reconciliations`, as SQS hands it over."""
        sqs, url = self.aws("sqs"), self.resources[queue]
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield record(json.loads(message["Body"]), message["MessageId"])

    def work(self, function: str, *records: Json) -> list[str]:
        """Run a queue's function on `records`; return the ids of those that have to come again."""
        answer = self.run(function, {"Records": list(records)})
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def deliver(self) -> list[str]:
        """
        Send Stripe's events to the webhook, and what it queued to `apply_event`.

        Those of a payment come in two parts: its fee is told a moment later, once Stripe's books
        know of the charge.
        """
        return self.deliver_now() + self.deliver_fees()

    def deliver_fees(self) -> list[str]:
        """Wait for Stripe's books where they are behind, and hear what they tell."""
        if not self.standin.store.awaits("book_charge"):
            return []
        self.wait_for_books()
        return self.deliver_now()

    def wait_for_books(self) -> None:
        """Let Stripe's own books know of what was charged."""
        self.advance(seconds=self.standin.books_after_s)
        self.standin.run_jobs()

    def deliver_now(self) -> list[str]:
        """Send what Stripe has to tell by now, as `deliver` does."""
        self.standin.deliveries.run_due(self._receive)
        records = list(self.messages("events"))
        return self.work("apply_event", *records) if records else []

    def notify(self) -> None:
        """Bring to their sender the rows that the table's stream has not brought yet."""
        fresh = [key for key in self.rows() if key[1].startswith("NOTICE#")]
        records = [stream_record(key) for key in fresh if key not in self._streamed]
        self._streamed.update(fresh)
        if records:
            self.run("send_notifications", {"Records": records})

    def _receive(self, url: str, headers: dict[str, str], body: bytes) -> int:
        lower = {name.lower(): value for name, value in headers.items()}
        event = self.event("POST", urlsplit(url).path, base64.b64encode(body).decode(), lower)
        return self.invoke(event | {"isBase64Encoded": True}).status

    def control(self, command: str, **content: Any) -> Json:
        path, body = f"/_control/{command}", json.dumps(content).encode()
        answer = self.standin.handle(Request("POST", path, "", {}, body))
        assert answer.status == 200, answer.body
        return dict(answer.json)

    def fail(self, path: str, *kinds: str, method: str = "POST") -> None:
        """Let the next requests to `path` fail; the SDK sends each of ours twice."""
        for kind in kinds:
            self.control("faults", method=method, path=path, kind=kind, times=1)

    def truth(self, account: Json) -> Json:
        query = urlencode({"account": account["stripe_account"]})
        return dict(self.standin.handle(Request("GET", "/_control/truth", query)).json)

    def charged(self, account: Json) -> list[int]:
        """What Stripe really took, oldest first."""
        return [charge["amount"] for charge in self.truth(account)["charges"] if charge["paid"]]

    def booked(self, tenant: str = "tulips") -> list[int]:
        """What the books say was taken, in no order."""
        rows = self.rows().items()
        mine = [row for (pk, sk), row in rows if sk.startswith("PAYMENT#") and f"#{tenant}#" in pk]
        return [int(row["gross"]["N"]) for row in mine]

    def at_stripe(self, method: str, path: str, *, tenant: str = "tulips", **form: str) -> Json:
        """Ask Stripe with a tenant's own key."""
        headers = {"authorization": f"Bearer {secret_key(tenant)}"}
        query, body = (urlencode(form), "") if method == "GET" else ("", urlencode(form))
        return dict(self.standin.handle(Request(method, path, query, headers, body.encode())).json)

    def press(self, url: str, card: str = "visa") -> Any:
        return Payer(self.standin).press(url, card)

    def submit(self, path: str, **form: str) -> Any:
        return Payer(self.standin).submit(path, **form)
