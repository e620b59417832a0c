"""/v1/disputes: what a payer's bank takes back stands in the books, and is answered through us."""

from tests.functions import refusals
from tests.functions.books import assert_books_agree, open_balances
from tests.functions.disputes import (
    INQUIRY,
    LOSING,
    WINNING,
    accept,
    decide,
    disputed,
    listing,
    path,
    read,
    save,
    submit,
)
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect

FEE = 1500


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
    held = open_balances(shop)
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


def test_a_dispute_that_is_won_brings_the_money_back(shop: Shop) -> None:
    invoice, dispute = disputed(shop)
    decide(shop, dispute, WINNING)

    assert shop.world.deliver() == []

    seen = shop.read(invoice)
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "none")
    assert seen["amounts"]["charged_back"] == 0
    (won,) = seen["disputes"]
    assert (won["status"], won["withdrawn"], won["charged_back"]) == ("won", 0, 0)
    assert "dispute_hold" not in open_balances(shop)
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
    owed = open_balances(shop)
    assert (owed["ar:c-1"], "dispute_hold" in owed) == (4000, False)
    assert_books_agree(shop)


def test_a_dispute_that_is_accepted_is_lost_at_once(shop: Shop) -> None:
    invoice, dispute = disputed(shop)

    shown = expect(200, accept(shop, dispute))

    assert (shown["status"], shown["charged_back"]) == ("lost", 4000)
    assert shop.read(invoice)["amounts"]["outstanding"] == 4000
    assert shop.world.deliver() == []
    assert_books_agree(shop)


def test_a_dispute_that_nobody_answers_is_lost_when_it_is_due(shop: Shop) -> None:
    invoice, dispute = disputed(shop, "createDisputeProductNotReceived")
    shop.world.advance(days=10)
    shop.world.truth(shop.account)

    shop.world.deliver()

    assert read(shop, dispute)["status"] == "lost"
    assert shop.read(invoice)["status"] == "open"


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
