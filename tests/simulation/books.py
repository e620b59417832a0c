"""
The books against the bank: what our rows say of money, compared with what Stripe really has.

They are read as DynamoDB holds them; nothing here uses the product's own rules. A new kind of money
is one more function, which `invariants` names under `AT_REST`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property
from operator import itemgetter
from typing import Any

from tests.doubles.invocations import Json
from tests.simulation.people import People
from tests.simulation.truth import taken_of
from tests.simulation.wiring import Log
from tests.simulation.world import World

#: Refunds that may still be given.
WAITING = {"requested", "submitted", "pending", "requires_action"}
CLOSED = {"won", "lost", "warning_closed"}
#: What moves money at Stripe, by how its id begins.
KINDS = {"ch": "charge", "py": "charge", "re": "refund", "pyr": "refund", "du": "dispute"}


class Books:
    """Everything as it is at rest: our rows, Stripe's objects, what was said."""

    def __init__(self, world: World, people: People, log: Log) -> None:
        self.world, self.people, self.log = world, people, log
        self.rows: dict[str, list[Json]] = defaultdict(list)
        for (_, sort), found in sorted(world.table.dynamo.readings(), key=itemgetter(0)):
            self.rows[sort.partition("#")[0]].append(found.row)
        accounts = {
            merchant.account["stripe_account"]: merchant.tenant
            for merchant in world.merchants.values()
        }
        self.owner_of = accounts.get

    def at_stripe(self, kind: str) -> list[Json]:
        """What Stripe has because of this service."""
        return [obj for obj in self.world.truth.all(kind) if self.is_ours(obj)]

    def is_ours(self, obj: Json) -> bool:
        intent = obj["id"] if obj["object"] == "payment_intent" else obj.get("payment_intent")
        return intent not in self.people.elsewhere

    def charges(self) -> list[Json]:
        """What Stripe took through this service."""
        return [charge for charge in self.at_stripe("charge") if charge["status"] == "succeeded"]

    @cached_property
    def moved(self) -> list[Json]:
        """Every movement of money at Stripe that this service has to answer for."""
        ours = {
            obj["id"] for kind in ("charge", "refund", "dispute") for obj in self.at_stripe(kind)
        }
        # Of the platform's fee only what comes back is a movement of its own.
        ours |= {obj["id"] for obj in self.world.truth.all("fee_refund")}
        return [
            entry
            for entry in self.world.truth.all("balance_transaction")
            if entry["source"] in ours and self.owner_of(entry["scope"])
        ]

    def unconverted(self, entry: Json) -> tuple[int, str]:
        """Give what a movement was before Stripe converted it, and its currency."""
        kind = KINDS[entry["source"].partition("_")[0]]
        source = self.world.truth.kept[kind][entry["source"]]
        amount = source["amount"]
        return (amount if entry["amount"] > 0 else -amount), source["currency"]


Check = Callable[[Books], Iterator[str]]


def every_charge_is_booked_once(books: Books) -> Iterator[str]:
    """I1, I3, I7b, D4, D6: what Stripe took is what is booked, charge by charge."""
    taken = {
        charge["id"]: (books.owner_of(charge["scope"]), charge["amount"], charge["currency"])
        for charge in books.charges()
    }
    booked: dict[str, tuple[str, int, str]] = {}
    for row in books.rows["PAYMENT"]:
        if "charge" not in row:
            continue
        if row["charge"] in booked:
            yield f"{row['charge']} is booked twice"
        booked[row["charge"]] = row["tenant"], row["gross"], row["currency"]
    yield from _differences("took", taken, booked)
    yield from every_return_is_booked_once(books)


