"""
What must hold once everything has come to rest; of money it stands in `books`.

What must hold after every write stands in `watching`. A new check is one more function under
`AT_REST`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from tests.doubles.invocations import Json
from tests.doubles.tenants import secret_key
from tests.simulation import books as money
from tests.simulation import sums
from tests.simulation.books import Books, Check
from tests.simulation.history import FOREVER, Act, is_linearizable
from tests.simulation.watching import OPEN, Violation
from tests.simulation.world import TENANTS, World

#: How long something may stay unclear when nothing fails any more: the sweep asks at least every
#: half hour, and comes every two minutes.
PATIENCE_S = 35 * 60.0
#: A refund of which Stripe has not told anything yet.
UNHEARD = {"requested", "submitted"}
CARD_NUMBERS = ("4242424242424242", "4000000000000002", "4000002760003184")
SECRET = re.compile(r"whsec_\w+|[spr]k_(?:test|live)_\w+|pi_\w+_secret_\w+|seti_\w+_secret_\w+")
#: Every secret has one of these in it; they are looked for much faster than the whole of it.
OF_SECRETS = ("whsec_", "k_test_", "k_live_", "_secret_")


def tenant_of(obj: Json) -> str:
    return str(obj["metadata"].get("tenant", ""))


def nothing_can_be_paid_for_what_is_settled(books: Books) -> Iterator[str]:
    """I6: after void, paid or revoked, no session is open and no intent can be confirmed."""
    done = {"paid", "void", "refunded", "uncollectible"}
    settled = {row["id"] for row in books.rows["INVOICE"] if row["status"] in done}
    known = {row.get("payment_intent") for row in books.rows["ATTEMPT"]}
    withdrawn = {
        row["id"] for row in books.rows["ATTEMPT"] if row.get("link") in books.people.revoked
    }
    given = {
        row.get("payment_intent") for row in books.rows["ATTEMPT"] if row["channel"] == "elements"
    }
    for session in books.people.left_open:
        yield f"{session} was open when its link was revoked"
    for session in books.at_stripe("checkout.session"):
        if session["status"] == "open" and session["metadata"].get("invoice") in settled:
            yield f"{session['id']} is open for {session['metadata']['invoice']}"
        if session["status"] == "open" and session["metadata"].get("attempt") in withdrawn:
            yield f"{session['id']} is open for a link that was revoked"
    confirmable = {"requires_confirmation", "requires_action", "requires_capture"}
    for intent in books.at_stripe("payment_intent"):
        mine = intent["metadata"].get("invoice") in settled and intent["id"] in known
        # A storefront's payer has the client secret, and needs no more than a card.
        held = intent["id"] in given and intent["status"] == "requires_payment_method"
        if mine and (held or intent["status"] in confirmable):
            yield f"{intent['id']} is {intent['status']} for {intent['metadata']['invoice']}"


def one_attempt_is_one_payment(books: Books) -> Iterator[str]:
    """I2: nothing that has no page of Stripe's is ever asked for by a second intent."""
    made: dict[str, set[str]] = {}
    for intent in books.at_stripe("payment_intent"):
        if attempt := intent["metadata"].get("attempt"):
            made.setdefault(attempt, set()).add(intent["id"])
    for row in books.rows["ATTEMPT"]:
        if not row.get("session") and len(made.get(row["id"], ())) > 1:
            yield f"{row['id']} is asked for as {sorted(made[row['id']])}"


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
    """I9: the same key gets the same answer, another body under it none, and no effect twice."""
    for dispute in books.at_stripe("dispute"):
        count, asked = dispute["evidence_details"]["submission_count"], books.people.answers
        if count > asked[dispute["id"]]:
            yield f"{dispute['id']} was answered {count} times, and {asked[dispute['id']]} asked"
    final: dict[tuple[str, str, str], str] = {}
    for said in books.people.exchanges:
        name = (said.tenant, said.route, said.key)
        if said.status not in {200, 201, 402}:
            continue
        if said.foreign and name in final:
            yield f"{name} was answered {said.status} for another body"
        if not said.foreign and final.setdefault(name, said.text) != said.text:
            yield f"{name} was answered {final[name]} and then {said.text}"


