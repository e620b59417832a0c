"""A saved card whose bank wants its owner: the same payment waits for them, and goes on."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from local.standin.payments import charging
from local.standin.payments.cards import BY_NAME
from payments import config
from payments.edge import runtime
from payments.facts.settings import Settings
from tests.functions.books import assert_books_agree, sweep
from tests.functions.faults import UNKNOWN
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Died, Json

BUYER = "ada@example.com"
ASKING = "authenticationRequired"
CONFIRM = "/v1/payment_intents/*/confirm"
DECLINES_AFTER = "authenticationRequiredChargeDeclinedInsufficientFunds"


@pytest.fixture
def asking(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Give a shop whose customer has one card, of a bank that wants to hear them."""
    monkeypatch.setenv("PUBLIC_URL", "https://pay.shop.example")
    config.settings.cache_clear()
    shop.save_card(ASKING)
    return shop


def wait_for_payer(shop: Shop, invoice: Json, **asked: Any) -> Json:
    """Charge the card; give the answer, with the path of the page on which its payer goes on."""
    answer = expect(202, shop.charge(invoice, **asked))
    assert answer["attempt"]["status"] == "action_required"
    return answer | {"path": urlsplit(answer["pay_link"]).path}


def confirm(shop: Shop, path: str) -> Answer:
    return shop.world.public.post(f"{path}/confirm", key=None)


def to_bank(shop: Shop, path: str) -> str:
    """The path of the bank's page to which the button leads."""
    answer = confirm(shop, path)
    assert answer.status == 303, answer.text
    found = urlsplit(answer.headers["location"]).path
    assert found.startswith("/c/authenticate/"), answer.headers
    return found


def come_back(shop: Shop, answer: Any) -> Answer:
    """Follow the bank's page back to ours; some seconds have passed on it."""
    shop.world.advance(seconds=5)
    back = urlsplit(answer.headers["Location"])
    return shop.world.public.get(back.path, **dict(parse_qsl(back.query)))


def answer_bank(shop: Shop, path: str, outcome: str = "pass") -> Answer:
    return come_back(shop, shop.world.submit(to_bank(shop, path), outcome=outcome))


def page(shop: Shop, path: str) -> str:
    answer = shop.world.public.get(path)
    assert answer.status == 200
    return str(answer.text)


def intents(shop: Shop) -> list[str]:
    """The states of all PaymentIntents at Stripe, oldest first."""
    return [intent["status"] for intent in shop.world.truth(shop.account)["payment_intents"]]


def statuses(shop: Shop, invoice: Json) -> list[str]:
    """The states of an invoice's attempts, oldest first."""
    found = shop.read(invoice)["attempts"]
    return [each["status"] for each in sorted(found, key=lambda each: each["id"])]


def tell(shop: Shop) -> list[str]:
    """Deliver all that is to be told, twice; give what the payer was written."""
    for _ in range(2):
        shop.world.deliver()
        shop.world.notify()
    return [str(subject) for subject in shop.world.post.subjects(BUYER)]


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


def test_pressed_twice_it_leads_to_the_same_page_of_the_bank(asking: Shop) -> None:
    path = wait_for_payer(asking, asking.invoice())["path"]

    assert to_bank(asking, path) == to_bank(asking, path)
    assert intents(asking) == ["requires_action"]
    keys = [key for key in asked(asking, "POST") if key and ":confirm:" in key]
    assert [key.rpartition(":")[2] for key in keys] == ["1"]


def asked(shop: Shop, method: str) -> list[str | None]:
    """The idempotency keys of what Stripe was asked, oldest first."""
    return [key for _, key in shop.world.standin.store._answers]


@pytest.mark.parametrize("kind", sorted(UNKNOWN))
def test_a_press_whose_answer_is_lost_is_pressed_again(asking: Shop, kind: str) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    asking.world.fail(CONFIRM, *UNKNOWN[kind])

    answer = confirm(asking, path)

    assert (answer.status, urlsplit(answer.headers["location"]).path) == (303, f"{path}/return")
    assert asking.world.public.get(f"{path}/return").status == 303
    answer_bank(asking, path)
    assert asking.read(invoice)["status"] == "paid"
    assert intents(asking) == ["succeeded"]
    assert_books_agree(asking)


