"""/v1/disputes: what a payer's bank takes back stands in the books, and is answered through us."""

import base64
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest

from payments.doors.gateway import Gateway
from payments.edge.batches import RunFailed
from payments.facts.stripe_objects import StripeDispute
from tests.functions import refusals
from tests.functions.refusals import ALWAYS, Bad, invalid, refuse, refuse_body
from tests.functions.shop import Shop, expect
from tests.functions.test_charge_token import UNKNOWN, sweep
from tests.functions.world import Answer, Died, Json, World, record

FEE = 1500
WINNING, LOSING = "winning_evidence", "losing_evidence"
CHARGEBACK, INQUIRY = "createDispute", "createDisputeInquiry"
CLOSE = "/v1/disputes/*/close"


def pdf(text: str = "hello") -> str:
    return base64.b64encode(b"%PDF-1.4 " + text.encode()).decode()


def file(slot: str = "receipt", **changes: Any) -> Json:
    named = {"field": slot, "filename": "receipt 1.pdf", "content_type": "application/pdf"}
    return named | {"content_base64": pdf()} | changes


def disputed(shop: Shop, card: str = CHARGEBACK, **order: Any) -> tuple[Json, Json]:
    """An invoice whose payment is disputed, and the dispute, both as the API shows them."""
    invoice = shop.invoice(**order)
    shop.pay(invoice, card)
    assert shop.world.deliver() == []
    (found,) = shop.read(invoice)["disputes"]
    return shop.read(invoice), found


def path(dispute: Json, step: str = "") -> str:
    return f"/v1/disputes/{dispute['id']}" + (f"/{step}" if step else "")


def read(shop: Shop, dispute: Json) -> Json:
    return expect(200, shop.operator.get(path(dispute)))


def save(shop: Shop, dispute: Json, text: str = WINNING, **more: Any) -> Answer:
    body = {"fields": {"uncategorized_text": text}}
    return shop.operator.post(path(dispute, "evidence"), body, **more)


def submit(shop: Shop, dispute: Json, **more: Any) -> Answer:
    return shop.operator.post(path(dispute, "submit"), **more)


def accept(shop: Shop, dispute: Json, **more: Any) -> Answer:
    return shop.operator.post(path(dispute, "accept"), **more)


def decide(shop: Shop, dispute: Json, text: str) -> None:
    """Answer the bank, and let it decide by the words of the evidence."""
    expect(200, save(shop, dispute, text))
    expect(200, submit(shop, dispute))
    shop.world.advance(minutes=5)
    shop.world.truth(shop.account)


def balances(world: World, tenant: str = "tulips") -> dict[str, int]:
    """The trial balance, without what is zero; it has to sum to zero."""
    found: Counter[str] = Counter()
    for (pk, sk), row in world.rows().items():
        if sk.startswith("JOURNAL#") and f"#{tenant}#" in pk:
            for posting in row["postings"]["L"]:
                found[posting["M"]["account"]["S"]] += int(posting["M"]["amount"]["N"])
    assert sum(found.values()) == 0
    return {account.partition(":acc_")[0]: amount for account, amount in found.items() if amount}


def assert_books_agree(shop: Shop) -> None:
    """What the ledger says is at Stripe is the sum of what Stripe itself booked."""
    net = sum(entry["net"] for entry in shop.world.truth(shop.account)["balance_transactions"])
    assert balances(shop.world, shop.tenant).get("stripe_balance", 0) == net


def test_a_dispute_is_opened_and_its_money_held(shop: Shop) -> None:
    invoice, dispute = disputed(shop)

    (truth,) = shop.world.truth(shop.account)["disputes"]
    shown = dispute.copy()
    assert shown.pop("id").startswith("dsp_")
    assert shown == {
        "stripe_id": truth["id"],
        "invoice": invoice["id"],
        "payment": invoice["payments"][0]["id"],
        "charge": truth["charge"],
        "mode": "test",
        "amount": 4000,
        "currency": "eur",
        "withdrawn": 4000,
        "charged_back": 0,
        "reason": "fraudulent",
        "network_reason": "10.4",
        "status": "needs_response",
        "due_by": "2026-09-29T23:59:59Z",
        "overdue": False,
        "is_charge_refundable": False,
        "evidence": {"has_evidence": False, "submissions": 0, "submitted_at": None},
        "created_at": "2026-09-21T14:00:00Z",
        "version": 1,
    }
    assert (invoice["status"], invoice["facets"]["exception"]) == ("paid", "disputed")
    held = balances(shop.world)
    assert (held["dispute_hold"], held["fees:dispute"]) == (4000, FEE)
    assert "ar:c-1" not in held
    assert_books_agree(shop)


def test_it_is_listed_narrowed_by_its_status_and_read_by_its_id(shop: Shop) -> None:
    _, first = disputed(shop)
    shop.world.advance(minutes=1)
    _, second = disputed(shop, INQUIRY)

    listed = [entry["id"] for entry in listing(shop)]
    assert listed == [second["id"], first["id"]]
    assert [entry["id"] for entry in listing(shop, status="needs_response")] == [first["id"]]
    assert listing(shop, status="won") == []
    assert read(shop, second) == second
    page = expect(200, shop.operator.get("/v1/disputes", limit=1))
    more = expect(200, shop.operator.get("/v1/disputes", limit=1, cursor=page["next_cursor"]))
    assert [entry["id"] for entry in page["data"] + more["data"]] == listed


