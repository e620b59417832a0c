"""
What must hold after every write, ours and Stripe's.

A new kind of row is one more entry of `STEPS` and `FIXED`.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from tests.doubles.dynamo import Item, key_of
from tests.doubles.invocations import Json
from tests.simulation.bounces import Spared
from tests.simulation.mailing import Mail
from tests.simulation.truth import taken_of
from tests.simulation.world import World

ENDS = {"succeeded", "failed", "canceled", "expired"}
OPEN = {"created", "submitting", "unknown", "action_required", "processing"}
RETURNED = {"succeeded", "failed", "canceled"}
DECIDED = {"won", "lost"}
#: From which state a row may come to which; a late success is the only way out of an attempt's end.
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
        "open": {"partially_paid", "paid", "void", "uncollectible"},
        "partially_paid": {"paid", "open", "uncollectible"},
        # Money that goes back, or that a bank takes, undoes what it had paid.
        "paid": {"partially_paid", "open", "refunded", "uncollectible"},
        "refunded": {"paid", "partially_paid", "open", "uncollectible"},
        "uncollectible": {"paid", "refunded"},
        "void": set(),
    },
    "REFUND": {
        # What was made in the Dashboard is first heard of in any state, cash is given back at once.
        "": {"requested", "pending", "requires_action"} | RETURNED,
        "requested": {"submitted", "pending", "requires_action"} | RETURNED,
        "submitted": {"pending", "requires_action"} | RETURNED,
        "pending": {"requires_action"} | RETURNED,
        "requires_action": {"pending"} | RETURNED,
        "succeeded": {"failed", "canceled"},
        "failed": set(),
        "canceled": set(),
    },
    "DISPUTE": {
        "": {"warning_needs_response", "warning_under_review", "warning_closed"}
        | {"needs_response", "under_review"} | DECIDED,
        "warning_needs_response": {"warning_under_review", "warning_closed"}
        | {"needs_response", "under_review"} | DECIDED,
        "warning_under_review": {"warning_closed", "needs_response", "under_review"} | DECIDED,
        "warning_closed": set(),
        "needs_response": {"under_review"} | DECIDED,
        "under_review": DECIDED,
        "won": set(),
        "lost": set(),
    },
}  # fmt: skip
#: What of a row is never written a second time.
FIXED = {
    "ATTEMPT": ("id", "invoice", "tenant", "account", "mode", "amount", "currency", "channel"),
    "PAYMENT": ("id", "invoice", "tenant", "attempt", "gross", "currency", "charge", "mode"),
    "JOURNAL": ("fact", "invoice", "tenant", "at", "postings", "version"),
    "EVENT": ("id", "tenant", "account", "mode", "type", "object_id", "received_at"),
    "INVOICE": ("id", "tenant", "number", "currency", "created_at"),
    "REFUND": ("id", "tenant", "payment", "charge", "amount", "allocations", "unapplied",
               "settle_as", "origin", "created_at"),
    "CREDITNOTE": ("refund", "invoice", "tenant", "amount", "currency", "issued_at"),
    "DISPUTE": ("id", "tenant", "payment", "charge", "amount", "created_at", "stripe_id"),
}  # fmt: skip
#: What one charge takes of euros: at least, and at most.
LEAST, MOST = 50, 99_999_999
#: What a payment names that was taken at Stripe beside this service.
ELSEWHERE = "att_elsewhere"


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
        #: By intent: what of it was ever given back, or taken back by a bank.
        self._returned: dict[str, dict[str, int]] = defaultdict(dict)
        self._sent: dict[str, str] = {}
        world.table.dynamo.written.append(self._wrote)
        world.truth.seen.append(self._happened)
        world.post.seen.append(self._was_mailed)
        Spared(world, self.blame)

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
        if kind == "INVOICE" and "claim" in item:
            self._require_a_part(before, item)
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

    def _require_a_part(self, before: Item | None, item: Item) -> None:
        """See that an attempt asks for what a card can pay, and leaves what one can pay."""
        read = self.world.table.dynamo.read
        row, old = read(item).row, read(before).row if before else {}
        claim, last = row.get("claim") or {}, old.get("claim") or {}
        if not claim or claim["attempt"] == last.get("attempt"):
            return
        paid = row["settled"] - row["refunded"] - row["charged_back"]
        rest = row["total"] - row["credited"] - paid - claim["amount"]
        if 0 < rest < LEAST or claim["amount"] > MOST:
            self.blame("I16", f"{claim} leaves {rest} of {row['id']}, which no card can pay")

    def _require_balance(self, item: Item) -> None:
        entry = self.world.table.dynamo.read(item).row
        sums: Counter[str] = Counter()
        for posting in entry["postings"]:
            sums[posting["currency"]] += posting["amount"]
        if any(sums.values()):
            self.blame("D1", f"{entry['fact']} does not balance: {dict(sums)}")

    def _was_mailed(self, mail: Mail, times: int) -> None:
        if times > 1:
            self.blame("D12", f"{mail.names} was sent {times} times to {mail.to}")

    def _happened(self, obj: Json) -> None:
        match obj["object"], obj.get("status"):
            case "payment_intent", "succeeded":
                self._require_asked(obj)
            case "refund", _:
                self._require_sent_once(obj)
            case "dispute", "lost":
                self._returned[obj["payment_intent"]][obj["id"]] = taken_of(obj)

    def _require_asked(self, intent: Json) -> None:
        """See at once when Stripe takes more for an invoice than it asks for."""
        if not intent["metadata"].get("invoice") or intent["metadata"]["attempt"] == ELSEWHERE:
            return
        for name, amount in self._shares(intent).items():
            mine = self._collected[name]
            mine[intent["id"]] = amount
            row = self._row(intent, name, "INVOICE")
            if row is None:
                self.blame(
                    "I2", f"{intent['id']} was paid for an invoice that is not there: {name}"
                )
                continue
            asked = row["total"] - row["credited"]
            kept = sum(mine.values()) - sum(sum(self._returned[one].values()) for one in mine)
            if kept > asked:
                self.blame("I2", f"{name} over {asked} was charged {mine}: {kept} of it is kept")
            elif row.get("voided_at"):
                self.blame("I2", f"{name} is void and was charged {mine}")

    def _shares(self, intent: Json) -> dict[str, int]:
        """What of it is for which invoice: Stripe knows the first one, the attempt all of them."""
        home, attempt = intent["metadata"]["invoice"], intent["metadata"]["attempt"]
        row = self._row(intent, home, f"ATTEMPT#{attempt}")
        shares = {part["invoice"]: part["amount"] for part in row["allocations"]} if row else {}
        whole = sum(shares.values()) == intent["amount_received"]
        return shares if whole else {home: intent["amount_received"]}

    def _row(self, intent: Json, invoice: str, sort: str) -> Any:
        key = f"T#{intent['metadata']['tenant']}#INV#{invoice}", sort
        found = self.world.table.dynamo.rows.get(key)
        return self.world.table.dynamo.read(found).row if found else None

    def _require_sent_once(self, refund: Json) -> None:
        """See at once when what was asked for once is given twice."""
        if refund["status"] == "succeeded":
            self._returned[refund["payment_intent"]][refund["id"]] = refund["amount"]
        if asked := refund["metadata"].get("refund"):
            first = self._sent.setdefault(asked, refund["id"])
            if first != refund["id"]:
                self.blame("I5", f"{asked} was given back as {first} and as {refund['id']}")