def nobody_sees_anothers(books: Books) -> Iterator[str]:
    """I10, D10: no row, answer or object of one tenant names the other, and no mode is mixed."""
    for (partition, sort), found in books.world.table.dynamo.readings():
        other = TENANTS[1 - TENANTS.index(found.row["tenant"])]
        if other in found.text:
            yield f"{partition} {sort} names {other}"
        # Cash is nobody's test: what is too much of it is as good as live money.
        cash = sort.startswith("CREDIT#live")
        if found.row.get("mode", "test") != "test" and not cash:
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


def nobody_gets_what_was_not_granted(books: Books) -> Iterator[str]:
    """S1: what is collected is collected through the invoice's own module, by who may use it."""
    for what in books.people.let_in:
        yield f"{what} was given to somebody without the grant"
    own = {row["id"]: row.get("module") for row in books.rows["INVOICE"]}
    for kind in ("ATTEMPT", "LINK"):
        for row in books.rows[kind]:
            if row["module"] != own[row["invoice"]]:
                yield f"{row['id']} is of {row['module']}, its invoice of {own[row['invoice']]}"


def a_stripe_account_is_connected_once(books: Books) -> Iterator[str]:
    """S2: no two accounts here, of whatever tenants, are one at Stripe."""
    accounts = [merchant.account for merchant in books.world.merchants.values()]
    homes = {(each["stripe_account"], each["mode"]): {each["id"]} for each in accounts}
    for row in books.rows["ACCOUNT"]:
        for mode, slot in row["slots"].items():
            if row.get("stripe_account") and slot["status"] != "disconnected":
                homes.setdefault((row["stripe_account"], mode), set()).add(row["id"])
    for (name, mode), found in homes.items():
        if len(found) > 1:
            yield f"{name} is connected in {mode} mode as {sorted(found)}"


def nothing_unsigned_counts(books: Books) -> Iterator[str]:
    """I11: what Stripe did not sign is refused and leaves no row."""
    kept = {row["id"] for row in books.rows["EVENT"]}
    for event, status in books.people.unsigned:
        if event in kept or 200 <= status < 300:
            yield f"{event} was forged and answered {status}"


def every_bounce_was_heard(books: Books) -> Iterator[str]:
    """M2: who sends mails back is known; that none is sent there any more: see `bounces`."""
    for mail in books.world.bounces.unheard:
        yield f"{mail.names} came back from {mail.to}, and nobody took note"


def every_answer_can_be_explained(books: Books) -> Iterator[str]:
    """I12: some order of what was done to an invoice explains all that callers were told."""
    rows = {row["id"]: row for row in books.rows["INVOICE"]}
    now = books.world.scheduler.now
    for sale in books.people.sales:
        if sale.tangled:
            continue
        row = rows[sale.ident]
        paid, void = sums.paid_of(row), bool(row.get("voided_at"))
        left = None if void else max(0, row["total"] - row["credited"] - paid)
        last = Act("read", now, FOREVER, paid, void, left=left)
        # At rest nothing is still to come of what has certainly been done.
        acts = [replace(act, end=min(act.end, now)) if act.certain else act for act in sale.acts]
        if not is_linearizable([*acts, last], sale.total):
            yield f"{sale.ident} over {sale.total}: {sale.acts} and at last {last}"


def nothing_breaks_but_doors(books: Books) -> Iterator[str]:
    """Every failure of a function is one that AWS or Stripe has dealt it; any other is a bug."""
    logged = [entry for _, entry in books.log.lines if entry["levelname"] == "ERROR"]
    told = [entry.get("error") or entry.get("code") for entry in logged]
    raised = [type(error).__name__ for error in books.world.errors]
    for name in {*told, *raised} - OF_DOORS:
        yield f"{name} was raised"