def listing(shop: Shop, **query: str) -> list[Json]:
    return list(expect(200, shop.operator.get("/v1/disputes", **query))["data"])


def test_evidence_goes_to_stripe_and_the_bank_sees_none_of_it_yet(shop: Shop) -> None:
    _, dispute = disputed(shop)
    fields = {"uncategorized_text": "We sent it.\r\nIt arrived.", "shipping_carrier": "DHL"}
    files = [file(), file("shipping_documentation", filename="Lieferschein ä.pdf")]

    answer = shop.operator.post(path(dispute, "evidence"), {"fields": fields, "files": files})

    shown = expect(200, answer)
    assert shown["evidence"] == {"has_evidence": True, "submissions": 0, "submitted_at": None}
    assert shown["status"] == "needs_response"
    evidence = shop.world.truth(shop.account)["disputes"][0]["evidence"]
    assert {name: evidence[name] for name in fields} == fields
    for slot in ("receipt", "shipping_documentation"):
        uploaded = shop.world.at_stripe("GET", f"/v1/files/{evidence[slot]}")
        assert (uploaded["purpose"], uploaded["type"]) == ("dispute_evidence", "pdf")
    assert uploaded["filename"] == "Lieferschein ä.pdf"


def test_evidence_that_is_submitted_is_under_review(shop: Shop) -> None:
    _, dispute = disputed(shop)
    expect(200, save(shop, dispute, "our side"))
    shop.world.advance(hours=1)

    shown = expect(200, submit(shop, dispute))

    assert shown["status"] == "under_review"
    assert shown["evidence"]["submissions"] == 1
    assert shown["evidence"]["submitted_at"] == "2026-09-21T15:00:00Z"


def test_a_dispute_that_is_won_brings_the_money_back(shop: Shop) -> None:
    invoice, dispute = disputed(shop)
    decide(shop, dispute, WINNING)

    assert shop.world.deliver() == []

    seen = shop.read(invoice)
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "none")
    assert seen["amounts"]["charged_back"] == 0
    (won,) = seen["disputes"]
    assert (won["status"], won["withdrawn"], won["charged_back"]) == ("won", 0, 0)
    assert "dispute_hold" not in balances(shop.world)
    assert_books_agree(shop)


def test_a_dispute_that_is_lost_brings_the_debt_back(shop: Shop) -> None:
    invoice, dispute = disputed(shop)
    decide(shop, dispute, LOSING)

    assert shop.world.deliver() == []

    seen = shop.read(invoice)
    assert (seen["status"], seen["facets"]["exception"]) == ("open", "charged_back")
    assert (seen["amounts"]["charged_back"], seen["amounts"]["outstanding"]) == (4000, 4000)
    (lost,) = seen["disputes"]
    assert (lost["status"], lost["withdrawn"], lost["charged_back"]) == ("lost", 4000, 4000)
    owed = balances(shop.world)
    assert (owed["ar:c-1"], "dispute_hold" in owed) == (4000, False)
    assert_books_agree(shop)


def test_a_debt_that_came_back_can_be_paid_again(shop: Shop) -> None:
    invoice, dispute = disputed(shop)
    decide(shop, dispute, LOSING)
    shop.world.deliver()

    shop.pay(invoice)
    shop.world.deliver()

    seen = shop.read(invoice)
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "none")
    assert seen["amounts"]["charged_back"] == 4000
    assert "ar:c-1" not in balances(shop.world)
    assert_books_agree(shop)


def test_a_dispute_that_is_accepted_is_lost_at_once(shop: Shop) -> None:
    invoice, dispute = disputed(shop)

    shown = expect(200, accept(shop, dispute))

    assert (shown["status"], shown["charged_back"]) == ("lost", 4000)
    assert shop.read(invoice)["amounts"]["outstanding"] == 4000
    assert shop.world.deliver() == []
    assert_books_agree(shop)


def test_a_dispute_of_one_part_payment_leaves_the_other(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, amount=1500)
    shop.world.deliver()
    shop.pay(invoice, CHARGEBACK)
    shop.world.deliver()
    (dispute,) = shop.read(invoice)["disputes"]

    expect(200, accept(shop, dispute))

    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["paid"]) == ("partially_paid", 1500)
    assert_books_agree(shop)


def test_a_dispute_of_one_payment_for_several_invoices_concerns_each(shop: Shop) -> None:
    shop.save_card(CHARGEBACK)
    invoices = [shop.invoice(), shop.invoice()]
    asked = [
        {"invoice": invoice["id"], "amount": amount}
        for invoice, amount in zip(invoices, (4000, 1500), strict=True)
    ]
    expect(201, shop.operator.post("/v1/charges", {"customer": "c-1", "allocations": asked}))
    shop.world.deliver()

    seen = [shop.read(invoice) for invoice in invoices]
    assert [each["facets"]["exception"] for each in seen] == ["disputed", "disputed"]
    assert seen[0]["disputes"] == seen[1]["disputes"]
    refused = refuse(shop.world, lambda: shop.charge(invoices[1]))
    assert refused == (409, "invoice_disputed")

    expect(200, accept(shop, seen[0]["disputes"][0]))

    amounts = [shop.read(invoice)["amounts"] for invoice in invoices]
    assert [(each["charged_back"], each["outstanding"]) for each in amounts] == [
        (4000, 4000),
        (1500, 4000),
    ]
    assert_books_agree(shop)


