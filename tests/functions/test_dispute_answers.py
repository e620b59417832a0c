"""What may be told a payer's bank, until when, and that it is told once."""

import base64
import json
from collections.abc import Callable

import pytest

from tests.functions import refusals
from tests.functions.books import assert_books_agree
from tests.functions.disputes import (
    INQUIRY,
    LOSING,
    WINNING,
    accept,
    disputed,
    file,
    listing,
    path,
    pdf,
    read,
    save,
    submit,
)
from tests.functions.refusals import ALWAYS, Bad, invalid, refuse, refuse_body
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Json


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
    assert shown["evidence"]["submitted_at"] == "2026-09-21T15:00:01Z"


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


def test_an_answer_that_arrives_after_its_repeat_is_one_answer(shop: Shop) -> None:
    """A bank takes as many answers to an inquiry as there are, and wants one."""
    _, dispute = disputed(shop, INQUIRY)
    expect(200, save(shop, dispute, "our side"))
    late = {"method": "POST", "path": "/v1/disputes/*", "kind": "applied_later"}
    shop.world.control("faults", **late, delay_s=600)
    shop.world.fail("/v1/disputes/*", "timeout_lost")
    assert submit(shop, dispute, key="s").status == 503

    # While the first may still arrive, nobody knows.
    assert submit(shop, dispute, key="s").status == 503
    shop.world.advance(minutes=15)
    shop.world.standin.run_jobs()

    assert expect(200, submit(shop, dispute, key="s"))["evidence"]["submissions"] == 1
    details = shop.world.truth(shop.account)["disputes"][0]["evidence_details"]
    assert details["submission_count"] == 1


def test_a_key_twice_answers_the_bank_once(shop: Shop) -> None:
    _, dispute = disputed(shop)
    good, other = ({"fields": {"product_description": word}} for word in ("Tulips", "Roses"))

    refusals.use_key_twice(shop.operator, path(dispute, "evidence"), good, other)

    expect(200, submit(shop, dispute, key="s"))
    again = submit(shop, dispute, key="s")
    assert (again.status, again.headers["idempotent-replayed"]) == (200, "true")
    details = shop.world.truth(shop.account)["disputes"][0]["evidence_details"]
    assert details["submission_count"] == 1


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


@pytest.fixture(scope="module")
def on_show(showroom: Shop) -> Json:
    """Give a dispute that waits for an answer, and gets none that is taken."""
    return disputed(showroom)[1]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_is_no_evidence_is_refused_and_asks_nobody(
    showroom: Shop, on_show: Json, bad: Bad
) -> None:
    showroom.world.gate.arm(None)
    good = {"fields": {"product_description": "Tulips"}}

    route = path(on_show, "evidence")
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
