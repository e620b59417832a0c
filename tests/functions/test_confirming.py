"""A saved card whose bank wants its owner: the same payment waits for them, and goes on."""

from urllib.parse import urlsplit

import pytest

from payments.edge import runtime
from payments.facts.settings import Settings
from tests.functions.books import assert_books_agree, sweep
from tests.functions.confirming import (
    ASKING,
    BUYER,
    answer_bank,
    bank,
    come_back,
    confirm,
    intents,
    page,
    statuses,
    tell,
    to_bank,
    wait_for_payer,
)
from tests.functions.shop import Shop, expect
from tests.functions.world import Json

DECLINES_AFTER = "authenticationRequiredChargeDeclinedInsufficientFunds"


def test_a_charge_that_the_bank_wants_confirmed_waits_and_holds_the_invoice(asking: Shop) -> None:
    invoice = asking.invoice()

    answer = wait_for_payer(asking, invoice)

    seen = asking.read(invoice)
    assert (seen["status"], seen["facets"]["collection"]) == ("open", "action_required")
    assert (seen["amounts"]["reserved"], seen["amounts"]["collectable"]) == (4000, 0)
    (attempt,) = seen["attempts"]
    assert (attempt["id"], attempt["confirm_by"]) == (
        answer["attempt"]["id"],
        "2026-09-28T14:00:00Z",
    )
    assert attempt["decline"]["code"] == "authentication_required"
    assert (intents(asking), asking.world.charged(asking.account)) == (
        ["requires_payment_method"],
        [],
    )
    told = expect(200, asking.operator.get(f"/v1/invoices/{invoice['id']}/explain"))
    assert "wants the cardholder to confirm it" in told["answer"]
    assert "2026-09-28" in told["next"]


def test_a_repeat_of_the_charge_goes_on_with_the_same_attempt(asking: Shop) -> None:
    invoice = asking.invoice()

    answers = [wait_for_payer(asking, invoice, key="k") for _ in range(2)]
    assert answers[0] == answers[1]
    answer_bank(asking, answers[0]["path"])

    paid = expect(201, asking.charge(invoice, key="k"))
    assert paid["attempt"]["id"] == answers[0]["attempt"]["id"]
    assert paid["pay_link"] is None
    assert intents(asking) == ["succeeded"]


def test_no_kept_answer_and_no_row_holds_what_opens_the_page(asking: Shop) -> None:
    token = wait_for_payer(asking, asking.invoice())["path"].rpartition("/")[2]

    assert token not in str(asking.world.rows())


def test_the_payer_gets_one_mail_with_the_link_on_which_it_goes_on(asking: Shop) -> None:
    asking.world.control("webhooks", mode="duplicate")
    invoice = asking.invoice()
    answer = wait_for_payer(asking, invoice)

    assert tell(asking) == [f"Please confirm your payment for invoice {invoice['number']}"]
    (mail,) = asking.world.post.to(BUYER)
    text = mail["Content"]["Simple"]["Body"]["Text"]["Data"]
    assert answer["pay_link"] in text
    assert "September 28, 2026" in text
    assert [event["type"] for event in asking.world.post.told] == ["payment.action_required"]

    answer_bank(asking, answer["path"])

    assert tell(asking)[1:] == [f"Payment received: €40.00 for invoice {invoice['number']}"]


def test_the_page_says_what_is_asked_and_looking_at_it_asks_nobody(asking: Shop) -> None:
    path = wait_for_payer(asking, asking.invoice())["path"]
    before = asking.world.rows()
    asking.world.gate.arm(None)

    text = page(asking, path)

    assert set(asking.world.gate.passed) == {"get_item", "batch_get_item", "query"}
    assert asking.world.rows() == before
    for words in (
        "Your bank wants you to confirm",
        "Visa ending in 3184",
        "€40.00",
        "September 28, 2026",
    ):
        assert words in text
    assert text.count("<form") == text.count("<button") == 2
    assert f'action="{path}/confirm"' in text
    assert f'action="{path}/pay"' in text


def test_the_button_leads_to_the_bank_and_back_the_page_says_paid(asking: Shop) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]

    back = answer_bank(asking, path)

    # With every webhook lost: nothing was delivered.
    assert (back.status, back.headers["location"]) == (
        303,
        f"https://pay.shop.example{path}?lang=en",
    )
    assert "Paid. Thank you." in page(asking, path)
    assert (asking.read(invoice)["status"], statuses(asking, invoice)) == ("paid", ["succeeded"])
    assert intents(asking) == ["succeeded"]
    asking.world.deliver()
    assert_books_agree(asking)