def test_what_was_given_up_already_is_no_debt_again(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, CHARGEBACK, amount=1500)
    shop.world.deliver()
    (dispute,) = shop.read(invoice)["disputes"]
    expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/uncollectible"))

    expect(200, accept(shop, dispute))

    books = balances(shop.world)
    assert (books["bad_debt"], "ar:c-1" in books, "dispute_hold" in books) == (4000, False, False)
    assert shop.read(invoice)["status"] == "uncollectible"


def test_an_inquiry_takes_no_money_and_ends_without_any(shop: Shop) -> None:
    invoice, dispute = disputed(shop, INQUIRY)
    assert (dispute["status"], dispute["withdrawn"]) == ("warning_needs_response", 0)
    assert invoice["facets"]["exception"] == "disputed"
    decide(shop, dispute, WINNING)

    shop.world.deliver()

    seen = shop.read(invoice)
    assert (seen["disputes"][0]["status"], seen["facets"]["exception"]) == (
        "warning_closed",
        "none",
    )
    assert not {"dispute_hold", "fees:dispute"} & balances(shop.world).keys()


def test_an_inquiry_that_becomes_a_chargeback_takes_the_money_then(shop: Shop) -> None:
    invoice, dispute = disputed(shop, INQUIRY)
    decide(shop, dispute, "escalate_inquiry_evidence")

    shop.world.deliver()

    (escalated,) = shop.read(invoice)["disputes"]
    assert (escalated["status"], escalated["withdrawn"]) == ("needs_response", 4000)
    assert balances(shop.world)["dispute_hold"] == 4000
    assert_books_agree(shop)


def test_a_dispute_that_nobody_answers_is_lost_when_it_is_due(shop: Shop) -> None:
    invoice, dispute = disputed(shop, "createDisputeProductNotReceived")
    shop.world.advance(days=10)
    shop.world.truth(shop.account)

    shop.world.deliver()

    assert read(shop, dispute)["status"] == "lost"
    assert shop.read(invoice)["status"] == "open"


def test_one_that_is_overdue_says_so_and_takes_no_answer(shop: Shop) -> None:
    _, dispute = disputed(shop)
    expect(200, save(shop, dispute))
    shop.world.advance(days=10)

    assert read(shop, dispute)["overdue"] is True
    for step in (save, submit, accept):
        assert refuse(shop.world, lambda step=step: step(shop, dispute)) == (
            409,
            "dispute_past_due",
        )


@pytest.mark.parametrize("words", [WINNING, LOSING])
def test_one_that_is_answered_or_decided_takes_no_answer(shop: Shop, words: str) -> None:
    _, dispute = disputed(shop)
    expect(200, save(shop, dispute, words))
    expect(200, submit(shop, dispute))
    for ended in (False, True):
        if ended:
            shop.world.advance(minutes=5)
            shop.world.truth(shop.account)
            shop.world.deliver()
        for step in (save, submit, accept):
            assert refuse(shop.world, lambda step=step: step(shop, dispute)) == (
                409,
                "dispute_not_answerable",
            )


def test_one_that_was_closed_in_the_dashboard_unheard_is_found_so(shop: Shop) -> None:
    invoice, dispute = disputed(shop)
    shop.world.control("webhooks", mode="drop")
    shop.world.at_stripe("POST", f"/v1/disputes/{dispute['stripe_id']}/close")

    answer = save(shop, dispute)

    assert (answer.status, answer.code) == (409, "dispute_not_answerable")
    assert shop.read(invoice)["facets"]["exception"] == "charged_back"
    assert_books_agree(shop)


def test_one_that_is_closed_in_the_dashboard_is_heard_of(shop: Shop) -> None:
    invoice, dispute = disputed(shop)
    shop.world.at_stripe("POST", f"/v1/disputes/{dispute['stripe_id']}/close")

    shop.world.deliver()

    assert shop.read(invoice)["status"] == "open"
    assert read(shop, dispute)["status"] == "lost"


def test_without_evidence_there_is_nothing_to_submit(shop: Shop) -> None:
    _, dispute = disputed(shop)

    assert refuse_but_noted(shop, lambda: submit(shop, dispute)) == (409, "invalid_transition")


def refuse_but_noted(shop: Shop, send: Callable[[], Answer]) -> tuple[int, str]:
    """A refusal that came after the request had been noted with the dispute."""
    answer = send()
    assert (
        shop.world.truth(shop.account)["disputes"][0]["evidence_details"]["submission_count"] == 0
    )
    return answer.status, answer.code


def test_evidence_that_was_staged_in_the_dashboard_is_submitted(shop: Shop) -> None:
    _, dispute = disputed(shop)
    form = {"evidence[uncategorized_text]": "our side", "submit": "false"}
    shop.world.at_stripe("POST", f"/v1/disputes/{dispute['stripe_id']}", **form)

    assert expect(200, submit(shop, dispute))["status"] == "under_review"


