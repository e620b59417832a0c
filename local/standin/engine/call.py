"""One request or due job as the subjects see it: its account, parameters, store, events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.standin.engine import recording
from local.standin.engine.deliveries import Outgoing
from local.standin.engine.errors import Missing
from local.standin.engine.messages import Json
from local.standin.engine.scopes import account_of, is_live, scope_of
from local.standin.engine.states import MACHINES

if TYPE_CHECKING:
    from local.standin.engine.access import Credentials
    from local.standin.engine.world import World

# Names as Stripe's sentences have them, where they differ from the object's own.
SPOKEN = {
    "payment_method": "PaymentMethod",
    "setup_intent": "setupintent",
    "balance_transaction": "balance transaction",
    "application_fee": "application fee",
    "webhook_endpoint": "webhook endpoint",
}


class Call:
    """What a handler works with."""

    def __init__(
        self,
        world: World,
        scope: str,
        *,
        credentials: Credentials | None = None,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        version: str = "",
        url: str = "",
    ) -> None:
        self.world = world
        self.store = world.store
        self.scope = scope
        self.credentials = credentials
        self.request_id = request_id
        self.idempotency_key = idempotency_key
        self.version = version or world.api_version
        self.url = url
        # The scope of the platform, when this call acts for a connected account.
        self.platform: str | None = None
        if credentials is not None and credentials.account != self.account:
            self.platform = scope_of(credentials.account, livemode=self.livemode)
        self.params: Json = {}
        self.path: dict[str, str] = {}
        self.outbox: list[Outgoing] = []
        self._audience: recording.Audience | None = None

    def on(self, scope: str) -> Call:
        """See the same call from another account, as a platform sees its connected ones."""
        other = Call(
            self.world, scope,
            credentials=self.credentials, request_id=self.request_id,
            idempotency_key=self.idempotency_key, version=self.version, url=self.url,
        )  # fmt: skip
        other.outbox = self.outbox
        return other

    @property
    def account(self) -> str:
        return account_of(self.scope)

    @property
    def livemode(self) -> bool:
        return is_live(self.scope)

    @property
    def now(self) -> int:
        return int(self.world.clock.now())

    def scope_for(self, account: str) -> str:
        return scope_of(account, livemode=self.livemode)

    def new_id(self, prefix: str, length: int = 24) -> str:
        return self.world.ids.new(prefix, length)

    def secret_for(self, ident: str) -> str:
        return f"{ident}_secret_{self.world.ids.token(25)}"

    def find(self, kind: str, ident: str) -> Json | None:
        return self.store.get(self.scope, kind, ident)

    def get(self, kind: str, ident: str, *, param: str = "id", in_path: bool = False) -> Json:
        obj = self.find(kind, ident)
        if obj is None or obj.get("deleted"):
            raise Missing(SPOKEN.get(kind, kind), ident, param=param, in_path=in_path)
        return obj

    def named(self, kind: str, param: str = "id") -> Json:
        """Read the object that the path names."""
        return self.get(kind, self.path["id"], param=param, in_path=True)

    def insert(self, obj: Json, kind: str | None = None) -> Json:
        if machine := MACHINES.get(kind or obj["object"]):
            machine.check(None, obj)
        self.store.insert(self.scope, obj, kind)
        return obj

    def save(self, obj: Json, before: Json | None = None) -> None:
        """Write an object; `before` saves reading the stored one again."""
        if machine := MACHINES.get(obj["object"]):
            machine.check(before or self.find(machine.kind, obj["id"]), obj)
        self.store.update(self.scope, obj)

    def replace(self, obj: Json) -> Json:
        """Write, and give what changed, as an event's `previous_attributes` has it."""
        before = self.find(obj["object"], obj["id"])
        self.save(obj, before)
        return recording.difference(before or {}, obj)

    def emit(self, name: str, obj: Json, previous: Json | None = None) -> None:
        if self._audience is None:
            self._audience = recording.audience(self.world, self.scope)
        request = {"id": self.request_id, "idempotency_key": self.idempotency_key}
        self.outbox += recording.record(
            self.world, self.scope, name, obj,
            audience=self._audience, previous=previous, request=request,
        )  # fmt: skip

    def change(self, obj: Json, event: str | None = None) -> Json:
        """Write, and tell of the change if there is one."""
        previous = self.replace(obj)
        if event and previous:
            self.emit(event, obj, previous)
        return obj

    def hidden(self, ident: str) -> Json:
        return self.store.hidden(self.scope, ident)

    def hide(self, ident: str, **state: Any) -> None:
        self.store.hide(self.scope, ident, **state)

    def later(self, seconds: float, name: str, argument: str) -> None:
        self.store.add_job(self.world.clock.now() + seconds, name, self.scope, argument)

    def merge_metadata(self, obj: Json) -> None:
        """Set keys given, unset keys given as empty; all of them when metadata itself is empty."""
        if "metadata" not in self.params:
            return
        given = self.params["metadata"]
        merged = {**(obj.get("metadata") or {}), **given} if given else {}
        obj["metadata"] = {key: value for key, value in merged.items() if value != ""}
