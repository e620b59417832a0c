"""An inquiry may become a chargeback: what was meant for the one is not done to the other."""

import pytest

from tests.functions.books import assert_books_agree, open_balances
from tests.functions.disputes import (
    CLOSE,
    INQUIRY,
    WINNING,
    accept,
    change,
    decide,
    disputed,
    path,
    read,
    refund,
    save,
    submit,
)
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.world import Died, Json


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
    assert not {"dispute_hold", "fees:dispute"} & open_balances(shop).keys()


def test_an_inquiry_that_becomes_a_chargeback_takes_the_money_then(shop: Shop) -> None:
    invoice, dispute = disputed(shop, INQUIRY)
    decide(shop, dispute, "escalate_inquiry_evidence")

    shop.world.deliver()

    (escalated,) = shop.read(invoice)["disputes"]
    assert (escalated["status"], escalated["withdrawn"]) == ("needs_response", 4000)
    assert open_balances(shop)["dispute_hold"] == 4000
    assert_books_agree(shop)


def test_an_inquiry_may_be_answered_by_giving_the_money_back(shop: Shop) -> None:
    invoice, _ = disputed(shop, INQUIRY)

    assert expect(201, refund(shop, invoice))["status"] == "succeeded"
    assert_books_agree(shop)


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
    # What asks for its grants takes five requests, and its key the sixth.
    shop.world.gate.arm(6)
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
