"""
What must hold: some of it after every write, the rest once everything has come to rest.

The books are read as DynamoDB holds them and compared with what Stripe really has; nothing here
uses the product's own rules. A check of a new kind of money (refunds, disputes, credit) is one more
function under `AT_REST`, a new kind of row one more entry of `STEPS` and `FIXED`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from payments.doors.table import from_attributes
from tests.doubles.dynamo import Item, key_of
from tests.doubles.invocations import Json
from tests.doubles.tenants import secret_key
from tests.simulation.history import FOREVER, Act, is_linearizable
from tests.simulation.people import People
from tests.simulation.wiring import Log
from tests.simulation.world import TENANTS, World

ENDS = {"succeeded", "failed", "canceled", "expired"}
OPEN = {"created", "submitting", "unknown", "action_required", "processing"}
#: From which state a row may come to which; a late success is the only way out of an end.
STEPS: dict[str, dict[str, set[str]]] = {
    "ATTEMPT": {
        "": {"created"},
        "created": {"submitting", "unknown", "processing"} | ENDS,
        "submitting": {"unknown", "action_required", "processing"} | ENDS,
        "unknown": {"submitting", "action_required", "processing"} | ENDS,
        "action_required": {"unknown", "processing"} | ENDS,
        "processing": {"action_required"} | ENDS,
        "failed": {"succeeded"},
        "canceled": {"succeeded"},
        "expired": {"succeeded"},
        "succeeded": set(),
    },
    "EVENT": {
        "": {"pending"},
        "pending": {"applied", "ignored", "orphan", "quarantined"},
        "orphan": {"applied", "ignored", "quarantined"},
        "applied": set(),
        "ignored": set(),
        "quarantined": set(),
    },
    "INVOICE": {
        "": {"open", "draft"},
        "open": {"partially_paid", "paid", "void"},
        "partially_paid": {"paid"},
        "paid": set(),
        "void": set(),
    },
}
#: What of a row is never written a second time.
FIXED = {
    "ATTEMPT": ("id", "invoice", "tenant", "account", "mode", "amount", "currency", "channel"),
    "PAYMENT": ("id", "invoice", "tenant", "attempt", "gross", "currency", "charge", "mode"),
    "JOURNAL": ("fact", "invoice", "tenant", "at", "postings", "version"),
    "EVENT": ("id", "tenant", "account", "mode", "type", "object_id", "received_at"),
    "INVOICE": ("id", "tenant", "number", "currency", "created_at"),
}
#: How long something may stay unclear when nothing fails any more: the sweep asks at least every
#: half hour, and comes every two minutes.
#: What a payment names that was taken at Stripe beside this service.
ELSEWHERE = "att_elsewhere"
PATIENCE_S = 35 * 60.0
CARD_NUMBERS = ("4242424242424242", "4000000000000002", "4000002760003184")
SECRET = re.compile(r"whsec_\w+|[spr]k_(?:test|live)_\w+|pi_\w+_secret_\w+|seti_\w+_secret_\w+")
#: Every secret has one of these in it; they are looked for much faster than the whole of it.
OF_SECRETS = ("whsec_", "k_test_", "k_live_", "_secret_")


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold, and what shows it."""

    name: str
    text: str


