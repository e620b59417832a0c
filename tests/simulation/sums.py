"""The books against themselves: what our rows say of one another, and whether it adds up."""

from collections import Counter
from collections.abc import Iterator

from tests.doubles.invocations import Json
from tests.simulation.beginning import OVERPAYMENT
from tests.simulation.books import Books, every_conversion_is_known

#: Of these accounts nothing moves that Stripe does not know of.
AT_STRIPE = {"stripe_balance", "fees", "fx"}

#: What an invoice says of the rows that move its money.
COUNTED = ("settled", "refunded", "credited", "charged_back", "overpaid")


def the_journal_agrees(books: Books) -> Iterator[str]:
    """D1, D9: what Stripe owes and what customers owe can be read off the journal, by currency."""
    told: Counter[tuple[str, str, str]] = Counter()
    for row in books.rows["JOURNAL"]:
        for posting in row["postings"]:
            kind = posting["account"].partition(":")[0]
            told[row["tenant"], kind, posting["currency"]] += posting["amount"]
    wanted = _balances(books)
    for tenant, kind, currency in wanted:
        if told[tenant, kind, currency] != (amount := wanted[tenant, kind, currency]):
            seen = told[tenant, kind, currency]
            yield f"{kind} of {tenant} is {seen} {currency}, not {amount}"
    totals: Counter[tuple[str, str]] = Counter()
    for (tenant, kind, currency), amount in told.items():
        totals[tenant, currency] += amount
        if kind in AT_STRIPE and (tenant, kind, currency) not in wanted and amount:
            yield f"{kind} of {tenant} is {amount} {currency}, of which Stripe knows nothing"
    for (tenant, currency), total in totals.items():
        if total:
            yield f"the trial balance of {tenant} is {total} {currency}"
    yield from every_conversion_is_known(books)


def _balances(books: Books) -> Counter[tuple[str, str, str]]:
    """Give what the accounts have to hold, as everything else tells it."""
    wanted = Counter[tuple[str, str, str]](_at_stripe(books))
    for row in books.rows["INVOICE"]:
        ended = row.get("voided_at") or row.get("written_off_at")
        owed = row["total"] - row["credited"] - paid_of(row)
        wanted[_of(row, "ar")] += min(0, owed) if ended else owed
    for row in books.rows["PAYMENT"]:
        credit = row["gross"] - sum(part["amount"] for part in row["allocations"])
        wanted[_of(row, "customer_credit")] -= credit
        if row["method"] != "stripe":
            wanted[_of(row, "bank")] += row["gross"]
    for row in books.rows["REFUND"]:
        if row["status"] == "succeeded":
            wanted[_of(row, "customer_credit")] += row["unapplied"]
            if row["settle_as"] == "credit_note":
                wanted[_of(row, "refunds")] += row["amount"] - row["unapplied"]
            if row["method"] != "stripe":
                wanted[_of(row, "bank")] -= row["amount"]
    for row in books.rows["DISPUTE"]:
        wanted[_of(row, "customer_credit")] += row["loss"]["credit"]
        # Every dispute is decided at last: what was taken has come back, or is lost.
        wanted[_of(row, "dispute_hold")] += 0
    return wanted


def _of(row: Json, kind: str) -> tuple[str, str, str]:
    return row["tenant"], kind, row["currency"]


def _at_stripe(books: Books) -> Counter[tuple[str, str, str]]:
    """Give what the accounts have to hold of which Stripe's balance transactions tell."""
    wanted: Counter[tuple[str, str, str]] = Counter()
    for entry in books.moved:
        owner, currency = books.owner_of(entry["scope"]) or "", entry["currency"]
        wanted[owner, "stripe_balance", currency] += entry["net"]
        # The platform's fee is part of the payment's; what it gives back comes by itself.
        back = entry["net"] if entry["source"].startswith("fr_") else 0
        wanted[owner, "fees", currency] += entry["fee"] - back
        if entry["exchange_rate"]:
            amount, sold_in = books.unconverted(entry)
            wanted[owner, "fx", sold_in] += amount
            wanted[owner, "fx", currency] -= entry["amount"]
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


def _excess_goes_where_its_merchant_wants_it(books: Books) -> Iterator[str]:
    """D4: what came at Stripe beyond what was owed is promised back, once, or is credit."""
    promised: Counter[str] = Counter()
    for row in books.rows["REFUND"]:
        if row["origin"] == "overpayment":
            promised[row["payment"]] += row["amount"]
    excess = {
        row["fact"].partition("#")[0]: -posting["amount"]
        for row in books.rows["JOURNAL"]
        if row["fact"].endswith("#payment")
        for posting in row["postings"]
        if posting["account"].startswith("customer_credit:")
    }
    for row in books.rows["PAYMENT"]:
        goes_back = "charge" in row and OVERPAYMENT[row["tenant"]] == "refund"
        wanted = excess.get(row.get("charge", ""), 0) if goes_back else 0
        if promised[row["id"]] != wanted:
            yield f"of {row['id']} {promised[row['id']]} is promised back, and not {wanted}"


def every_credit_adds_up(books: Books) -> Iterator[str]:
    """D4: a customer's credit is what is unapplied of their payments; what is too much is known."""
    credit: Counter[tuple[str, str]] = Counter()
    for row in books.rows["PAYMENT"]:
        credit[row["tenant"], row["customer"]] += row["unapplied"]
    for row in books.rows["CREDIT"]:
        credit[row["tenant"], row["customer"]] -= row["balance"]
    for (tenant, customer), difference in credit.items():
        if difference:
            yield f"the credit of {tenant}'s {customer} is wrong by {difference}"
    yield from _excess_goes_where_its_merchant_wants_it(books)


def every_invoice_adds_up(books: Books) -> Iterator[str]:
    """I4, D2, D4: what an invoice says follows from its payments, refunds and disputes."""
    facts: Counter[tuple[str, str]] = Counter()
    for invoice, name, amount in _facts(books):
        facts[invoice, name] += amount
    for row in books.rows["INVOICE"]:
        for name in (*COUNTED, "refund_pending"):
            if row[name] != facts[row["id"], name]:
                yield f"{row['id']} says {name} {row[name]}, and it is {facts[row['id'], name]}"
        if facts[row["id"], "noted"] != row["credited"]:
            yield f"{row['id']} has other credit notes than the {row['credited']} that it says"
        yield from _contradictions(row, books)


def _facts(books: Books) -> Iterator[tuple[str, str, int]]:
    """Yield what each payment, refund, credit note and dispute is to an invoice."""
    for row in books.rows["PAYMENT"]:
        yield row["invoice"], "overpaid", row["unapplied"]
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
    if paid > max(owed, 0):
        yield f"{row['id']} asks for {owed} and keeps {paid}, which is nobody's credit"
    if paid < 0:
        yield f"{row['id']} was paid {paid}, and asks for more than its own total"
    if row["open_disputes"]:
        yield f"{row['id']} has {row['open_disputes']} open disputes"
    if row["exception"] not in {"none", *_excused(row, books)}:
        yield f"{row['id']} is {row['exception']}"


def _excused(row: Json, books: Books) -> Iterator[str]:
    """Yield what else than nothing may be the matter with an invoice; `overpaid` is an amount."""
    for refund in books.rows["REFUND"]:
        mine = row["id"] in {part["invoice"] for part in refund["allocations"]}
        if mine and refund.get("stripe_refund") and refund["status"] != "succeeded":
            yield "refund_failed"
