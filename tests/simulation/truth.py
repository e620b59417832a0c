"""What Stripe really has, whatever it answers."""

from collections.abc import Callable
from functools import partial
from typing import Any

from local.standin import StandIn
from tests.doubles.invocations import Json


def taken_of(dispute: Json) -> int:
    """
    Give what a bank holds of a charge, in its currency.

    Stripe tells of each movement as the account's balance bears it, and always moves all of it.
    """
    ways = [1 if entry["amount"] < 0 else -1 for entry in dispute["balance_transactions"]]
    return int(dispute["amount"] * sum(ways))


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
        #: What was first said with a payment: somebody may write over it, and it is the same one.
        self._named: dict[str, Json] = {}
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
            self._pending.append({**obj, "scope": scope} | self._first_named(obj))

    def _first_named(self, obj: Json) -> Json:
        if obj["object"] != "payment_intent":
            return {}
        return {"metadata": self._named.setdefault(obj["id"], obj["metadata"])}

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