def test_a_file_that_stripe_does_not_take_is_refused_and_no_evidence_saved(shop: Shop) -> None:
    _, dispute = disputed(shop)
    body = {"files": [file(content_base64=base64.b64encode(b"GIF89a").decode())]}

    answer = shop.operator.post(path(dispute, "evidence"), body)

    assert (answer.status, answer.code) == (422, "stripe_request_refused")
    assert read(shop, dispute)["evidence"]["has_evidence"] is False


def test_while_it_is_disputed_nothing_is_collected_and_afterwards_it_is(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    link = shop.link(invoice)
    shop.pay(invoice, CHARGEBACK, amount=1500)
    shop.world.deliver()
    (dispute,) = shop.read(invoice)["disputes"]

    refused = refuse(shop.world, lambda: shop.charge(invoice, amount=500))
    assert refused == (409, "invoice_disputed")
    links = f"/v1/invoices/{invoice['id']}/pay-links"
    assert refuse(shop.world, lambda: shop.operator.post(links, {})) == (409, "invoice_disputed")
    page = shop.world.public.get(link)
    assert "Payment is on hold" in page.text
    assert "<button" not in page.text
    assert urlsplit(shop.press_pay(link)).path == link

    decide(shop, dispute, WINNING)
    shop.world.deliver()
    expect(201, shop.charge(invoice))
    assert shop.read(invoice)["status"] == "paid"
    assert_books_agree(shop)


def refund(shop: Shop, invoice: Json, **asked: Any) -> Answer:
    payment = shop.read(invoice)["payments"][0]["id"]
    return shop.operator.post(f"/v1/payments/{payment}/refunds", asked)


def test_what_a_bank_has_taken_is_not_given_back_a_second_time(shop: Shop) -> None:
    invoice, dispute = disputed(shop)
    assert refuse(shop.world, lambda: refund(shop, invoice)) == (409, "payment_disputed")

    decide(shop, dispute, WINNING)
    shop.world.deliver()

    assert expect(201, refund(shop, invoice, amount=1000))["status"] == "succeeded"
    assert_books_agree(shop)


def test_an_inquiry_may_be_answered_by_giving_the_money_back(shop: Shop) -> None:
    invoice, _ = disputed(shop, INQUIRY)

    assert expect(201, refund(shop, invoice))["status"] == "succeeded"
    assert_books_agree(shop)


@pytest.mark.parametrize("settle_as", ["credit_note", "reopen"])
def test_a_part_given_back_before_is_not_charged_back_again(shop: Shop, settle_as: str) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, INQUIRY)
    shop.world.deliver()
    expect(201, refund(shop, invoice, amount=1000, settle_as=settle_as))
    shrink(shop, 3000)
    (dispute,) = shop.read(invoice)["disputes"]
    decide(shop, dispute, "escalate_inquiry_evidence")
    shop.world.deliver()

    assert refund(shop, invoice).code == "payment_disputed"
    expect(200, accept(shop, dispute))

    amounts = shop.read(invoice)["amounts"]
    assert (amounts["paid"], amounts["refunded"], amounts["charged_back"]) == (0, 1000, 3000)
    assert amounts["outstanding"] == (3000 if settle_as == "credit_note" else 4000)
    assert_books_agree(shop)


def shrink(shop: Shop, amount: int) -> None:
    """Let the bank dispute only what has not been given back."""
    change(shop, amount=amount)


def change(shop: Shop, **changes: Any) -> None:
    """Let the bank do with the dispute what it does in test mode at no word of ours."""
    (dispute,) = shop.world.truth(shop.account)["disputes"]
    scope = shop.world.standin.store.scope_of("dispute", dispute["id"])
    shop.world.standin.store.update(scope, dispute | changes)


@pytest.mark.parametrize("given_up", [False, True])
def test_what_a_bank_gives_back_after_all_is_credit_where_the_debt_was_paid_meanwhile(
    shop: Shop, *, given_up: bool
) -> None:
    invoice, dispute = disputed(shop)
    decide(shop, dispute, LOSING)
    shop.world.deliver()
    if given_up:
        expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/uncollectible"))
    cash = {"amount": 4000, "method": "cash"}
    expect(201, shop.operator.post(f"/v1/invoices/{invoice['id']}/offline-payments", cash))
    (truth,) = shop.world.truth(shop.account)["disputes"]
    (taken,) = truth["balance_transactions"]
    back = {"id": "txn_back", "amount": 4000, "net": 4000, "fee": 0}
    change(shop, status="won", balance_transactions=[taken, taken | back])

    runs = [ask_about(shop, dispute) for _ in range(3)]

    assert {run["status"] for run in runs} == {"won"}
    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["paid"]) == ("paid", 4000)
    (credit,) = expect(200, shop.operator.get("/v1/customers/c-1/credit"))["data"]
    assert credit["balance"] == 4000
    assert shop.read(invoice)["facets"]["exception"] == "overpaid"
    found = balances(shop.world)
    assert (found["customer_credit:c-1"], found["bank"]) == (-4000, 4000)
    assert not {"ar:c-1", "bad_debt", "dispute_hold"} & found.keys()


def ask_about(shop: Shop, dispute: Json) -> Json:
    """Find out how it stands, as reconciliation does."""
    shop.world.advance(hours=1)
    asked = {"account": shop.account["id"], "mode": "heal"}
    expect(202, shop.admin.post("/v1/reconciliation/runs", asked))
    assert shop.world.work("reconcile_account", *shop.world.messages("reconciliations")) == []
    return read(shop, dispute)


