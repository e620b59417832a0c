"""The world in which every seed begins, and how worlds are made from it."""

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from local.standin import StandIn
from local.standin.engine.clock import Ids
from local.standin.engine.store import Snapshot
from tests.doubles.dynamo import Dynamo
from tests.doubles.invocations import Answer, Json, answer_of, api_event, owner_of
from tests.doubles.tenants import claims_of, storefront_row
from tests.functions.shop import FEATURES, Shop, expect
from tests.functions.world import Client
from tests.simulation import connecting
from tests.simulation.conversion import CONVERTING, convert
from tests.simulation.scheduler import HOUR, MINUTE
from tests.simulation.truth import Truth
from tests.simulation.wiring import Log, wired
from tests.simulation.world import ALL_LAYERS, BEGIN, CONNECTED, TENANTS, Kind, Merchant, World

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
OVERPAYMENT = dict(zip(TENANTS, ("refund", "credit"), strict=True))
#: New objects after which the interpreter looks for garbage: some tens of seeds.
GARBAGE = 50_000


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
        self.standin.settling.clear()
        world = World(f"{kind.name}:{seed}", kind, self.standin, self.truth)
        world.table.dynamo.begin_as(self.table)
        world.secrets.kept = dict(self.secrets)
        world.merchants = self.merchants
        convert(world, self.merchants[CONVERTING].account["stripe_account"])
        world.scheduler.now = BEGIN + HOUR
        for due in self.jobs:
            world.scheduler.at(due, self.standin.run_jobs)
        return world


def _merchant(opening: Opening, tenant: str, *, connected: bool = False) -> Merchant:
    if connected:
        shop = connecting.connected_shop(opening, tenant)
    else:
        shop = Shop.open(opening, tenant)
        # One tenant gives back what is too much, and the other one keeps it as credit.
        connecting.decide(opening, tenant, overpayment=OVERPAYMENT[tenant])
    cards = tuple(shop.save_card(card) for card in CARDS)
    desk = "" if connected else _desk(shop)
    return Merchant(tenant, shop.account, shop.module["id"], cards, connected, desk)


def _desk(shop: Shop) -> str:
    """Make a module of the same account, which only the profile "desk" may use."""
    body = {"name": "Desk", "account": shop.account["id"], "features": FEATURES}
    made = str(expect(201, shop.admin.post("/v1/payment-modules", body))["id"])
    expect(200, shop.admin.post(f"/v1/payment-modules/{made}/state", {"state": "sandbox"}))
    expect(200, shop.admin.put(f"/v1/profiles/desk/modules/{made}"))
    return made


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