def kill_everywhere(shop: Shop, begin: Callable[[Json], Callable[[], Answer]], moment: str) -> Any:
    """Yield invoices of which a request has died, at one request of its own after the other."""
    begin(shop.invoice())()
    whole = begin(shop.invoice())
    shop.world.gate.arm(None)
    whole()
    steps = len(shop.world.gate.passed)
    assert steps > 5
    for step in range(steps):
        invoice = shop.invoice()
        work = begin(invoice)
        shop.world.gate.arm(step, moment)
        with pytest.raises(Died):
            work()
        shop.world.gate.arm(None)
        yield step, invoice


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_press_that_dies_anywhere_is_pressed_again_and_pays_once(
    asking: Shop, moment: str
) -> None:
    paths = {}

    def begin(invoice: Json) -> Callable[[], Answer]:
        path = paths[invoice["id"]] = wait_for_payer(asking, invoice)["path"]
        return lambda: confirm(asking, path)

    for step, invoice in kill_everywhere(asking, begin, moment):
        answer_bank(asking, paths[invoice["id"]])
        asking.world.deliver()
        assert statuses(asking, invoice) == ["succeeded"], step
        assert asking.read(invoice)["amounts"]["paid"] == 4000, step

    assert_books_agree(asking)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("outcome", ["pass", "fail"])
def test_a_way_back_that_dies_anywhere_is_followed_by_the_sweep(
    asking: Shop, outcome: str, moment: str
) -> None:
    def begin(invoice: Json) -> Callable[[], Answer]:
        path = wait_for_payer(asking, invoice)["path"]
        answer = asking.world.submit(to_bank(asking, path), outcome=outcome)
        return lambda: come_back(asking, answer)

    for step, invoice in kill_everywhere(asking, begin, moment):
        sweep(asking, minutes=31)
        seen = asking.read(invoice)
        ended = "succeeded" if outcome == "pass" else "failed"
        assert [each["status"] for each in seen["attempts"]] == [ended], step
        assert seen["amounts"]["reserved"] == 0, step

    assert_books_agree(asking)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_charge_that_dies_anywhere_waits_for_its_payer_or_frees_the_invoice(
    asking: Shop, moment: str
) -> None:
    def begin(invoice: Json) -> Callable[[], Answer]:
        return lambda: asking.charge(invoice, key=invoice["id"])

    for step, invoice in kill_everywhere(asking, begin, moment):
        asking.world.advance(minutes=2)
        sweep(asking, minutes=3)
        answer = asking.charge(invoice, key=invoice["id"])
        if answer.status == 402:
            assert statuses(asking, invoice) == ["canceled"], step
            continue
        path = urlsplit(answer.json["pay_link"]).path
        answer_bank(asking, path)
        assert statuses(asking, invoice) == ["succeeded"], step
        asked_for = tell(asking).count(
            f"Please confirm your payment for invoice {invoice['number']}"
        )
        assert asked_for <= 1, step

    assert_books_agree(asking)


def test_another_card_is_taken_only_once_the_old_payment_is_closed(asking: Shop) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    bank = to_bank(asking, path)

    session = asking.press_pay(path)

    assert intents(asking)[0] == "canceled"
    assert statuses(asking, invoice) == ["canceled", "submitting"]
    # Who confirms all the same, in the other tab, pays nothing.
    asking.world.submit(bank, outcome="pass")
    assert asking.world.press(session, "visa").status == 303
    asking.world.deliver()
    assert asking.world.charged(asking.account) == [4000]
    assert asking.read(invoice)["status"] == "paid"
    assert_books_agree(asking)


def test_a_payer_who_has_confirmed_first_is_not_led_to_another_page(asking: Shop) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    asking.world.submit(to_bank(asking, path), outcome="pass")

    answer = asking.world.public.post(f"{path}/pay", key=None)

    assert urlsplit(answer.headers["location"]).path == path
    assert "Paid. Thank you." in page(asking, path)
    assert asking.world.charged(asking.account) == [4000]


CLOSERS: dict[str, Callable[[Shop, Json], Answer]] = {
    "staff": lambda shop, invoice: shop.operator.post(
        f"/v1/attempts/{shop.read(invoice)['attempts'][0]['id']}/cancel"
    ),
    "void": lambda shop, invoice: shop.admin.post(f"/v1/invoices/{invoice['id']}/void"),
    "written off": lambda shop, invoice: shop.admin.post(
        f"/v1/invoices/{invoice['id']}/uncollectible"
    ),
    "another amount": lambda shop, invoice: shop.storefront.send(
        "PATCH",
        f"/v1/invoices/{invoice['id']}",
        {"total": 3000},
        headers={"if-match": f'"{shop.read(invoice)["version"]}"'},
    ),
    "paid in cash": lambda shop, invoice: shop.operator.post(
        f"/v1/invoices/{invoice['id']}/offline-payments", {"amount": 4000, "method": "cash"}
    ),
}


@pytest.mark.parametrize("who", sorted(CLOSERS))
@pytest.mark.parametrize("gone", ["at home", "to the bank"])
def test_whoever_changes_the_invoice_closes_the_payment_first(
    asking: Shop, who: str, gone: str
) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    bank = to_bank(asking, path) if gone == "to the bank" else ""

    assert CLOSERS[who](asking, invoice).status in {200, 201}

    assert intents(asking) == ["canceled"]
    assert statuses(asking, invoice) == ["canceled"]
    if bank:
        come_back(asking, asking.world.submit(bank, outcome="pass"))
    assert confirm(asking, path).status == 303
    assert asking.world.charged(asking.account) == []
    # Who was asked to confirm and need not any more is not told of a payment that failed.
    assert [line for line in tell(asking) if "did not go through" in line] == []