def test_a_key_twice_answers_the_bank_once(shop: Shop) -> None:
    _, dispute = disputed(shop)
    good, other = ({"fields": {"product_description": word}} for word in ("Tulips", "Roses"))

    refusals.use_key_twice(shop.operator, path(dispute, "evidence"), good, other)

    expect(200, submit(shop, dispute, key="s"))
    again = submit(shop, dispute, key="s")
    assert (again.status, again.headers["idempotent-replayed"]) == (200, "true")
    details = shop.world.truth(shop.account)["disputes"][0]["evidence_details"]
    assert details["submission_count"] == 1


def asked_anew(shop: Shop, invoice: Json) -> Json:
    """The dispute, whose inquiry the bank has made a chargeback of, which takes the money."""
    shop.world.advance(minutes=5)
    shop.world.truth(shop.account)
    shop.world.deliver()
    (dispute,) = shop.read(invoice)["disputes"]
    assert (dispute["status"], dispute["withdrawn"]) == ("needs_response", 4000)
    return dict(dispute)


def escalate(shop: Shop, invoice: Json, dispute: Json) -> None:
    """Have the bank make a chargeback of an inquiry that was answered in the Dashboard."""
    form = {"evidence[uncategorized_text]": "escalate_inquiry_evidence", "submit": "true"}
    shop.world.at_stripe("POST", f"/v1/disputes/{dispute['stripe_id']}", **form)
    asked_anew(shop, invoice)


@pytest.mark.parametrize("between", ["nothing", "evidence"])
def test_an_answer_to_an_inquiry_that_comes_again_is_no_answer_to_the_chargeback(
    shop: Shop, between: str
) -> None:
    """Its own answer was lost, and the bank takes one answer to a chargeback."""
    invoice, dispute = disputed(shop, INQUIRY)
    expect(200, save(shop, dispute, "escalate_inquiry_evidence"))
    shop.world.fail("/v1/disputes/*", "timeout_applied")
    shop.world.fail("/v1/disputes/*", "timeout_lost", "timeout_lost", method="GET")
    assert submit(shop, dispute, key="s").status == 503
    asked_anew(shop, invoice)
    if between == "evidence":
        expect(200, save(shop, dispute, WINNING))

    answered = expect(200, submit(shop, dispute, key="s"))

    assert (answered["status"], answered["evidence"]["submissions"]) == ("needs_response", 1)
    if between == "nothing":
        expect(200, save(shop, dispute, WINNING))
    assert expect(200, submit(shop, dispute))["status"] == "under_review"
    assert_books_agree(shop)


@pytest.mark.parametrize("step", ["accept", "submit", "evidence"])
def test_what_never_reached_the_inquiry_is_not_done_to_the_chargeback(
    shop: Shop, step: str
) -> None:
    """To give up an inquiry costs nothing; to give up the chargeback costs the money."""
    invoice, dispute = disputed(shop, INQUIRY)
    expect(200, save(shop, dispute, "ours"))
    where = CLOSE if step == "accept" else "/v1/disputes/*"
    shop.world.fail(where, "timeout_lost", "timeout_lost")
    begin = {"accept": accept, "submit": submit, "evidence": save}[step]
    assert begin(shop, dispute, key="k").status == 503
    if step == "submit":
        # The bank does not wait for an answer.
        change(shop, status="needs_response")
    else:
        escalate(shop, invoice, dispute)

    refused = begin(shop, dispute, key="k")

    assert (refused.status, refused.code) == (409, "dispute_not_answerable")
    assert read(shop, dispute)["status"] == "needs_response"
    expect(200, save(shop, dispute, WINNING))
    assert expect(200, submit(shop, dispute))["status"] == "under_review"


@pytest.mark.parametrize("step", ["accept", "submit", "evidence"])
def test_what_died_before_it_was_noted_with_an_inquiry_is_not_done_to_the_chargeback(
    shop: Shop, step: str
) -> None:
    """Its key alone tells that it is from before; however often it comes."""
    invoice, dispute = disputed(shop, INQUIRY)
    expect(200, save(shop, dispute, "ours"))
    begin = {"accept": accept, "submit": submit, "evidence": save}[step]
    before = noted(shop)
    # The request after the one that keeps its key.
    shop.world.gate.arm(2)
    with pytest.raises(Died):
        begin(shop, dispute, key="k")
    shop.world.gate.arm(None)
    assert noted(shop) == before
    escalate(shop, invoice, dispute)

    for _ in range(3):
        if step == "submit":
            # What was submitted to the inquiry is all there was to submit.
            expect(200, begin(shop, dispute, key="k"))
        else:
            refused = begin(shop, dispute, key="k")
            assert (refused.status, refused.code) == (409, "dispute_not_answerable")

    assert read(shop, dispute)["status"] == "needs_response"
    expect(200, save(shop, dispute, WINNING))
    assert expect(200, submit(shop, dispute))["status"] == "under_review"


