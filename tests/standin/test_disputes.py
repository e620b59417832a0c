"""Disputes and inquiries: evidence, files, deadlines, and what the bank makes of it."""

from __future__ import annotations

import io
from typing import Any

import pytest
import stripe

from local.standin import StandIn
from tests.standin.doubles import TULIPS, Control, Pay
from tests.standin.ways import DAY_S, INQUIRED, Ways

PDF = b"%PDF-1.7\r\n\x00\xff\xfe a receipt\r\n--not a boundary\r\n"


def named(content: bytes, name: str = "receipt.pdf") -> io.BytesIO:
    file = io.BytesIO(content)
    file.name = name
    return file


def upload(client: stripe.StripeClient, content: bytes = PDF, **more: Any) -> Any:
    return client.v1.files.create({"purpose": "dispute_evidence", "file": named(content), **more})


def types(client: stripe.StripeClient) -> list[str]:
    return [event.type for event in reversed(client.v1.events.list({"limit": 100}).data)]


def test_a_dispute_is_told_of_before_the_intent_succeeds(
    client: stripe.StripeClient, pay: Pay
) -> None:
    pay(card="pm_card_createDispute")

    assert types(client) == [
        "payment_intent.created", "charge.succeeded", "charge.updated", "charge.dispute.created",
        "charge.dispute.funds_withdrawn", "payment_intent.succeeded",
    ]  # fmt: skip


def test_an_inquiry_takes_nothing_until_it_becomes_a_chargeback(
    client: stripe.StripeClient, ways: Ways
) -> None:
    inquiry = client.v1.disputes.retrieve(ways.dispute(INQUIRED))
    assert (inquiry.balance_transactions, inquiry.is_charge_refundable) == ([], True)

    ways.decided(inquiry.id, "escalate_inquiry_evidence")

    grown = client.v1.disputes.retrieve(inquiry.id)
    assert (grown.status, grown.is_charge_refundable) == ("needs_response", False)
    assert [entry.net for entry in grown.balance_transactions] == [-2000 - 1500]
    assert types(client)[-2:] == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]


@pytest.mark.parametrize(("to", "net"), [("won", -1500), ("lost", -3500)])
def test_a_bank_decides_what_no_words_decide(
    client: stripe.StripeClient, ways: Ways, control: Control, to: str, net: int
) -> None:
    about = {"account": ways.account, "to": to}
    dispute = client.v1.disputes.retrieve(ways.dispute())
    asked = control("POST", "decisions", **about, dispute=dispute.id)
    assert "nothing to decide" in asked["error"]
    ways.decided(dispute.id, "escalate_inquiry_evidence")
    assert client.v1.disputes.retrieve(dispute.id).status == "under_review"

    control("POST", "decisions", **about, dispute=dispute.id)

    decided = client.v1.disputes.retrieve(dispute.id)
    assert decided.status == to
    assert sum(entry.net for entry in decided.balance_transactions) == net
    assert "charge.dispute.closed" in types(client)[-2:]
    asked = control("POST", "decisions", **about, dispute="du_1")
    assert "No such dispute" in asked["error"]


def test_a_payment_can_be_refunded_once_its_dispute_is_won(
    client: stripe.StripeClient, ways: Ways
) -> None:
    dispute = client.v1.disputes.retrieve(ways.reach("dispute", "won"))

    assert dispute.is_charge_refundable is True
    assert types(client)[-2:] == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]
    assert client.v1.refunds.create({"charge": str(dispute.charge)}).status == "succeeded"
    assert client.v1.charges.retrieve(str(dispute.charge)).disputed is True


def test_staged_evidence_waits_to_be_submitted(client: stripe.StripeClient, ways: Ways) -> None:
    ident = ways.dispute()
    ways.argued(ident, submit=False)
    staged = client.v1.disputes.retrieve(ident)
    assert (staged.status, staged.evidence_details.submission_count) == ("needs_response", 0)

    submitted = client.v1.disputes.update(ident, {"submit": True})

    assert (submitted.status, submitted.evidence_details.submission_count) == ("under_review", 1)
    assert submitted.evidence.uncategorized_text == "a receipt"


def test_a_dispute_that_nobody_answers_is_lost(client: stripe.StripeClient, ways: Ways) -> None:
    ident = ways.dispute()
    due = client.v1.disputes.retrieve(ident).evidence_details.due_by

    ways.wait(due - ways.time.now - 1)
    assert client.v1.disputes.retrieve(ident).status == "needs_response"
    ways.wait(1)

    assert client.v1.disputes.retrieve(ident).status == "lost"
    assert types(client)[-1] == "charge.dispute.closed"


def test_a_file_is_evidence(client: stripe.StripeClient, ways: Ways) -> None:
    file = upload(client)
    assert (file.size, file.type, file.filename) == (len(PDF), "pdf", "receipt.pdf")
    assert client.v1.files.retrieve(file.id).purpose == "dispute_evidence"

    dispute = client.v1.disputes.update(ways.dispute(), {"evidence": {"receipt": file.id}})

    assert (dispute.evidence.receipt, dispute.status) == (file.id, "under_review")


def test_a_file_that_does_not_exist_is_no_evidence(client: stripe.StripeClient, ways: Ways) -> None:
    dispute = ways.dispute()

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.disputes.update(dispute, {"evidence": {"receipt": "file_1"}})

    assert (caught.value.code, caught.value.param) == ("resource_missing", "evidence[receipt]")
    assert client.v1.disputes.retrieve(dispute).status == "needs_response"


def test_a_file_for_something_else_is_no_evidence(client: stripe.StripeClient, ways: Ways) -> None:
    logo = upload(client, purpose="business_logo").id

    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.update(ways.dispute(), {"evidence": {"receipt": logo}})


@pytest.mark.parametrize("content", [b"", b"MZ a program", b"%PDF" + b"0" * (5 * 1024 * 1024)])
def test_a_file_of_the_wrong_kind_or_size_is_refused(
    client: stripe.StripeClient, content: bytes
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        upload(client, content)

    assert caught.value.param == "file"


def test_a_file_sent_twice_under_one_key_is_one_file(client: stripe.StripeClient) -> None:
    def again(content: bytes) -> str:
        sent = {"purpose": "dispute_evidence", "file": named(content)}
        return client.v1.files.create(sent, {"idempotency_key": "upload-1"}).id

    assert again(PDF) == again(PDF)
    with pytest.raises(stripe.IdempotencyError):
        again(PDF + b"!")


def test_a_file_comes_over_http_at_its_own_address(served: tuple[StandIn, str]) -> None:
    _, url = served
    client = stripe.StripeClient(f"sk_test_{TULIPS}", base_addresses={"api": url, "files": url})

    assert upload(client, PDF + bytes(range(256))).size == len(PDF) + 256


def test_a_bank_that_gives_less_time_decides_when_that_is_over(
    client: stripe.StripeClient, control: Control, ways: Ways
) -> None:
    dispute = client.v1.disputes.retrieve(ways.dispute())
    before = dispute.evidence_details.due_by
    about = {"account": ways.account, "dispute": dispute.id}

    control("POST", "disputes", within_s=DAY_S, **about)

    near = client.v1.disputes.retrieve(dispute.id)
    assert near.evidence_details.due_by < before
    assert types(client)[-1] == "charge.dispute.updated"
    assert near.status == "needs_response"
    ways.wait(DAY_S + 1)
    assert client.v1.disputes.retrieve(dispute.id).status == "lost"
    unknown = {"account": ways.account, "dispute": "du_none"}
    assert "No such dispute" in control("POST", "disputes", within_s=1, **unknown)["error"]