def every_return_is_booked_once(books: Books) -> Iterator[str]:
    """I1, I3, I5, D6: what went back is what is booked, refund by refund and dispute by dispute."""
    given = {
        refund["id"]: (refund["charge"], refund["amount"], refund["status"])
        for refund in books.at_stripe("refund")
    }
    booked: dict[str, tuple[str, int, str]] = {}
    for row in books.rows["REFUND"]:
        name = row.get("stripe_refund")
        if name in booked:
            yield f"{name} is booked twice"
        if name:
            booked[name] = row["charge"], row["amount"], row["status"]
        elif row["method"] == "stripe" and row["status"] == "succeeded":
            yield f"{row['id']} is given back, and Stripe knows nothing of it"
    yield from _differences("gave back", given, booked)
    told = {
        dispute["id"]: (dispute["status"], taken_of(dispute))
        for dispute in books.at_stripe("dispute")
    }
    heard = {
        row["stripe_id"]: (row["status"], sum(each["amount"] for each in row["movements"]))
        for row in books.rows["DISPUTE"]
    }
    yield from _differences("says of the dispute", told, heard)


def _differences(verb: str, there: dict[str, Any], here: dict[str, Any]) -> Iterator[str]:
    for name in sorted(there.keys() | here.keys()):
        if there.get(name) != here.get(name):
            yield f"{name}: Stripe {verb} {there.get(name)}, booked is {here.get(name)}"


def every_conversion_is_known(books: Books) -> Iterator[str]:
    """D9: what Stripe made of an amount in another currency is kept, movement by movement."""
    made = {
        entry["id"]: (entry["amount"], entry["currency"])
        for entry in books.moved
        if entry["exchange_rate"]
    }
    told = [
        *(row.get("settled") for row in books.rows["PAYMENT"]),
        *(row.get(leg) for row in books.rows["REFUND"] for leg in ("settled", "returned")),
        *(each.get("settled") for row in books.rows["DISPUTE"] for each in row["movements"]),
    ]
    kept = {leg["balance_transaction"]: (leg["amount"], leg["currency"]) for leg in told if leg}
    yield from _differences("made", made, kept)


def every_promise_is_kept(books: Books) -> Iterator[str]:
    """I5: each refund that a caller was told of was given once, and is one of its own."""
    given = {refund["id"]: refund for refund in books.at_stripe("refund")}
    kept = {
        refund["metadata"].get("refund", "none")
        for refund in given.values()
        if refund["status"] == "succeeded"
    }
    told: dict[str, str] = {}
    for key, answer in books.people.refunds:
        if "id" not in answer:
            # What Stripe refused without a reason of its own was asked for wrongly.
            if answer["code"] == "refund_refused" and answer["reason"] == "refused":
                yield f"a refund was refused: {answer}"
            if answer.get("refund") in kept:
                yield f"{answer['refund']} was refused, and given: {answer}"
            continue
        if told.setdefault(answer["id"], key) != key:
            yield f"{answer['id']} is the answer to {told[answer['id']]} and to {key}"
        made = given.get(answer["stripe_refund"] or "")
        if made and (made["amount"], made["metadata"].get("refund")) != (
            answer["amount"],
            answer["id"],
        ):
            yield f"{answer['id']} over {answer['amount']} is {made} at Stripe"
        if answer["stripe_refund"] and not made:
            yield f"{answer['stripe_refund']} was told of, and Stripe has no such refund"


def nothing_waits_for_money_to_go_back(books: Books) -> Iterator[str]:
    """I8: every refund has ended, every dispute is decided, and no notice of it is left."""
    for row in books.rows["REFUND"]:
        if row["status"] in WAITING:
            yield f"{row['id']} is {row['status']} since {row['created_at']}"
    for row in books.rows["DISPUTE"]:
        if row["status"] not in CLOSED or row["flagged"]:
            yield f"{row['id']} is {row['status']} since {row['created_at']}"
        loss = row["loss"]
        lost = loss["credit"] + loss["beyond"] + sum(part["amount"] for part in loss["parts"])
        taken = sum(each["amount"] for each in row["movements"])
        if lost != taken:
            yield f"{row['id']} is {row['status']}: {taken} were taken, and {lost} are lost"