@pytest.mark.parametrize("step", ["accept", "submit", "evidence"])
def test_what_is_first_heard_of_after_the_escalation_is_refused_if_it_says_what_it_is_for(
    shop: Shop, step: str
) -> None:
    """Nothing here tells when it was sent: it never came, and is sent again with its If-Match."""
    invoice, dispute = disputed(shop, INQUIRY)
    expect(200, save(shop, dispute, "ours"))
    seen = {"if-match": f'"{read(shop, dispute)["version"]}"'}
    begin = {"accept": accept, "submit": submit, "evidence": save}[step]
    escalate(shop, invoice, dispute)

    stale = refuse(shop.world, lambda: begin(shop, dispute, headers=seen))

    assert stale == (412, "version_mismatch")
    assert read(shop, dispute)["status"] == "needs_response"
    now = shop.operator.get(path(dispute)).headers["etag"]
    expect(200, begin(shop, dispute, headers={"if-match": now}))


def test_an_answer_that_was_noted_comes_again_for_the_version_that_it_was_meant_for(
    shop: Shop,
) -> None:
    _, dispute = disputed(shop)
    expect(200, save(shop, dispute))
    seen = {"if-match": f'"{read(shop, dispute)["version"]}"'}
    shop.world.fail("/v1/disputes/*", "timeout_lost", "timeout_lost")
    assert submit(shop, dispute, key="s", headers=seen).status == 503

    assert expect(200, submit(shop, dispute, key="s", headers=seen))["status"] == "under_review"


def noted(shop: Shop) -> Json:
    """The requests that are noted with the only dispute, by their stage."""
    (row,) = [row for (_, sk), row in shop.world.rows().items() if sk.startswith("DISPUTE#")]
    return dict(row["requests"]["M"])