def test_stripe_adds_a_client_secret_and_it_goes_nowhere_else(asking: Shop) -> None:
    path = wait_for_payer(asking, asking.invoice())["path"]
    passed = asking.world.submit(to_bank(asking, path), outcome="pass")
    assert "_secret_" in passed.headers["Location"]
    asking.world.fail("/v1/payment_intents/*", "500", "500", method="GET")

    back = come_back(asking, passed)

    assert back.status == 200
    assert "We are asking whether your payment has arrived" in back.text
    assert "_secret_" not in back.text
    assert f'href="{path}/return?lang=en"' in back.text
    asking.world.advance(seconds=5)
    again = asking.world.public.get(f"{path}/return", lang="en")
    assert again.status == 303
    assert "Paid. Thank you." in page(asking, path)
    assert "_secret_" not in asking.world.log.getvalue()


@pytest.mark.parametrize("told", ["on the way back", "by the webhook alone"])
def test_a_payer_who_refuses_frees_the_invoice_and_is_offered_another_card(
    asking: Shop, told: str
) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]

    refused = asking.world.submit(to_bank(asking, path), outcome="fail")
    if told == "on the way back":
        assert come_back(asking, refused).status == 303
    asking.world.deliver()

    seen = asking.read(invoice)
    (attempt,) = seen["attempts"]
    assert (attempt["status"], seen["amounts"]["reserved"]) == ("failed", 0)
    assert attempt["decline"]["code"] == "payment_intent_authentication_failure"
    assert intents(asking) == ["canceled"]
    text = page(asking, path)
    assert "did not go through, and you were not charged" in text
    assert "authentication" not in text
    assert tell(asking)[-1] == f"Your payment for invoice {invoice['number']} did not go through"
    assert asking.world.press(asking.press_pay(path), "visa").status == 303
    asking.world.deliver()
    assert asking.read(invoice)["status"] == "paid"
    assert_books_agree(asking)


@pytest.mark.parametrize("kind", ["500", "timeout_lost", "429"])
def test_a_press_while_stripe_fails_to_cancel_what_was_refused_leads_to_the_page_that_asks(
    asking: Shop, kind: str
) -> None:
    asking.world.control("webhooks", mode="drop")
    path = wait_for_payer(asking, asking.invoice())["path"]
    asking.world.submit(to_bank(asking, path), outcome="fail")
    asking.world.fail("/v1/payment_intents/*/cancel", kind, kind)

    answer = confirm(asking, path)

    assert answer.status == 303
    assert urlsplit(answer.headers["location"]).path == f"{path}/return"


def test_a_bank_that_declines_after_it_was_confirmed_ends_the_attempt(shop: Shop) -> None:
    shop.save_card(DECLINES_AFTER)
    invoice = shop.invoice()
    path = wait_for_payer(shop, invoice)["path"]

    answer_bank(shop, path)

    (attempt,) = shop.read(invoice)["attempts"]
    assert (attempt["status"], attempt["decline"]["decline_code"]) == (
        "failed",
        "insufficient_funds",
    )
    assert intents(shop) == ["canceled"]
    assert "insufficient" not in page(shop, path)


