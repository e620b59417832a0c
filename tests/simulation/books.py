"""
The books against the bank: what our rows say of money, compared with what Stripe really has.

They are read as DynamoDB holds them; nothing here uses the product's own rules. A new kind of money
is one more function, which `invariants` names under `AT_REST`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from tests.doubles.invocations import Json
from tests.simulation.people import People
from tests.simulation.wiring import Log
from tests.simulation.world import World

#: Refunds that may still be given.
WAITING = {"requested", "submitted", "pending", "requires_action"}
CLOSED = {"won", "lost", "warning_closed"}


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

    def moved(self) -> Iterator[Json]:
        """Yield every movement of money at Stripe that this service has to answer for."""
        ours = {
            obj["id"] for kind in ("charge", "refund", "dispute") for obj in self.at_stripe(kind)
        }
        # Of the platform's fee only what comes back is a movement of its own.
        ours |= {obj["id"] for obj in self.world.truth.all("fee_refund")}
        for entry in self.world.truth.all("balance_transaction"):
            if entry["source"] in ours and self.owner_of(entry["scope"]):
                yield entry


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
        dispute["id"]: (
            dispute["status"],
            -sum(entry["amount"] for entry in dispute["balance_transactions"]),
        )
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


def the_journal_agrees(books: Books) -> Iterator[str]:
    """D1, D9: what Stripe owes and what customers owe can be read off the journal."""
    told: Counter[tuple[str, str]] = Counter()
    for row in books.rows["JOURNAL"]:
        for posting in row["postings"]:
            told[row["tenant"], posting["account"].partition(":")[0]] += posting["amount"]
    wanted = _balances(books)
    for tenant, kind in wanted:
        if told[tenant, kind] != wanted[tenant, kind]:
            yield f"{kind} of {tenant} is {told[tenant, kind]}, not {wanted[tenant, kind]}"
    for tenant in {name for name, _ in told}:
        if total := sum(amount for (name, _), amount in told.items() if name == tenant):
            yield f"the trial balance of {tenant} is {total}"


def _balances(books: Books) -> Counter[tuple[str, str]]:
    """Give what the accounts have to hold, as everything else tells it."""
    wanted: Counter[tuple[str, str]] = Counter()
    for entry in books.moved():
        owner = books.owner_of(entry["scope"]) or ""
        wanted[owner, "stripe_balance"] += entry["net"]
        # The platform's fee is part of the payment's; what it gives back comes by itself.
        back = entry["net"] if entry["source"].startswith("fr_") else 0
        wanted[owner, "fees"] += entry["fee"] - back
    for row in books.rows["INVOICE"]:
        ended = row.get("voided_at") or row.get("written_off_at")
        owed = row["total"] - row["credited"] - paid_of(row)
        wanted[row["tenant"], "ar"] += min(0, owed) if ended else owed
    for row in books.rows["PAYMENT"]:
        credit = row["gross"] - sum(part["amount"] for part in row["allocations"])
        wanted[row["tenant"], "customer_credit"] -= credit
        if row["method"] != "stripe":
            wanted[row["tenant"], "bank"] += row["gross"]
    for row in books.rows["REFUND"]:
        if row["status"] == "succeeded":
            wanted[row["tenant"], "customer_credit"] += row["unapplied"]
            if row["settle_as"] == "credit_note":
                wanted[row["tenant"], "refunds"] += row["amount"] - row["unapplied"]
            if row["method"] != "stripe":
                wanted[row["tenant"], "bank"] -= row["amount"]
    for row in books.rows["DISPUTE"]:
        wanted[row["tenant"], "customer_credit"] += row["loss"]["credit"]
        # Every dispute is decided at last: what was taken has come back, or is lost.
        wanted[row["tenant"], "dispute_hold"] += 0
    return wanted


def paid_of(row: Json) -> int:
    return int(row["settled"] - row["refunded"] - row["charged_back"])


def every_fact_is_posted_once(books: Books) -> Iterator[str]:
    """I3: each fact stands in the journal once, and every fee was learnt."""
    facts = Counter((row["tenant"], row["fact"]) for row in books.rows["JOURNAL"])
    for name, count in facts.items():
        if count > 1:
            yield f"{name} is entered {count} times"
    wanted = [
        (row["tenant"], f"{row.get('charge', row['id'])}#payment") for row in books.rows["PAYMENT"]
    ]
    wanted += [
        (row["tenant"], f"{row.get('stripe_refund', row['id'])}#refund")
        for row in books.rows["REFUND"]
        if row["status"] == "succeeded"
    ]
    wanted += [
        (row["tenant"], f"{each['id']}#dispute")
        for row in books.rows["DISPUTE"]
        for each in row["movements"]
    ]
    for name in wanted:
        if facts[name] != 1:
            yield f"{name[1]} is not in the journal"
    for row in books.rows["PAYMENT"]:
        if row["fee"]["state"] != "known":
            yield f"the fee of {row['charge']} was never learnt"


def every_payment_adds_up(books: Books) -> Iterator[str]:
    """D5, D11: where a payment went, and that no more of it went back than came."""
    given, used, held = Counter[str](), Counter[str](), Counter[str]()
    for row in books.rows["REFUND"]:
        if row["status"] == "succeeded":
            given[row["payment"]] += row["amount"]
            used[row["payment"]] += row["unapplied"]
    for row in books.rows["DISPUTE"]:
        used[row["payment"]] += row["loss"]["credit"]
        held[row["payment"]] += sum(each["amount"] for each in row["movements"])
    for row in books.rows["PAYMENT"]:
        parts = sum(part["amount"] for part in row["allocations"])
        if parts + row["unapplied"] + row["returned"] != row["gross"]:
            yield f"{row['id']} of {row['gross']} is divided into {parts} and the rest"
        told = row["refunded"], row["refund_pending"], row["returned"], row["disputed"]
        seen = given[row["id"]], 0, used[row["id"]], held[row["id"]]
        if told != seen:
            yield f"{row['id']} says {told} of what went back, and it is {seen}"
        if row["refunded"] > row["gross"]:
            yield f"{row['id']} of {row['gross']} gave back {row['refunded']}"


def every_credit_adds_up(books: Books) -> Iterator[str]:
    """D4: a customer's credit is what is unapplied of their payments."""
    credit: Counter[tuple[str, str]] = Counter()
    for row in books.rows["PAYMENT"]:
        credit[row["tenant"], row["customer"]] += row["unapplied"]
    for row in books.rows["CREDIT"]:
        credit[row["tenant"], row["customer"]] -= row["balance"]
    for (tenant, customer), difference in credit.items():
        if difference:
            yield f"the credit of {tenant}'s {customer} is wrong by {difference}"