BAD = (
    *ALWAYS[:-2],
    ALWAYS[-1],
    invalid("nothing in it", {"fields": {}}),
    invalid("a field that Stripe does not have", {"fields": {"weather": "good"}}),
    invalid("a file's field as a text", {"fields": {"receipt": "file_1"}}),
    invalid("an empty text", {"fields": {"customer_name": ""}}),
    invalid("a text that is too long", {"fields": {"customer_name": "x" * 20_001}}),
    invalid("a control character", {"fields": {"customer_name": "a\x00b"}}),
    invalid("a card number", {"fields": {"customer_name": refusals.PAN}}, "pan_detected"),
    invalid("not base64", {"files": [file(content_base64="%%%%")]}),
    invalid("not even ASCII", {"files": [file(content_base64="ĸI𥗴-")]}),
    invalid("an unknown field of a file", {"files": [file("customer_name")]}),
    invalid("a kind of file that banks do not take", {"files": [file(content_type="text/html")]}),
    invalid("a path as a file's name", {"files": [file(filename="../x.pdf")]}),
    invalid("a header in a file's name", {"files": [file(filename='x"\r\ny: z.pdf')]}),
    invalid("two files for one field", {"files": [file(), file()]}),
    Bad("texts that are too long together", 422, "validation_failed", {
        "fields": dict.fromkeys(
            ("billing_address", "customer_name", "product_description", "service_date",
             "shipping_address", "shipping_date", "shipping_carrier", "uncategorized_text"),
            "x" * 19_000,
        ),
    }),
    Bad("files that are too large together", 413, "payload_too_large", {
        "files": [
            file(slot, content_base64=base64.b64encode(b"%PDF" + b"0" * 2_260_000).decode())
            for slot in ("receipt", "refund_policy")
        ],
    }),
    Bad("too large", 413, "payload_too_large", raw=json.dumps("x" * 6_200_000)),
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_is_no_evidence_is_refused_and_asks_nobody(showroom: Shop, bad: Bad) -> None:
    showroom.world.gate.arm(None)
    good = {"fields": {"product_description": "Tulips"}}

    route = path({"id": "dsp_nobody"}, "evidence")
    answer = refuse_body(showroom.operator, "POST", route, good, bad)

    assert answer == (bad.status, bad.code)
    assert not [name for name in showroom.world.gate.passed if " /v1/" in name]


def test_files_up_to_what_an_invocation_takes_are_uploaded(shop: Shop) -> None:
    _, dispute = disputed(shop)
    content = base64.b64encode(b"%PDF" + b"0" * 4_499_996).decode()

    answer = shop.operator.post(
        path(dispute, "evidence"), {"files": [file(content_base64=content)]}
    )

    assert expect(200, answer)["evidence"]["has_evidence"] is True


def test_what_is_told_the_bank_is_in_no_log_row_or_answer(
    shop: Shop, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    _, dispute = disputed(shop)
    body = {"fields": {"uncategorized_text": "canary-text"}, "files": [file()]}
    body["files"][0]["content_base64"] = pdf("canary-content")

    answers = [
        shop.operator.post(path(dispute, "evidence"), body),
        shop.operator.post(path(dispute, "evidence"), body | {"surprise": 1}),
        submit(shop, dispute),
        shop.operator.post(path(dispute, "evidence"), body),
    ]
    shop.world.deliver()

    assert [answer.status for answer in answers] == [200, 422, 200, 409]
    told = "".join(answer.text for answer in answers) + shop.world.log.getvalue() + caplog.text
    told += "".join(capfd.readouterr()) + str(shop.world.rows()) + str(listing(shop))
    assert not [word for word in ("canary", body["files"][0]["content_base64"]) if word in told]


@pytest.mark.parametrize("kinds", UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("step", [save, submit, accept])
def test_an_unknown_outcome_is_asked_after_and_the_same_request_brings_it_to_an_end(
    shop: Shop, step: Callable[..., Answer], kinds: tuple[str, ...]
) -> None:
    invoice, dispute = disputed(shop)
    if step is submit:
        expect(200, save(shop, dispute, "our side"))
    shop.world.fail(CLOSE if step is accept else "/v1/disputes/*", *kinds)

    first = step(shop, dispute, key="k")
    assert first.status in {200, 503}, first.text
    assert (first.status == 200) or first.json["retryable"]
    shop.world.advance(minutes=2)
    again = step(shop, dispute, key="k")

    shown = expect(200, again)
    assert shown["status"] == {save: "needs_response", submit: "under_review", accept: "lost"}[step]
    assert shown["evidence"]["has_evidence"] is (step is not accept)
    details = shop.world.truth(shop.account)["disputes"][0]["evidence_details"]
    assert details["submission_count"] == (step is submit)
    shop.world.deliver()
    assert (shop.read(invoice)["status"] == "open") is (step is accept)
    assert_books_agree(shop)


def test_an_upload_whose_outcome_is_unknown_is_made_again(shop: Shop) -> None:
    _, dispute = disputed(shop)
    shop.world.fail("/v1/files", "500", "500")
    body = {"files": [file()]}

    first = shop.operator.post(path(dispute, "evidence"), body, key="k")
    again = shop.operator.post(path(dispute, "evidence"), body, key="k")

    assert (first.status, first.code) == (503, "stripe_unavailable")
    assert expect(200, again)["evidence"]["has_evidence"] is True


def test_with_too_little_time_left_nothing_is_begun_at_stripe(shop: Shop) -> None:
    _, dispute = disputed(shop)
    shop.world.remaining_ms = 5_000

    assert accept(shop, dispute, key="k").status == 503

    shop.world.remaining_ms = None
    assert read(shop, dispute)["status"] == "needs_response"
    assert expect(200, accept(shop, dispute, key="k"))["status"] == "lost"


def gated(shop: Shop, work: Callable[[], Any]) -> int:
    """How often `work` reaches out; every one of these is a place to die."""
    shop.world.gate.arm(None)
    work()
    return len(shop.world.gate.passed)


def die(shop: Shop, step: int, moment: str, work: Callable[[], Any]) -> None:
    shop.world.gate.arm(step, moment)
    with pytest.raises(Died):
        work()
    shop.world.gate.arm(None)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", [submit, accept])
def test_an_answer_that_dies_anywhere_is_given_once(
    shop: Shop, moment: str, step: Callable[..., Answer]
) -> None:
    def one() -> Json:
        _, dispute = disputed(shop)
        expect(200, save(shop, dispute, "our side"))
        return dispute

    first = one()
    steps = gated(shop, lambda: step(shop, first))
    for number in range(steps):
        dispute = one()
        die(shop, number, moment, lambda d=dispute, n=number: step(shop, d, key=f"k-{n}"))
        shop.world.advance(minutes=2)
        again = step(shop, dispute, key=f"k-{number}")
        assert expect(200, again)["status"] == ("under_review" if step is submit else "lost")

    assert shop.world.deliver() == []
    truth = shop.world.truth(shop.account)["disputes"]
    assert {each["evidence_details"]["submission_count"] for each in truth} == {step is submit}
    assert_books_agree(shop)


def events_of(shop: Shop) -> list[Json]:
    """Keep what Stripe sends, and return the queue's messages without working on them."""
    shop.world.standin.deliveries.run_due(shop.world._receive)
    return list(shop.world.messages("events"))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_event_whose_worker_dies_anywhere_is_applied_once(shop: Shop, moment: str) -> None:
    invoice, dispute = disputed(shop)
    decide(shop, dispute, LOSING)
    messages = events_of(shop)
    before = dict(shop.world.dynamo.rows)
    (last,) = [each for each in messages if "closed" in kind_of(shop, each)]
    steps = gated(shop, lambda: shop.world.work("apply_event", last))

    for number in range(steps):
        shop.world.dynamo.load(before)
        die(shop, number, moment, lambda: shop.world.work("apply_event", last))
        assert shop.world.work("apply_event", *messages) == []
        assert shop.read(invoice)["amounts"]["charged_back"] == 4000
        assert_books_agree(shop)


def kind_of(shop: Shop, message: Json) -> str:
    ident = json.loads(message["body"])["event"]
    rows = shop.world.rows().items()
    return next(row["type"]["S"] for (pk, _), row in rows if pk.endswith(f":{ident}"))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("words", [WINNING, LOSING])
def test_events_in_any_order_and_twice_give_the_same_books(
    shop: Shop, words: str, seed: int
) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, CHARGEBACK)
    messages = events_of(shop)
    dice = random.Random(seed)  # noqa: S311 - a shuffle that repeats
    dice.shuffle(messages)
    assert shop.world.work("apply_event", *messages[: len(messages) // 2]) == []
    dispute_id = shop.world.truth(shop.account)["disputes"][0]["id"]
    form = {"evidence[uncategorized_text]": words}
    shop.world.at_stripe("POST", f"/v1/disputes/{dispute_id}", **form)
    shop.world.advance(minutes=5)
    shop.world.truth(shop.account)
    messages += events_of(shop) * 2
    dice.shuffle(messages)

    assert shop.world.work("apply_event", *forgotten(shop, messages)) == []

    seen = shop.read(invoice)
    lost = 4000 if words == LOSING else 0
    assert (seen["amounts"]["charged_back"], seen["amounts"]["outstanding"]) == (lost, lost)
    assert [each["status"] for each in seen["disputes"]] == ["lost" if lost else "won"]
    assert "dispute_hold" not in balances(shop.world)
    assert_books_agree(shop)


def forgotten(shop: Shop, messages: list[Json]) -> Iterator[Json]:
    """Yield each message as if the inbox had forgotten that it was applied."""
    for number, message in enumerate(messages):
        ident = json.loads(message["body"])["event"]
        for key, row in shop.world.rows().items():
            if key[0].endswith(f":{ident}"):
                shop.world.dynamo.keep(row | {"status": {"S": "pending"}})
        yield record(json.loads(message["body"]), f"again-{number}")


def test_a_dispute_of_a_payment_that_nobody_told_of_books_the_payment_first(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, CHARGEBACK)
    opened = [each for each in events_of(shop) if "dispute.created" in kind_of(shop, each)]

    assert shop.world.work("apply_event", *opened) == []

    seen = shop.read(invoice)
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "disputed")
    assert_books_agree(shop)


def test_a_dispute_of_a_charge_that_is_not_ours_is_ignored(shop: Shop) -> None:
    form = {
        "amount": "900",
        "currency": "eur",
        "payment_method": f"pm_card_{CHARGEBACK}",
        "confirm": "true",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
    }
    made = shop.world.at_stripe("POST", "/v1/payment_intents", **form)
    assert made["status"] == "succeeded"
    before = {key for key in shop.world.facts() if key[1] != "EVENT"}

    assert shop.world.deliver() == []

    assert len(shop.world.truth(shop.account)["disputes"]) == 1
    assert {key for key in shop.world.facts() if key[1] != "EVENT"} == before
    assert listing(shop) == []


def test_the_sweep_asks_after_an_open_dispute_once_a_day(shop: Shop) -> None:
    invoice, dispute = disputed(shop)
    shop.world.control("webhooks", mode="drop")
    sweep(shop.world)
    shop.world.advance(days=1)
    assert sweep(shop.world)["disputes"] == 1
    assert sweep(shop.world)["disputes"] == 0

    shop.world.at_stripe("POST", f"/v1/disputes/{dispute['stripe_id']}/close")
    shop.world.advance(days=1)
    assert sweep(shop.world)["disputes"] == 1

    assert shop.read(invoice)["status"] == "open"
    shop.world.advance(days=1)
    assert sweep(shop.world)["disputes"] == 0
    assert_books_agree(shop)


def test_a_dispute_that_stripe_cannot_tell_of_is_asked_after_again(shop: Shop) -> None:
    _, dispute = disputed(shop)
    shop.world.advance(days=1)
    shop.world.fail("/v1/disputes/*", "500", "500", method="GET")

    assert sweep(shop.world)["left"] == 1
    assert sweep(shop.world)["left"] == 0

    shop.world.advance(minutes=30)
    assert sweep(shop.world)["disputes"] == 1
    assert read(shop, dispute)["status"] == "needs_response"


def test_a_bug_in_one_dispute_is_seen_and_does_not_hold_up_the_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    disputes = [disputed(shop)[1] for _ in range(2)]
    fetch, calls = Gateway.dispute, count()

    def stumble(gateway: Gateway, dispute: str) -> StripeDispute:
        if next(calls) == 0:
            raise TypeError("Bug!")
        return fetch(gateway, dispute)

    monkeypatch.setattr(Gateway, "dispute", stumble)
    shop.world.advance(days=1)

    with pytest.raises(RunFailed, match="TypeError"):
        sweep(shop.world)
    assert sweep(shop.world)["disputes"] == 1
    shop.world.advance(minutes=30)
    assert sweep(shop.world)["disputes"] == 1
    assert {read(shop, dispute)["status"] for dispute in disputes} == {"needs_response"}


def test_with_too_little_time_left_the_sweep_asks_after_no_dispute(shop: Shop) -> None:
    disputed(shop)
    shop.world.advance(days=1)
    shop.world.remaining_ms = 5_000

    assert sweep(shop.world)["disputes"] == 0


def test_a_dispute_of_another_tenant_does_not_exist(shop: Shop) -> None:
    _, dispute = disputed(shop)

    assert refusals.foreign(shop, path(dispute)) == (404, "not_found")
    for step in ("evidence", "submit", "accept"):
        body = {"fields": {"customer_name": "Eve"}} if step == "evidence" else None
        assert refusals.foreign(shop, path(dispute, step), body, "POST") == (404, "not_found")
    assert expect(200, shop.world.client("bakery").get("/v1/disputes"))["data"] == []


def test_an_operator_without_the_grant_answers_nobody_and_an_admin_may(shop: Shop) -> None:
    _, dispute = disputed(shop)
    grant = f"/v1/profiles/operator/modules/{shop.module['id']}"
    expect(200, shop.admin.send("DELETE", grant))

    for step in (save, submit, accept):
        refused = refuse(shop.world, lambda step=step: step(shop, dispute))
        assert refused == (403, "permission_denied")
    assert expect(200, shop.admin.post(path(dispute, "accept")))["status"] == "lost"