def no_secret_gets_out(books: Books) -> Iterator[str]:
    """I15: no key, webhook secret or card number in a log, an answer, a message or a row."""
    world = books.world
    places = {
        "a log line": repr(books.log.lines),
        "an answer": FOR_BROWSERS.sub("", repr([text for _, text in world.told])),
        "a message": repr(world.cloud.sent),
        "a row": "".join(found.text for _, found in world.table.dynamo.readings()).replace(
            "pk_test_", ""
        ),
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


#: What an answer is there to bring: it lets a payer's browser pay, and no more. No row holds it.
FOR_BROWSERS = re.compile(r'"client_secret": ?"pi_\w+"|pk_test_')
#: What a door raises that AWS has failed; of a scheduled run that failed, a log line tells why.
#: By its code too: an act whose outcome AWS did not let the trail have is answered all the same.
OF_DOORS = {"AwsUnavailable", "Refused", "Unanswered", "RunFailed", "aws_unavailable"}

#: By the invariant's name: what has to hold once nothing moves any more.
AT_REST: dict[str, Check] = {
    "I1": money.every_charge_is_booked_once,
    "D1": sums.the_journal_agrees,
    "I2": one_attempt_is_one_payment,
    "I3": sums.every_fact_is_posted_once,
    "I4": sums.every_invoice_adds_up,
    "I5": money.every_promise_is_kept,
    "D5": sums.every_payment_adds_up,
    "D4": sums.every_credit_adds_up,
    "D9": money.nothing_waits_for_money_to_go_back,
    "I6": nothing_can_be_paid_for_what_is_settled,
    "I7": every_received_event_was_dealt_with,
    "I8": nothing_is_left_open,
    "I9": one_key_has_one_answer,
    "I10": nobody_sees_anothers,
    "I11": nothing_unsigned_counts,
    "M2": every_bounce_was_heard,
    "S1": nobody_gets_what_was_not_granted,
    "S2": a_stripe_account_is_connected_once,
    "I12": every_answer_can_be_explained,
    "a bug": nothing_breaks_but_doors,
    "I15": no_secret_gets_out,
}


def unsettled(world: World) -> Iterator[str]:
    """I8: what is unclear although nothing has failed for a while, and nobody is waited for."""
    waited_for = set(_for_browsers(world)) | {
        session["id"]
        for session in world.truth.all("checkout.session")
        if session["status"] == "open"
        or _is_at_the_bank(world, session)
        or (session["status"] == "complete" and _may_be_unheard(world))
    }
    for (_, sort), found in world.table.dynamo.readings():
        row = found.row
        if sort.startswith("REFUND#") and row["status"] in UNHEARD:
            yield f"{row['id']} is still {row['status']}"
        if not sort.startswith("ATTEMPT#") or row["status"] not in OPEN:
            continue
        if row["status"] == "action_required" and row["confirm_by"] > world.time().isoformat():
            # Its payer has a week to come; it does not end before.
            continue
        if row["status"] != "processing" and _handle(row) not in waited_for:
            yield f"{row['id']} is still {row['status']}, since {row['created_at']}"


def _handle(row: Json) -> str | None:
    """Give what an attempt's payer has: a page, or an intent of the storefront's own page."""
    return row.get("payment_intent" if row["channel"] == "elements" else "session")


def _for_browsers(world: World) -> Iterator[str]:
    """Yield the intents that a payer may still confirm, or has paid while nobody was told."""
    for intent in world.truth.all("payment_intent"):
        paid = intent["status"] == "succeeded" and _may_be_unheard(world)
        if paid or intent["status"] in {"requires_payment_method", "requires_action"}:
            yield intent["id"]


def _may_be_unheard(world: World) -> bool:
    """
    Whether Stripe's word of a payment may not have come: an event is on its way, or is lost.

    Then only reconciliation, or the end of the page, tells of it.
    """
    return world.kind.loses_events or world.webhooks.last_at > world.scheduler.now


def _is_at_the_bank(world: World, session: Json) -> bool:
    intent = world.truth.kept["payment_intent"].get(session["payment_intent"] or "")
    return intent is not None and intent["status"] == "processing"


def at_rest(books: Books) -> list[Violation]:
    return [Violation(name, text) for name, check in AT_REST.items() for text in check(books)]