class Watch:
    """The checks that are made while the world runs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.violations: list[Violation] = []
        self._collected: dict[str, dict[str, int]] = defaultdict(dict)
        world.table.dynamo.written.append(self._wrote)
        world.truth.seen.append(self._happened)

    def blame(self, name: str, text: str) -> None:
        self.violations.append(Violation(name, text))
        self.world.scheduler.stopped = True

    def _wrote(self, before: Item | None, item: Item) -> None:
        kind = item["sk"]["S"].partition("#")[0]
        if kind in STEPS:
            self._require_step(kind, before, item)
        if before is not None:
            for name in FIXED.get(kind, ()):
                if before.get(name) != item.get(name):
                    self.blame("I14", f"{key_of(item)}: {name} was rewritten")
        if kind == "JOURNAL":
            self._require_balance(item)
        owner = item["pk"]["S"].split("#")[1]
        if item["pk"]["S"].startswith("T#") and item["tenant"]["S"] != owner:
            self.blame("I10", f"{key_of(item)} is of {item['tenant']['S']}")

    def _require_step(self, kind: str, before: Item | None, item: Item) -> None:
        came = before["status"]["S"] if before else ""
        went = item["status"]["S"]
        if came != went and went not in STEPS[kind].get(came, set()):
            self.blame("I13", f"{key_of(item)} went from {came or 'nothing'} to {went}")

    def _require_balance(self, item: Item) -> None:
        entry = from_attributes(item)
        sums: Counter[str] = Counter()
        for posting in entry["postings"]:
            sums[posting["currency"]] += posting["amount"]
        if any(sums.values()):
            self.blame("D1", f"{entry['fact']} does not balance: {dict(sums)}")

    def _happened(self, obj: Json) -> None:
        """See at once when Stripe takes more for an invoice than it asks for."""
        if obj["object"] != "payment_intent" or obj["status"] != "succeeded":
            return
        name = obj["metadata"].get("invoice", "")
        if not name or obj["metadata"].get("attempt") == ELSEWHERE:
            return
        mine = self._collected[name]
        mine[obj["id"]] = obj["amount_received"]
        row = self.world.table.dynamo.rows.get((f"T#{tenant_of(obj)}#INV#{name}", "INVOICE"))
        if row is None:
            self.blame("I2", f"{obj['id']} was paid for an invoice that is not there: {name}")
        elif sum(mine.values()) > int(row["total"]["N"]):
            self.blame("I2", f"{name} over {row['total']['N']} was charged {mine}")
        elif "voided_at" in row:
            self.blame("I2", f"{name} is void and was charged {mine}")


def tenant_of(obj: Json) -> str:
    return str(obj["metadata"].get("tenant", ""))


class Books:
    """Everything as it is at rest: our rows, Stripe's objects, what was said."""

    def __init__(self, world: World, people: People, log: Log) -> None:
        self.world, self.people, self.log = world, people, log
        self.rows: dict[str, list[Json]] = defaultdict(list)
        for _, item in sorted(world.table.dynamo.rows.items()):
            row = world.table.dynamo.read(item).row
            self.rows[row["sk"].partition("#")[0]].append(row)
        accounts = {
            merchant.account["stripe_account"]: name for name, merchant in world.merchants.items()
        }
        self.owner_of = accounts.get

    def of_invoice(self, kind: str, invoice: Json) -> list[Json]:
        return [row for row in self.rows[kind] if row["pk"] == invoice["pk"]]

    def at_stripe(self, kind: str) -> list[Json]:
        return self.world.truth.all(kind)

    def charges(self) -> list[Json]:
        """What Stripe took through this service."""
        return [
            charge
            for charge in self.at_stripe("charge")
            if charge["status"] == "succeeded"
            and charge["payment_intent"] not in self.people.elsewhere
        ]


Check = Callable[[Books], Iterator[str]]


def every_charge_is_booked_once(books: Books) -> Iterator[str]:
    """I1, I3, I7b, D4, D6: what Stripe took is what is booked, charge by charge."""
    taken = {
        charge["id"]: (books.owner_of(charge["scope"]), charge["amount"], charge["currency"])
        for charge in books.charges()
    }
    booked: dict[str, tuple[str, int, str]] = {}
    for row in books.rows["PAYMENT"]:
        if row["charge"] in booked:
            yield f"{row['charge']} is booked twice"
        booked[row["charge"]] = row["tenant"], row["gross"], row["currency"]
    for charge in taken.keys() | booked.keys():
        if taken.get(charge) != booked.get(charge):
            yield f"{charge}: Stripe took {taken.get(charge)}, booked is {booked.get(charge)}"


def the_journal_agrees(books: Books) -> Iterator[str]:
    """D1, D9: what Stripe owes and what customers owe can be read off the journal."""
    told: Counter[tuple[str, str]] = Counter()
    for row in books.rows["JOURNAL"]:
        for posting in row["postings"]:
            told[row["tenant"], posting["account"].partition(":")[0]] += posting["amount"]
    wanted: Counter[tuple[str, str]] = Counter()
    for charge in books.charges():
        entry = books.world.truth.kept["balance_transaction"][charge["balance_transaction"]]
        wanted[books.owner_of(charge["scope"]) or "", "stripe_balance"] += entry["net"]
    for row in books.rows["INVOICE"]:
        wanted[row["tenant"], "ar"] += 0 if row.get("voided_at") else row["total"] - row["settled"]
    for tenant, kind in wanted:
        if told[tenant, kind] != wanted[tenant, kind]:
            yield f"{kind} of {tenant} is {told[tenant, kind]}, not {wanted[tenant, kind]}"


def every_payment_is_posted_once(books: Books) -> Iterator[str]:
    """I3: each fact stands in the journal once, and every fee was learnt."""
    facts = Counter((row["tenant"], row["fact"]) for row in books.rows["JOURNAL"])
    for name, count in facts.items():
        if count > 1:
            yield f"{name} is entered {count} times"
    for row in books.rows["PAYMENT"]:
        if facts[row["tenant"], f"{row['charge']}#payment"] != 1:
            yield f"{row['charge']} is not in the journal"
        if row["fee"]["state"] != "known":
            yield f"the fee of {row['charge']} was never learnt"


