"""A world: two merchants, their customers, Stripe and AWS, as one seed makes them."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any

from local.standin import StandIn
from local.standin.engine.faults import Fault
from payments.doors.keys import dated, partition
from tests.doubles.invocations import Answer, Json, answer_of, api_event, owner_of
from tests.doubles.payer import Payer
from tests.doubles.tenants import claims_of
from tests.simulation.bounces import Bounces
from tests.simulation.cloud import LOST, Cloud, Environment
from tests.simulation.deliveries import Webhooks
from tests.simulation.faults import Faults
from tests.simulation.mailing import Post, Stream
from tests.simulation.scheduler import Scheduler
from tests.simulation.truth import Truth
from tests.simulation.wire import Queue, SecretsManager, Stripe, Table, Wire
from tests.simulation.wiring import doors

BEGIN = datetime(2026, 9, 21, 14, 0, tzinfo=UTC).timestamp()
TENANTS = ("tulips", "bakery")
#: The second account of the last one, which the platform has connected.
CONNECTED = "branch"
NAMES = (*TENANTS, CONNECTED)


@dataclass(frozen=True)
class Kind:
    """Which layers of repair a world has; without some of them the others cannot hide behind."""

    name: str
    webhooks: bool = True
    reconciles: bool = True
    loses_events: bool = True
    outage: bool = False


ALL_LAYERS = Kind("all-layers")
NO_RECONCILE = Kind("no-reconcile", reconciles=False, loses_events=False)
NO_WEBHOOKS = Kind("no-webhooks", webhooks=False)
OUTAGE = Kind("schedules-down", outage=True)
KINDS = {kind.name: kind for kind in (ALL_LAYERS, NO_RECONCILE, NO_WEBHOOKS, OUTAGE)}
#: Half of all seeds see every layer, the other half does not.
ORDER = (ALL_LAYERS, NO_RECONCILE, ALL_LAYERS, NO_WEBHOOKS, ALL_LAYERS, OUTAGE)


@dataclass(frozen=True)
class Merchant:
    """What a person of a tenant knows."""

    tenant: str
    account: Json
    module: str
    cards: tuple[str, ...]
    connected: bool = False
    #: Another module of the same account, which only the profile of that name may use.
    desk: str = ""


class World:
    """One seed's world; `wired` has to be told of it before anything runs."""

    def __init__(self, seed: str, kind: Kind, standin: StandIn, truth: Truth) -> None:
        self.seed, self.kind, self.standin, self.truth = seed, kind, standin, truth
        self.random = Random(seed)
        self.scheduler = Scheduler(self.random, BEGIN)
        self.faults = Faults.drawn(self.random)
        self.wire = Wire(self.scheduler, self.faults)
        self.table, self.secrets = Table(self.wire), SecretsManager(self.wire)
        self.secrets.kept["receivable/sim/keys/pay-links"] = '{"key": "simulated"}'
        self.stripe = Stripe(standin, self.wire)
        self.cloud = Cloud(self)
        self.sqs = Queue(self.wire, self.cloud.arrive, self.cloud.hide)
        self.webhooks, self.payer = Webhooks(self), Payer(standin)
        self.post, self.stream = Post(self.wire), Stream(self)
        self.bounces = Bounces(self)
        #: Whether mails are set up; without them, all else is as it is.
        self.mails = True
        self.outside: Environment | None = None
        self.merchants: dict[str, Merchant] = {}
        self.errors: list[Exception] = []
        self.told: list[tuple[str | None, str]] = []
        self._requests = count(1)
        standin.clock._source = lambda: self.scheduler.now
        standin.deliveries.add = self.webhooks.add
        truth.due = lambda due: self.scheduler.at(due, standin.run_jobs)

    def time(self) -> datetime:
        return datetime.fromtimestamp(int(self.scheduler.now), UTC)

    def new_id(self, prefix: str) -> str:
        tail = self.random.getrandbits(80).to_bytes(10, "big")
        return dated(prefix, int(self.scheduler.now * 1000), tail)

    def new_token(self) -> str:
        return base64.urlsafe_b64encode(self.random.randbytes(32)).decode().rstrip("=")

    def environment(self, module: Any) -> Environment:
        table, made = doors(self)
        return Environment(module, made, table)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Json | None = None,
        *,
        who: tuple[str, str] | None = None,
        query: Json | None = None,
    ) -> Answer | None:
        """Send a request to the API as `who` (tenant, role), and wait: None if none answers."""
        event = self.event(method, path, body, headers, who=who, query=query)
        tenant = who[0] if who else None
        result = self.cloud.call(owner_of(event["routeKey"]), event, tenant=tenant)
        if result is LOST:
            return None
        answer = answer_of(result)
        self.told.append((tenant, answer.text))
        return None if who and self.faults.happens("answer lost") else answer

    def event(
        self,
        method: str,
        path: str,
        body: bytes | str | None,
        headers: Json | None,
        *,
        who: tuple[str, str] | None = None,
        query: Json | None = None,
    ) -> Json:
        raw = isinstance(body, bytes)
        text = base64.b64encode(body).decode() if isinstance(body, bytes) else body
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        claims = claims_of(*who) if who else None
        number = f"request-{next(self._requests)}"
        event = api_event(method, path, text, lower, request=number, query=query, claims=claims)
        return event | {"isBase64Encoded": raw}

    def leave_alone(self, names: set[str]) -> None:
        """Have these merchants' accounts be none that a schedule finds."""
        dynamo = self.table.dynamo
        for name in sorted(names):
            merchant = self.merchants[name]
            home = partition(merchant.tenant, "ACC", merchant.account["id"])
            row = dynamo.rows[home, "ACCOUNT"]
            dynamo.place({name: row[name] for name in row if not name.startswith("due_")})

    def lose(self, path: str) -> None:
        """Let the answer to the next request be lost, both times that the SDK sends it."""
        for kind in ("timeout_applied", "timeout_lost"):
            self.standin.faults.add(Fault("POST", path, kind, times=1))

    def close(self) -> None:
        self.scheduler.end()
        self.cloud.close()
        self.standin.faults.clear()
