"""A payer's bank takes money back, or asks about it; sellers answer here or in the Dashboard."""

import json
from functools import partial

from local.standin.engine.messages import Request
from tests.doubles.invocations import Answer, Json
from tests.simulation.people import DISPUTED, INQUIRED, People, Sale
from tests.simulation.returns import a_payment, cancel_what_waits, refund
from tests.simulation.scheduler import HOUR, MINUTE
from tests.simulation.witness import was_told
from tests.simulation.world import Merchant

#: What the bank decides, by the words of the evidence: for the seller, against, or in earnest.
WINNING, LOSING, ESCALATING = "winning_evidence", "losing_evidence", "escalate_inquiry_evidence"
#: How long a bank takes over an answer to a chargeback, at most.
DECIDED_AFTER_S = 75 * 24 * HOUR
WAYS = ("answer", "accept", "twice", "dashboard", "refund", "leave")


def contest(people: People, sale: Sale) -> None:
    """Let a payment be disputed, and do about it what sellers do."""
    card = people.random.choice((DISPUTED, DISPUTED, INQUIRED))
    payment = a_payment(people, sale, card)
    people.pause(5, 4 * MINUTE)
    dispute = the_dispute(people, sale)
    if payment is None or dispute is None:
        return
    words = people.random.choice((WINNING, LOSING))
    if dispute["status"].startswith("warning"):
        words = people.random.choice((words, ESCALATING))
    match people.random.choices(WAYS, (4, 3, 2, 2, 2, 1))[0]:
        case "answer":
            say(people, sale, dispute, words)
            step(people, sale, dispute, "submit")
        case "accept":
            step(people, sale, dispute, "accept")
        case "twice":
            say(people, sale, dispute, words)
            for way in ("submit", people.random.choice(("submit", "accept"))):
                people.soon(partial(step, people, sale, dispute, way), within=2)
        case "dashboard":
            answer_in_dashboard(people, sale.merchant, dispute["stripe_id"], words)
        case "refund":
            refund(people, sale, payment, people.random.choice((500, None)))
            if dispute["status"].startswith("warning"):
                # The bank takes all of it back all the same.
                answer_in_dashboard(people, sale.merchant, dispute["stripe_id"], ESCALATING)


def answer_over_a_bad_line(people: People, sale: Sale) -> None:
    """Answer an inquiry; what is heard of last arrives late, and the answer is sent again."""
    payment = a_payment(people, sale, INQUIRED)
    people.pause(5, 2 * MINUTE)
    dispute = the_dispute(people, sale)
    if payment is None or dispute is None or not dispute["status"].startswith("warning"):
        return
    say(people, sale, dispute, ESCALATING)
    address = "POST", f"/v1/disputes/{dispute['stripe_id']}"
    people.world.faults.strike(address, "applied_later", "timeout_lost")
    step(people, sale, dispute, "submit")


def the_dispute(people: People, sale: Sale) -> Json | None:
    """Find the dispute of a sale, if anybody has heard of it yet."""
    seen = people.read(sale)
    return seen["disputes"][0] if seen and seen["disputes"] else None


def say(people: People, sale: Sale, dispute: Json, words: str) -> Answer | None:
    body = {"fields": {"uncategorized_text": words}}
    return people.insist(sale.tenant, "operator", f"/v1/disputes/{dispute['id']}/evidence", body)


def step(people: People, sale: Sale, dispute: Json, way: str) -> Answer | None:
    """Submit or accept."""
    people.answers[dispute["stripe_id"]] += way == "submit"
    answer = people.insist(sale.tenant, "operator", f"/v1/disputes/{dispute['id']}/{way}")
    if answer and answer.status == 200 and answer.json["status"] == "lost":
        was_told(sale, answer.json["stripe_id"], people.world.scheduler.now)
    return answer


def answer_in_dashboard(people: People, merchant: Merchant, stripe_id: str, words: str) -> None:
    form = {"evidence[uncategorized_text]": words, "submit": "true"}
    people.answers[stripe_id] += 1
    people.at_stripe(merchant, f"/v1/disputes/{stripe_id}", form)


def conclude(people: People) -> None:
    """Bring to an end in the Dashboard what would wait there for weeks."""
    cancel_what_waits(people)
    for found in people.world.truth.all("dispute"):
        if found["status"] in {"needs_response", "warning_needs_response"}:
            words = people.random.choice((WINNING, LOSING))
            answer_in_dashboard(people, people.owner_of(found), found["id"], words)
    if any(is_undecided(found) for found in people.world.truth.all("dispute")):
        people.world.scheduler.after(DECIDED_AFTER_S, partial(decide, people))


def is_undecided(dispute: Json) -> bool:
    """
    Say whether Stripe's test mode may leave an answer with the bank for ever.

    By these words an inquiry becomes a chargeback, of which they decide nothing if it is answered
    with them again.
    """
    return str(dispute["evidence"]["uncategorized_text"]) == ESCALATING


def decide(people: People) -> None:
    """Do what a bank does in the end, whatever it was told: it decides."""
    for found in people.world.truth.all("dispute", status="under_review"):
        to = people.random.choice(("won", "lost"))
        body = {"account": found["scope"], "dispute": found["id"], "to": to}
        request = Request("POST", "/_control/decisions", "", {}, json.dumps(body).encode())
        answer = people.world.standin.handle(request)
        assert answer.status == 200, answer.body