def test_a_bank_that_asks_nothing_once_the_payer_is_there_is_paid_at_once(
    asking: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    monkeypatch.setattr("local.standin.payments.charging.asks_payer", lambda *_, **__: False)

    answer = confirm(asking, path)

    assert answer.headers["location"] == f"https://pay.shop.example{path}?lang=en"
    assert asking.read(invoice)["status"] == "paid"
    assert intents(asking) == ["succeeded"]


def test_one_charge_for_several_invoices_is_confirmed_by_the_link_of_any(asking: Shop) -> None:
    invoices = [asking.invoice() for _ in range(2)]
    body = {"customer": "c-1", "allocations": [{"invoice": each["id"]} for each in invoices]}
    answer = expect(202, asking.operator.post("/v1/charges", body))
    assert urlsplit(answer["pay_link"]).path
    other = asking.link(invoices[1])
    assert "€80.00" in page(asking, other)

    answer_bank(asking, other)

    assert [asking.read(each)["status"] for each in invoices] == ["paid", "paid"]
    assert asking.world.charged(asking.account) == [8000]


def test_a_caller_who_wants_no_waiting_is_refused_as_before(asking: Shop) -> None:
    invoice = asking.invoice()

    answer = asking.charge(invoice, on_action_required="fail")

    assert (answer.status, answer.code) == (402, "authentication_required")
    assert (statuses(asking, invoice), intents(asking)) == (["failed"], ["canceled"])


def test_where_there_are_no_links_nobody_is_waited_for(shop: Shop) -> None:
    shop.save_card(ASKING)
    features = {"features": {"link": False, "charge_saved": True, "partial": True}}
    seen = {"if-match": f'"{shop.module["version"]}"'}
    path = f"/v1/payment-modules/{shop.module['id']}"
    expect(200, shop.admin.send("PATCH", path, features, headers=seen))

    usual = shop.charge(shop.invoice())
    wanted = shop.charge(shop.invoice(), on_action_required="send_link")
    nonsense = shop.charge(shop.invoice(), on_action_required="wait")

    assert (usual.status, usual.code) == (402, "authentication_required")
    assert (wanted.status, wanted.code) == (403, "feature_disabled")
    assert (nonsense.status, nonsense.code) == (422, "validation_failed")


@pytest.mark.parametrize("outcome", ["pass", "fail", "never"])
def test_a_card_that_is_tried_again_by_the_schedule_waits_for_its_payer_too(
    shop: Shop, outcome: str
) -> None:
    runtime.store().save(Settings(tenant="tulips", retry_schedule=(1, 2)))
    shop.save_card("visa")
    invoice = shop.invoice()
    # Declined for want of money first; the day after, its bank wants to hear the owner.
    with pytest.MonkeyPatch.context() as patch:
        bank(patch, "chargeDeclinedInsufficientFunds")
        assert shop.charge(invoice).status == 402
    with pytest.MonkeyPatch.context() as patch:
        bank(patch, ASKING)
        shop.world.advance(days=1)
        assert follow(shop)["tries"] == 1
        assert statuses(shop, invoice) == ["failed", "action_required"]
        found = shop.read(invoice)["recovery"]
        assert (found["status"], found["course"]) == ("asked", "confirm")
        path = shop.link(invoice)
        if outcome != "never":
            answer_bank(shop, path, outcome)
    sweep(shop, days=8)
    shop.world.advance(days=1)
    follow(shop)

    found = shop.read(invoice)["recovery"]
    expected = {"pass": ("recovered", 4000, "confirm"), "fail": ("asked", 0, "new_card")}
    assert (found["status"], found["recovered"], found["course"]) == expected.get(
        outcome, ("asked", 0, "confirm")
    )
    assert len(intents(shop)) == 2


def follow(shop: Shop) -> Json:
    return dict(shop.world.run("run_schedules", {"job": "recovery"}))


def test_what_waits_is_followed_as_a_recovery_from_the_beginning(asking: Shop) -> None:
    runtime.store().save(Settings(tenant="tulips", retry_schedule=(1,)))
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    assert asking.read(invoice)["recovery"]["course"] == "confirm"

    answer_bank(asking, path)
    asking.world.advance(days=1)

    assert follow(asking)["recovered"] == 1


def test_the_story_tells_each_step(asking: Shop) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    tell(asking)
    to_bank(asking, path)

    told = expect(200, asking.operator.get(f"/v1/invoices/{invoice['id']}/timeline"))["data"]

    texts = [happening["text"] for happening in told]
    assert "The payer was told of the confirmation that the bank asks for." in texts
    assert "The payer went to their bank's page to confirm it." in texts


def test_a_storefront_that_asks_sees_what_it_waits_for(asking: Shop) -> None:
    invoice = asking.invoice()
    answer = wait_for_payer(asking, invoice)
    attempt = f"/v1/attempts/{answer['attempt']['id']}"

    seen = expect(200, asking.storefront.get(attempt))
    assert (seen["status"], seen["confirm_by"]) == ("action_required", "2026-09-28T14:00:00Z")
    asking.world.submit(to_bank(asking, answer["path"]), outcome="pass")

    seen = expect(200, asking.storefront.post(f"{attempt}/refresh"))
    assert (seen["status"], seen["invoice_status"]) == ("succeeded", "paid")