def test_staff_may_charge_another_card_instead(asking: Shop) -> None:
    visa, invoice = asking.save_card("visa"), asking.invoice()
    wait_for_payer(asking, invoice)

    held = asking.charge(invoice, payment_method=visa, supersede_open_links=False)
    paid = asking.charge(invoice, payment_method=visa)

    assert (held.status, held.code, paid.status) == (409, "payment_in_progress", 201)
    assert intents(asking) == ["canceled", "succeeded"]


def test_after_a_week_the_payment_is_closed_and_the_link_still_pays(asking: Shop) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]

    tell(asking)
    for _ in range(6):
        sweep(asking, days=1)
        assert statuses(asking, invoice) == ["action_required"]
    sweep(asking, days=1, minutes=1)

    assert statuses(asking, invoice) == ["expired"]
    assert (intents(asking), asking.read(invoice)["facets"]["collection"]) == (["canceled"], "idle")
    assert len(tell(asking)) == 1
    assert asking.world.press(asking.press_pay(path), "visa").status == 303
    asking.world.deliver()
    assert asking.read(invoice)["status"] == "paid"


def test_a_payer_at_the_bank_when_the_week_ends_is_too_late_or_in_time(asking: Shop) -> None:
    late, timely = asking.invoice(), asking.invoice()
    banks = []
    for invoice in (late, timely):
        path = wait_for_payer(asking, invoice)["path"]
        asking.world.advance(seconds=1)
        banks.append(to_bank(asking, path))
    asking.world.advance(days=7, minutes=1)
    asking.world.submit(banks[1], outcome="pass")

    sweep(asking)
    asking.world.submit(banks[0], outcome="pass")

    assert (statuses(asking, late), statuses(asking, timely)) == (["expired"], ["succeeded"])
    assert asking.world.charged(asking.account) == [4000]
    assert_books_agree(asking)


def test_a_payer_who_goes_to_the_bank_at_the_last_minute_may_finish(asking: Shop) -> None:
    timely, idle = asking.invoice(), asking.invoice()
    paths = [wait_for_payer(asking, invoice)["path"] for invoice in (timely, idle)]
    asking.world.advance(days=6, hours=23, minutes=59)
    banks = [to_bank(asking, path) for path in paths]

    sweep(asking, minutes=10)
    assert statuses(asking, timely) == ["action_required"]
    asking.world.submit(banks[0], outcome="pass")
    sweep(asking, minutes=21)

    assert (statuses(asking, timely), statuses(asking, idle)) == (["succeeded"], ["expired"])


def test_a_payment_of_which_less_is_owed_by_now_is_not_gone_on_with(asking: Shop) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    store = runtime.store()
    known = store.invoice("tulips", invoice["id"])
    store.save(known.having(credited=1000), known)

    assert confirm(asking, path).status == 409
    assert intents(asking) == ["requires_payment_method"]
    sweep(asking, days=1)

    assert statuses(asking, invoice) == ["canceled"]


@pytest.mark.parametrize("why", ["off", "customer", "revoked"])
def test_what_the_merchant_takes_no_more_is_not_gone_on_with(asking: Shop, why: str) -> None:
    invoice = asking.invoice()
    path = wait_for_payer(asking, invoice)["path"]
    if why == "off":
        state = f"/v1/payment-modules/{asking.module['id']}/state"
        expect(200, asking.admin.post(state, {"state": "off"}))
    elif why == "customer":
        asking.customer(enabled=False)
    else:
        (link,) = asking.operator.get(f"/v1/invoices/{invoice['id']}/pay-links").json["data"]
        expect(200, asking.operator.post(f"/v1/pay-links/{link['id']}/revoke"))

    confirm(asking, path)

    assert intents(asking) == ["requires_payment_method"]
    assert "/confirm" not in page(asking, path)


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


def bank(patch: pytest.MonkeyPatch, card: str) -> None:
    """Let every card behave like this one from now on."""
    patch.setattr(charging, "card_behaviour", lambda _call, _method: BY_NAME[card])


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


def test_a_saved_card_that_waits_is_not_taken_away(asking: Shop) -> None:
    (card,) = asking.cards()
    invoice = asking.invoice()
    wait_for_payer(asking, invoice)

    answer = asking.operator.send("DELETE", f"/v1/customers/c-1/payment-methods/{card['id']}", None)

    assert (answer.status, answer.code) == (409, "payment_in_progress")
