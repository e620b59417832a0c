"""A world: two merchants, their customers, Stripe and AWS, as one seed makes them."""

import base64
import gc
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from random import Random
from typing import Any
from urllib.parse import urlsplit

from local.standin import StandIn
from local.standin.engine.clock import Ids
from local.standin.engine.faults import Fault
from local.standin.engine.store import Snapshot
from payments.doors.keys import dated, partition
from tests.doubles.dynamo import Dynamo
from tests.doubles.invocations import Answer, Json, answer_of, api_event, owner_of
from tests.doubles.payer import Payer
from tests.doubles.tenants import claims_of, storefront_row
from tests.functions.shop import Shop
from tests.functions.world import Client
from tests.simulation import connecting
from tests.simulation.cloud import LOST, Cloud, Environment
from tests.simulation.faults import Faults
from tests.simulation.mailing import Post, Stream
from tests.simulation.scheduler import Scheduler
from tests.simulation.wire import Queue, SecretsManager, Stripe, Table, Wire
from tests.simulation.wiring import Log, doors, wired

BEGIN = datetime(2026, 9, 21, 14, 0, tzinfo=UTC).timestamp()
TENANTS = ("tulips", "bakery")
#: The second account of the last one, which the platform has connected.
CONNECTED = "branch"
NAMES = (*TENANTS, CONNECTED)
#: One that is charged, one that the bank declines, one whose bank wants to see its holder; three
#: whose refunds fail, take their time or need their payer; one whose payer disputes, one who asks.
CARDS = (
    "visa",
    "chargeCustomerFail",
    "authenticationRequired",
    "refundFail",
    "pendingRefund",
    "refundRequiresAction",
    "createDispute",
    "createDisputeInquiry",
)
#: Stripe tries for three days.
AGAIN_S = (60, 300, 1800, 7200, 18_000, 36_000, 36_000, 36_000, 36_000, 36_000)
MINUTE, HOUR = 60.0, 3600.0
#: New objects after which the interpreter looks for garbage: some tens of seeds.
GARBAGE = 50_000
#: A function looks for a new webhook secret at most once in ten seconds; it takes a while itself.
RECHECK_S = 20.0


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


class Truth:
    """What Stripe really has, kept as it is written: no request can lie about it."""

    KEPT = frozenset({
        "payment_intent", "charge", "checkout.session", "balance_transaction", "refund", "dispute",
        "fee_refund",
    })  # fmt: skip

    def __init__(self, standin: StandIn) -> None:
        self.kept: dict[str, dict[str, Json]] = {kind: {} for kind in self.KEPT}
        self.seen: list[Callable[[Json], None]] = []
        self.due: Callable[[float], None] = lambda _: None
        self._pending: list[Json] = []
        store = standin.store
        for name in ("insert", "update"):
            setattr(store, name, partial(self._wrote, getattr(store, name)))
        store.commit = partial(self._committed, store.commit)
        store.rollback = partial(self._rolled_back, store.rollback)
        store.add_job = partial(self._added_job, store.add_job)

    def all(self, kind: str, **wanted: Any) -> list[Json]:
        return [
            found
            for found in self.kept[kind].values()
            if all(found.get(name) == value for name, value in wanted.items())
        ]

    def _wrote(self, write: Callable[..., None], scope: str, obj: Json, *rest: Any) -> None:
        write(scope, obj, *rest)
        if obj["object"] in self.KEPT:
            self._pending.append({**obj, "scope": scope})

    def _committed(self, commit: Callable[[], None]) -> None:
        commit()
        pending, self._pending = self._pending, []
        for obj in pending:
            self.kept[obj["object"]][obj["id"]] = obj
            for see in self.seen:
                see(obj)

    def _rolled_back(self, rollback: Callable[[], None]) -> None:
        rollback()
        self._pending.clear()

    def _added_job(self, add: Callable[..., None], due: float, *rest: Any) -> None:
        add(due, *rest)
        self.due(due)