def every_invoice_adds_up(books: Books) -> Iterator[str]:
    """I4, D2, D11: what an invoice says of itself follows from its payments."""
    counted: Counter[str] = Counter()
    for payment in books.rows["PAYMENT"]:
        parts = sum(part["amount"] for part in payment["allocations"])
        if parts + payment["unapplied"] != payment["gross"]:
            yield f"{payment['id']} of {payment['gross']} is divided into {parts} and the rest"
        if payment["unapplied"]:
            yield f"{payment['id']} brought {payment['unapplied']} more than was owed"
        for part in payment["allocations"]:
            counted[part["invoice"]] += part["amount"]
    for row in books.rows["INVOICE"]:
        yield from _contradictions(row, counted[row["id"]])


def _contradictions(row: Json, paid: int) -> Iterator[str]:
    if row["settled"] != paid:
        yield f"{row['id']} says {row['settled']} and has payments of {paid}"
    status = "paid" if paid >= row["total"] else "partially_paid" if paid else "open"
    if row.get("voided_at"):
        status = "void"
    if row["status"] != status:
        yield f"{row['id']} is {row['status']} and should be {status}"
    if status == "void" and paid:
        yield f"{row['id']} is void and was paid {paid}"
    if row["exception"] != "none":
        yield f"{row['id']} is {row['exception']}"


def nothing_can_be_paid_for_what_is_settled(books: Books) -> Iterator[str]:
    """I6: after void or paid, no session is open at Stripe and no intent can be confirmed."""
    settled = {row["id"] for row in books.rows["INVOICE"] if row["status"] in {"paid", "void"}}
    known = {row.get("payment_intent") for row in books.rows["ATTEMPT"]}
    for session in books.at_stripe("checkout.session"):
        if session["status"] == "open" and session["metadata"].get("invoice") in settled:
            yield f"{session['id']} is open for {session['metadata']['invoice']}"
    confirmable = {"requires_confirmation", "requires_action", "requires_capture"}
    for intent in books.at_stripe("payment_intent"):
        mine = intent["metadata"].get("invoice") in settled and intent["id"] in known
        if mine and intent["status"] in confirmable:
            yield f"{intent['id']} is {intent['status']} for {intent['metadata']['invoice']}"


def every_received_event_was_dealt_with(books: Books) -> Iterator[str]:
    """I7: an event that was answered with 200 is kept, and is pending no more."""
    kept = {row["id"]: row["status"] for row in books.rows["EVENT"]}
    for event in books.world.webhooks.acknowledged:
        if kept.get(event, "lost") in {"lost", "pending"}:
            yield f"{event} was acknowledged and is {kept.get(event, 'lost')}"
    for row in books.rows["EVENT"]:
        unknown = books.people.elsewhere.get(row["object_id"])
        wanted = {None: {"applied"}, True: {"orphan"}, False: {"ignored"}}[unknown]
        if unknown is None and row["object_id"].startswith("ch_"):
            wanted = {"applied", "ignored", "orphan"}
        if row["status"] not in wanted:
            yield f"{row['id']} of {row['object_id']} is {row['status']}, not {wanted}"
    for event in books.world.webhooks.refused:
        yield f"{event} was refused, though Stripe has signed it"


def nothing_is_left_open(books: Books) -> Iterator[str]:
    """I8: every attempt has ended, and no invoice is claimed."""
    for row in books.rows["ATTEMPT"]:
        if row["status"] in OPEN:
            yield f"{row['id']} is {row['status']} since {row['created_at']}"
    for row in books.rows["INVOICE"]:
        if row.get("claim"):
            yield f"{row['id']} is claimed by {row['claim']['attempt']}"


def one_key_has_one_answer(books: Books) -> Iterator[str]:
    """I9: the same key gets the same answer, another body under it none."""
    final: dict[tuple[str, str, str], str] = {}
    for said in books.people.exchanges:
        name = (said.tenant, said.route, said.key)
        if said.status not in {201, 402}:
            continue
        if said.foreign and name in final:
            yield f"{name} was answered {said.status} for another body"
        if not said.foreign and final.setdefault(name, said.text) != said.text:
            yield f"{name} was answered {final[name]} and then {said.text}"