def every_invoice_adds_up(books: Books) -> Iterator[str]:
    """I4, D2: what an invoice says of itself follows from its payments, refunds and disputes."""
    facts: Counter[tuple[str, str]] = Counter()
    for invoice, name, amount in _facts(books):
        facts[invoice, name] += amount
    for row in books.rows["INVOICE"]:
        for name in ("settled", "refunded", "credited", "charged_back", "refund_pending"):
            if row[name] != facts[row["id"], name]:
                yield f"{row['id']} says {name} {row[name]}, and it is {facts[row['id'], name]}"
        if facts[row["id"], "noted"] != row["credited"]:
            yield f"{row['id']} has other credit notes than the {row['credited']} that it says"
        yield from _contradictions(row, books)


def _facts(books: Books) -> Iterator[tuple[str, str, int]]:
    """Yield what each payment, refund, credit note and dispute is to an invoice."""
    for row in books.rows["PAYMENT"]:
        for part in row["allocations"]:
            yield part["invoice"], "settled", part["amount"]
    for row in books.rows["REFUND"]:
        for part in row["allocations"] if row["status"] == "succeeded" else ():
            yield part["invoice"], "refunded", part["amount"]
            if row["settle_as"] == "credit_note":
                yield part["invoice"], "credited", part["amount"]
    for row in books.rows["CREDITNOTE"]:
        if not row.get("reversed_at"):
            yield row["invoice"], "noted", row["amount"]
    for row in books.rows["DISPUTE"]:
        for part in row["loss"]["parts"]:
            yield part["invoice"], "charged_back", part["amount"]


def _contradictions(row: Json, books: Books) -> Iterator[str]:
    paid, owed = paid_of(row), row["total"] - row["credited"]
    status = "partially_paid" if paid > 0 else "open"
    if paid >= owed:
        status = "refunded" if row["refunded"] and not paid else "paid"
    elif row.get("written_off_at"):
        status = "uncollectible"
    if row.get("voided_at"):
        status = "void"
    if row["status"] != status:
        yield f"{row['id']} is {row['status']} and should be {status}"
    if status == "void" and row["settled"]:
        yield f"{row['id']} is void and was paid {row['settled']}"
    if row["open_disputes"]:
        yield f"{row['id']} has {row['open_disputes']} open disputes"
    if row["exception"] not in {"none", *_excused(row, books)}:
        yield f"{row['id']} is {row['exception']}"


def _excused(row: Json, books: Books) -> Iterator[str]:
    """Yield what else than nothing may be the matter with an invoice."""
    for payment in books.rows["PAYMENT"]:
        home = sum(part["amount"] for part in payment["allocations"][:1])
        if payment["invoice"] == row["id"] and "charge" not in payment and payment["gross"] > home:
            yield "overpaid"
    for refund in books.rows["REFUND"]:
        mine = row["id"] in {part["invoice"] for part in refund["allocations"]}
        # Nothing but money that came back to us can make what Stripe collects too much.
        if mine and refund.get("stripe_refund") and refund["status"] != "succeeded":
            yield from ("refund_failed", "overpaid")


def nothing_waits_for_money_to_go_back(books: Books) -> Iterator[str]:
    """I8: every refund has ended, every dispute is decided, and no notice of it is left."""
    for row in books.rows["REFUND"]:
        if row["status"] in WAITING:
            yield f"{row['id']} is {row['status']} since {row['created_at']}"
    for row in books.rows["DISPUTE"]:
        if row["status"] not in CLOSED or row["flagged"]:
            yield f"{row['id']} is {row['status']} since {row['created_at']}"
        lost = row["loss"]["credit"] + sum(part["amount"] for part in row["loss"]["parts"])
        taken = sum(each["amount"] for each in row["movements"])
        if lost != taken:
            yield f"{row['id']} is {row['status']}: {taken} were taken, and {lost} are lost"