class Webhooks:
    """Stripe's deliveries: at least once, in no order, and perhaps never."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.acknowledged: dict[str, float] = {}
        #: Genuine events that were refused for their signature.
        self.refused: list[str] = []
        self.kept_down_until = self.rotated_at = 0.0

    def add(self, outbox: list[Any]) -> None:
        world, random = self._world, self._world.random
        for outgoing in outbox:
            if not world.kind.webhooks:
                break
            if world.kind.loses_events and world.faults.happens("webhook lost"):
                continue
            for _ in range(2 if world.faults.happens("webhook twice") else 1):
                late = world.faults.happens("webhook late")
                wait = random.uniform(MINUTE, 3 * HOUR) if late else random.uniform(0.05, 4)
                world.scheduler.after(wait, partial(self._begin, outgoing, 0))
        outbox.clear()

    def _begin(self, outgoing: Any, tries: int) -> None:
        self._world.scheduler.spawn(partial(self._deliver, outgoing, tries))

    def _deliver(self, outgoing: Any, tries: int) -> None:
        world, sent = self._world, []
        world.standin.deliveries._send(outgoing, lambda *request: sent.append(request) or 200)
        if not sent:
            return
        url, headers, body = sent[0]
        if world.faults.happens("endpoint down"):
            self.kept_down_until = world.scheduler.now + world.random.uniform(MINUTE, 30 * MINUTE)
        status = 0 if world.scheduler.now < self.kept_down_until else self._post(url, headers, body)
        if status == 400 and world.scheduler.now - self.rotated_at > RECHECK_S:
            self.refused.append(outgoing.event)
        if 200 <= status < 300:
            self.acknowledged.setdefault(outgoing.event, world.scheduler.now)
        elif tries < len(AGAIN_S):
            again = partial(self._begin, outgoing, tries + 1)
            world.scheduler.after(AGAIN_S[tries] * world.random.uniform(0.9, 1.1), again)

    def rotate(self, account: Json) -> None:
        """Give an endpoint a new secret, as an operator rotates it: here, and at Stripe."""
        world, self.rotated_at = self._world, self._world.scheduler.now
        name = f"receivable/sim/webhooks/{account['id']}/test"
        kept = json.loads(world.secrets.kept[name])
        fresh = f"whsec_{world.new_token()}"
        value = kept | {"current": fresh, "previous": kept["current"]}
        world.secrets.kept[name] = json.dumps(value)
        store, scope = world.standin.store, account["stripe_account"]
        (endpoint,) = store.select(scope, "webhook_endpoint")
        store.hide(scope, endpoint["id"], secret=fresh)

    def _post(self, url: str, headers: Json, body: bytes) -> int:
        answer = self._world.ask("POST", urlsplit(url).path, body, headers)
        return answer.status if answer else 0


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
        self.sqs = Queue(self.wire, self.cloud.arrive)
        self.webhooks, self.payer = Webhooks(self), Payer(standin)
        self.post, self.stream = Post(self.wire), Stream(self)
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


class Opening:
    """The same world from outside, without faults, as the shop's steps want to see it."""

    def __init__(self, world: World) -> None:
        self._world, self._requests = world, count(1)

    def client(self, tenant: str, role: str = "admin") -> Client:
        return Client(self, claims_of(tenant, role))

    @property
    def public(self) -> Client:
        return Client(self, None)

    @property
    def standin(self) -> StandIn:
        return self._world.standin

    def event(self, method: str, path: str, body: Any, headers: Json, **more: Any) -> Json:
        name = f"opening-{next(self._requests)}"
        # The tests' clients count all keys of a process; here every opening is the same.
        keyed = headers | {"idempotency-key": name} if "idempotency-key" in headers else headers
        return api_event(method, path, body, keyed, request=name, **more)

    def invoke(self, event: Json) -> Answer:
        function = owner_of(event["routeKey"])
        return answer_of(self._world.cloud.call_now(function, event))

    def press(self, url: str, card: str = "visa") -> Any:
        return self._world.payer.press(url, card)

    def deliver(self) -> None:
        self._world.scheduler.run_until(self._world.scheduler.now + MINUTE)


@dataclass
class Base:
    """The world in which every seed begins: connected, granted, with saved cards."""

    standin: StandIn
    truth: Truth
    table: Dynamo
    secrets: dict[str, str]
    kept: Snapshot
    objects: dict[str, dict[str, Json]]
    merchants: dict[str, Merchant]
    jobs: list[float] = field(default_factory=list)

    @classmethod
    def make(cls, use: Callable[[Any], None]) -> "Base":
        standin = StandIn(control=True, seed=0, clock=lambda: BEGIN)
        truth = Truth(standin)
        world = World("base", ALL_LAYERS, standin, truth)
        use(world)
        for tenant in TENANTS:
            world.table.dynamo.keep(storefront_row(tenant))
        world.secrets.kept[connecting.SECRET] = connecting.KEPT
        opening = Opening(world)
        merchants = {tenant: _merchant(opening, tenant) for tenant in TENANTS}
        merchants[CONNECTED] = _merchant(opening, TENANTS[-1], connected=True)
        world.scheduler.run_until(BEGIN + HOUR)
        world.close()
        kept = standin.store.snapshot()
        jobs = [job.due for job in sorted(kept.jobs, key=lambda job: job.number)]
        # The sessions in which cards were saved are complete: there is nothing left to expire.
        assert all(session["status"] == "complete" for session in truth.all("checkout.session"))
        left = [job for job in kept.jobs if job.name != "expire_session"]
        return cls(
            standin=standin,
            truth=truth,
            table=world.table.dynamo,
            secrets=dict(world.secrets.kept),
            kept=replace(kept, jobs=left),
            objects={kind: dict(found) for kind, found in truth.kept.items()},
            merchants=merchants,
            jobs=jobs,
        )

    def world(self, seed: int, kind: Kind) -> World:
        """Give a world in which nothing has happened yet."""
        self.standin.store.restore(self.kept)
        self.standin._in_flight = set()
        self.standin.ids = Ids(seed + 1)
        self.truth.kept = {name: dict(found) for name, found in self.objects.items()}
        self.truth.seen = []
        world = World(f"{kind.name}:{seed}", kind, self.standin, self.truth)
        world.table.dynamo.begin_as(self.table)
        world.secrets.kept = dict(self.secrets)
        world.merchants = self.merchants
        world.scheduler.now = BEGIN + HOUR
        for due in self.jobs:
            world.scheduler.at(due, self.standin.run_jobs)
        return world


def _merchant(opening: Opening, tenant: str, *, connected: bool = False) -> Merchant:
    if connected:
        shop = connecting.connected_shop(opening, tenant)
    else:
        shop = Shop.open(opening, tenant)
        connecting.let_payers_return(opening, tenant)
    cards = tuple(shop.save_card(card) for card in CARDS)
    return Merchant(tenant, shop.account, shop.module["id"], cards, connected)


@contextmanager
def simulated() -> Iterator[tuple[Base, Log, Callable[[Any], None]]]:
    """Give what worlds are made from, as long as the product's clock and dice are ours."""
    log = Log()
    with wired(log) as use, ExitStack() as ends:
        base = Base.make(use)
        ends.callback(base.standin.close)
        ends.enter_context(rare_collections())
        yield base, log, use


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for garbage only where seeds leave it, and seldom: what is here now is needed by all."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