def nobody_sees_anothers(books: Books) -> Iterator[str]:
    """I10, D10: no row, answer or object of one tenant names the other, and no mode is mixed."""
    for (partition, sort), item in books.world.table.dynamo.rows.items():
        owner = item["tenant"]["S"]
        other = TENANTS[1 - TENANTS.index(owner)]
        if other in books.world.table.dynamo.read(item).text:
            yield f"{partition} {sort} names {other}"
        if item.get("mode", {}).get("S", "test") != "test":
            yield f"{partition} {sort} is not of test mode"
    for tenant, text in books.world.told:
        if tenant and TENANTS[1 - TENANTS.index(tenant)] in text:
            yield f"{tenant} was told {text}"
    for kind in ("payment_intent", "checkout.session"):
        for obj in books.at_stripe(kind):
            if (
                obj["metadata"]
                and "tenant" in obj["metadata"]
                and tenant_of(obj) != books.owner_of(obj["scope"])
            ):
                yield f"{obj['id']} of {tenant_of(obj)} is in another's account"


def nothing_unsigned_counts(books: Books) -> Iterator[str]:
    """I11: what Stripe did not sign is refused and leaves no row."""
    kept = {row["id"] for row in books.rows["EVENT"]}
    for event, status in books.people.unsigned:
        if event in kept or 200 <= status < 300:
            yield f"{event} was forged and answered {status}"


def every_answer_can_be_explained(books: Books) -> Iterator[str]:
    """I12: some order of what was done to an invoice explains all that callers were told."""
    rows = {row["id"]: row for row in books.rows["INVOICE"]}
    for sale in books.people.sales:
        row, now = rows[sale.ident], books.world.scheduler.now
        last = Act("read", now, FOREVER, row["settled"], bool(row.get("voided_at")))
        if not is_linearizable([*sale.acts, last], sale.total):
            yield f"{sale.ident} over {sale.total}: {sale.acts} and at last {last}"


def nothing_breaks_but_doors(books: Books) -> Iterator[str]:
    """Every failure of a function is one that AWS or Stripe has dealt it; any other is a bug."""
    told = [entry.get("error") for _, entry in books.log.lines if entry["levelname"] == "ERROR"]
    raised = [type(error).__name__ for error in books.world.errors]
    for name in {*told, *raised} - OF_DOORS:
        yield f"{name} was raised"


def no_secret_gets_out(books: Books) -> Iterator[str]:
    """I15: no key, webhook secret or card number in a log, an answer, a message or a row."""
    world = books.world
    places = {
        "a log line": repr(books.log.lines),
        "an answer": repr([text.replace("pk_test_", "") for _, text in world.told]),
        "a message": repr(world.cloud.sent),
        "a row": "".join(row.text for row in world.table.dynamo.readings()).replace("pk_test_", ""),
    }
    for place, text in places.items():
        if found := leaked(text):
            yield f"{place} holds {found}"
        for tenant in TENANTS:
            if secret_key(tenant) in text:
                yield f"{place} holds the key of {tenant}"


def leaked(text: str) -> str | None:
    """Give a secret or a card number that stands in a text."""
    if any(part in text for part in OF_SECRETS) and (found := SECRET.search(text)):
        return found[0]
    return next((number for number in CARD_NUMBERS if number in text), None)


#: What a door raises that AWS has failed.
OF_DOORS = {"ClientError", "ReadTimeoutError"}

#: By the invariant's name: what has to hold once nothing moves any more.
AT_REST: dict[str, Check] = {
    "I1": every_charge_is_booked_once,
    "D1": the_journal_agrees,
    "I3": every_payment_is_posted_once,
    "I4": every_invoice_adds_up,
    "I6": nothing_can_be_paid_for_what_is_settled,
    "I7": every_received_event_was_dealt_with,
    "I8": nothing_is_left_open,
    "I9": one_key_has_one_answer,
    "I10": nobody_sees_anothers,
    "I11": nothing_unsigned_counts,
    "I12": every_answer_can_be_explained,
    "a bug": nothing_breaks_but_doors,
    "I15": no_secret_gets_out,
}


def unsettled(world: World) -> Iterator[str]:
    """I8: what is unclear although nothing has failed for a while, and nobody is waited for."""
    waited_for = {
        session["id"]
        for session in world.truth.all("checkout.session")
        if session["status"] == "open" or _is_at_the_bank(world, session)
    }
    for item in world.table.dynamo.rows.values():
        if not item["sk"]["S"].startswith("ATTEMPT#") or item["status"]["S"] not in OPEN:
            continue
        row: dict[str, Any] = from_attributes(item)
        # Where events are lost, only its end tells that a session was closed by one who then died.
        waits = row.get("session") and world.kind.loses_events
        if row["status"] != "processing" and row.get("session") not in waited_for and not waits:
            yield f"{row['id']} is still {row['status']}, since {row['created_at']}"


def _is_at_the_bank(world: World, session: Json) -> bool:
    intent = world.truth.kept["payment_intent"].get(session["payment_intent"] or "")
    return intent is not None and intent["status"] == "processing"


def at_rest(books: Books) -> list[Violation]:
    return [Violation(name, text) for name, check in AT_REST.items() for text in check(books)]
