"""POST /v1/invoices/{id}/charges: a saved card is charged once or never, and the books know."""

import re
from collections.abc import Callable

import pytest

from local.standin.payments import charging
from local.standin.payments.cards import CARDS, Card
from local.standin.payments.cards import Decline as BankDecline
from tests.functions import refusals
from tests.functions.books import assert_books_agree, settle, sweep
from tests.functions.faults import UNKNOWN, die
from tests.functions.refusals import ALWAYS, AMOUNTS, Bad, invalid, refuse, refuse_body
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Died, Json

CREATE, CONFIRM = "/v1/payment_intents", "/v1/payment_intents/*/confirm"
DECLINES = {
    card.decline.decline_code: card.decline
    for card in CARDS
    if card.decline and card.decline.outcome == "issuer_declined"
}


def charges(invoice: Json) -> str:
    return f"/v1/invoices/{invoice['id']}/charges"


def test_a_part_is_charged_as_the_contract_shows(shop: Shop) -> None:
    card, invoice = shop.save_card(), shop.invoice()

    charged = expect(201, shop.charge(invoice, amount=1500, payment_method=card))

    (truth,) = shop.world.truth(shop.account)["charges"]
    fee, note = charged["payment"].pop("fee"), charged["payment"].pop("note")
    assert re.fullmatch("att_[0-9a-z]{26}", charged["attempt"].pop("id"))
    assert re.fullmatch("pay_[0-9a-z]{26}", charged["payment"].pop("id"))
    assert charged["payment"].pop("allocations") == [{"invoice": invoice["id"], "amount": 1500}]
    assert charged == {
        "attempt": {"status": "succeeded", "confirm_by": None},
        "payment": {"gross": 1500, "unapplied": 0},
        "invoice": {
            "id": invoice["id"],
            "status": "partially_paid",
            "outstanding": 2500,
            "currency": "eur",
        },
        "pay_link": None,
    }
    assert (fee["state"], fee["amount"], fee["net"]) == ("pending", None, None)
    assert (note["charge"], note["payment_intent"]) == (truth["id"], truth["payment_intent"])
    assert (note["brand"], note["last4"], note["amount"]) == ("visa", "4242", 1500)
    assert (note["fee"], note["paid_at"]) == (None, "2026-09-21T14:00:00Z")
    assert note["receipt_url"] == truth["receipt_url"]
    shop.world.deliver()
    assert_books_agree(shop)


def test_without_an_amount_or_a_card_all_is_charged_to_the_default_card(shop: Shop) -> None:
    first, _second, invoice = shop.save_card(), shop.save_card("mastercard"), shop.invoice()

    charged = expect(201, shop.charge(invoice))

    (truth,) = shop.world.truth(shop.account)["charges"]
    assert (charged["payment"]["gross"], charged["invoice"]["status"]) == (4000, "paid")
    assert truth["payment_method"] == first


def test_stripe_is_told_the_invoice_and_whose_it_is(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice(number="TUL-77")

    attempt = expect(201, shop.charge(invoice))["attempt"]["id"]

    (intent,) = shop.world.truth(shop.account)["payment_intents"]
    assert intent["description"] == "Invoice TUL-77"
    assert intent["statement_descriptor_suffix"] == "TUL-77"
    assert intent["metadata"] == {"tenant": "tulips", "invoice": invoice["id"], "attempt": attempt}


def test_a_key_twice_charges_once(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()

    refusals.use_key_twice(shop.operator, charges(invoice), {"amount": 1500}, {"amount": 1501})

    assert shop.world.charged(shop.account) == [1500]
    assert_books_agree(shop)


def test_a_key_whose_first_request_still_runs_is_answered_later(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.gate.arm(5)
    with pytest.raises(Died):
        shop.charge(invoice, key="k")
    shop.world.gate.arm(None)

    answer = shop.charge(invoice, key="k")

    assert (answer.status, answer.code) == (409, "idempotency_in_progress")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("name", sorted(DECLINES))
def test_a_decline_says_why_and_what_to_do_and_frees_the_invoice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shop.save_card()
    let_bank_decline(monkeypatch, DECLINES[name])
    invoice = shop.invoice()

    answer = shop.charge(invoice, key="k")

    expected = {
        "try_again_later": "try_again_later",
        "do_not_try_again": "use_another_method",
        "confirm_card_data": "confirm_card_data",
    }
    problem = answer.json
    assert (answer.status, answer.code) == (402, "card_declined")
    assert problem["decline_code"] == name
    by_card = expected[DECLINES[name].advice or ""]
    no_funds = name == "insufficient_funds"
    assert problem["advice"] == ("use_another_method" if no_funds else by_card)
    assert (problem["retryable"], problem["request_id"]) == (False, answer.headers["x-request-id"])
    assert_nothing_was_taken(shop, invoice, problem["attempt_id"])
    again = shop.charge(invoice, key="k")
    assert (again.status, again.json["attempt_id"]) == (402, problem["attempt_id"])
    assert again.headers["idempotent-replayed"] == "true"


def let_bank_decline(monkeypatch: pytest.MonkeyPatch, decline: BankDecline) -> None:
    """From now on, whatever card it is."""
    card = Card("visa", "4242424242424242", decline=decline)
    monkeypatch.setattr(charging, "card_behaviour", lambda _call, _method: card)


def assert_nothing_was_taken(shop: Shop, invoice: Json, attempt: str) -> None:
    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["collectable"]) == ("open", 4000)
    (entry,) = [found for found in seen["attempts"] if found["id"] == attempt]
    assert entry["status"] == "failed"
    assert shop.world.charged(shop.account) == []
    intents = shop.world.truth(shop.account)["payment_intents"]
    assert [intent["status"] for intent in intents] == ["canceled"]
    assert_books_agree(shop)


def test_after_a_decline_another_card_may_be_charged(shop: Shop) -> None:
    bad, good, invoice = shop.save_card("chargeCustomerFail"), shop.save_card(), shop.invoice()

    assert shop.charge(invoice, payment_method=bad).code == "card_declined"

    assert shop.charge(invoice, payment_method=good).status == 201
    assert shop.world.charged(shop.account) == [4000]


def test_a_payment_that_stripe_blocks_never_reached_the_bank(shop: Shop) -> None:
    shop.save_card("radarBlock")
    invoice = shop.invoice()

    answer = shop.charge(invoice)

    assert (answer.status, answer.code) == (402, "payment_blocked")
    assert answer.json["advice"] == "use_another_method"
    assert_nothing_was_taken(shop, invoice, answer.json["attempt_id"])


def test_a_bank_that_wants_the_cardholder_is_answered_with_a_link_as_advice(shop: Shop) -> None:
    shop.save_card("authenticationRequired")
    invoice = shop.invoice()

    answer = shop.charge(invoice, on_action_required="fail")

    assert (answer.status, answer.code) == (402, "authentication_required")
    assert answer.json["advice"] == "send_pay_link"
    assert_nothing_was_taken(shop, invoice, answer.json["attempt_id"])


BAD = (
    *ALWAYS,
    *AMOUNTS,
    invalid("card number as payment method", {"payment_method": refusals.PAN}, "pan_detected"),
    invalid("card number as amount", {"amount": int(refusals.PAN)}, "pan_detected"),
    invalid("payment method that leaves its place", {"payment_method": "pm_1#2"}),
    invalid("empty payment method", {"payment_method": ""}),
    invalid("module that is a number", {"module": 1}),
    invalid("supersede in words", {"supersede_open_links": "true"}),
    invalid("tenant in the body", {"tenant": "bakery"}),
    invalid("less than Stripe charges", {"amount": 1}, "amount_too_small"),
    Bad("more than is owed", 409, "exceeds_outstanding", {"amount": 4001}),
    Bad("a module that nobody has", 404, "not_found", {"module": "mod_nobody"}),
    Bad("a card that nobody has", 404, "not_found", {"payment_method": "pm_nobody"}),
)


@pytest.fixture(scope="module")
def owed(showroom: Shop) -> Json:
    """Give an invoice of a customer with a saved card."""
    showroom.save_card()
    return showroom.invoice()


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_charged_is_refused_and_asks_nobody(
    showroom: Shop, owed: Json, bad: Bad
) -> None:
    showroom.world.gate.arm(None)

    answer = refuse_body(showroom.operator, "POST", charges(owed), {"amount": 1500}, bad)

    assert answer == (bad.status, bad.code)
    assert not [name for name in showroom.world.gate.passed if "/v1/" in name]


def test_a_refusal_says_how_much_can_be_collected(showroom: Shop, owed: Json) -> None:
    assert showroom.charge(owed, amount=4001).json["collectable"] == 4000


def test_an_invoice_or_card_of_another_tenant_does_not_exist(showroom: Shop, owed: Json) -> None:
    assert refusals.foreign(showroom, charges(owed), {}, "POST") == (404, "not_found")
    assert refuse(
        showroom.world, lambda: showroom.operator.post("/v1/invoices/inv_nobody/charges", {})
    ) == (404, "not_found")


def test_a_card_of_another_customer_is_not_charged(shop: Shop) -> None:
    card = shop.save_card()
    shop.customer("c-2")
    invoice = shop.invoice(customer="c-2")

    refused = refuse(shop.world, lambda: shop.charge(invoice, payment_method=card))

    assert refused == (404, "not_found")


def test_a_customer_without_a_card_is_asked_for_one(shop: Shop) -> None:
    invoice = shop.invoice()

    refused = refuse(shop.world, lambda: shop.charge(invoice))

    assert refused == (422, "validation_failed")


def switch_off(shop: Shop) -> None:
    expect(200, shop.admin.post(f"/v1/payment-modules/{shop.module['id']}/state", {"state": "off"}))


def revoke(shop: Shop) -> None:
    path = f"/v1/profiles/operator/modules/{shop.module['id']}"
    expect(200, shop.admin.send("DELETE", path))


def disable(shop: Shop) -> None:
    shop.customer(enabled=False)


@pytest.mark.parametrize(
    ("forbid", "code"),
    [(switch_off, "module_off"), (revoke, "permission_denied"), (disable, "customer_not_enabled")],
)
def test_what_is_forbidden_is_forbidden_from_the_next_request_on(
    shop: Shop, forbid: Callable[[Shop], None], code: str
) -> None:
    shop.save_card()
    invoice = shop.invoice()
    forbid(shop)

    assert refuse(shop.world, lambda: shop.charge(invoice)) == (403, code)


@pytest.mark.parametrize("feature", ["charge_saved", "partial"])
def test_a_feature_that_the_module_lacks_is_refused(shop: Shop, feature: str) -> None:
    shop.save_card()
    invoice = shop.invoice()
    body = {"name": "Poor", "account": shop.account["id"]}
    features = {"charge_saved": True, "partial": True} | {feature: False}
    poor = expect(201, shop.admin.post("/v1/payment-modules", body | {"features": features}))["id"]
    expect(200, shop.admin.post(f"/v1/payment-modules/{poor}/state", {"state": "sandbox"}))
    expect(200, shop.admin.put(f"/v1/profiles/operator/modules/{poor}"))

    refused = refuse(shop.world, lambda: shop.charge(invoice, module=poor, amount=1500))

    assert refused == (403, "feature_disabled")


def test_an_invoice_that_takes_no_parts_is_charged_in_full_only(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice(allow_partial=False)

    refused = refuse(shop.world, lambda: shop.charge(invoice, amount=1500))

    assert refused == (403, "feature_disabled")
    assert shop.charge(invoice).status == 201


def test_a_paid_void_or_draft_invoice_is_not_charged(shop: Shop) -> None:
    shop.save_card()
    paid, void, draft = shop.invoice(), shop.invoice(), shop.invoice(draft=True)
    expect(201, shop.charge(paid))
    expect(200, shop.operator.post(f"/v1/invoices/{void['id']}/void"))

    for invoice in (paid, void, draft):
        refused = refuse(shop.world, lambda invoice=invoice: shop.charge(invoice))
        assert refused == (409, "invoice_not_payable")


def test_an_open_link_is_superseded_and_its_session_can_no_longer_be_paid(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    url = shop.session(invoice)

    expect(201, shop.charge(invoice))

    assert shop.world.press(url).status == 410
    assert [entry["status"] for entry in shop.read(invoice)["attempts"]] == ["expired", "succeeded"]
    assert shop.world.charged(shop.account) == [4000]


def test_an_open_link_that_must_not_be_superseded_is_in_progress(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    url = shop.session(invoice)

    refused = refuse(shop.world, lambda: shop.charge(invoice, supersede_open_links=False))

    assert refused == (409, "payment_in_progress")
    assert shop.world.press(url).status == 303


def test_a_payer_who_was_faster_is_booked_and_nothing_more_is_charged(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.pay(invoice)

    answer = shop.charge(invoice)

    assert (answer.status, answer.code) == (409, "invoice_not_payable")
    assert shop.read(invoice)["status"] == "paid"
    assert shop.world.charged(shop.account) == [4000]
    assert_books_agree(shop)


def test_a_charge_that_cannot_be_made_leaves_the_open_link_alone(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    url = shop.session(invoice)

    assert shop.charge(invoice, amount=4001).code == "exceeds_outstanding"

    assert shop.world.press(url).status == 303


def test_while_the_outcome_is_unknown_nobody_else_may_charge(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.fail(CONFIRM, *UNKNOWN["applied"])

    first = shop.charge(invoice)
    second = shop.charge(invoice)

    assert (first.status, first.json["attempt"]["status"]) == (202, "unknown")
    assert int(first.headers["retry-after"]) > 0
    assert (second.status, second.code) == (409, "payment_in_progress")
    assert second.json["attempt_id"] == first.json["attempt"]["id"]
    assert int(second.headers["retry-after"]) > 0


@pytest.mark.parametrize("path", [CREATE, CONFIRM], ids=["create", "confirm"])
@pytest.mark.parametrize("kinds", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_outcome_ends_as_stripe_has_it(
    shop: Shop, path: str, kinds: tuple[str, ...]
) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.fail(path, *kinds)

    answer = shop.charge(invoice)

    assert answer.status in {201, 202, 503}, answer.text
    settle(shop, invoice)
    seen = shop.read(invoice)
    assert seen["amounts"]["paid"] == sum(shop.world.charged(shop.account))
    assert_books_agree(shop)
    assert len(shop.world.charged(shop.account)) <= 1
    if seen["status"] == "open":
        assert shop.charge(invoice).status == 201


@pytest.mark.parametrize("path", [CREATE, CONFIRM], ids=["create", "confirm"])
@pytest.mark.parametrize("kinds", UNKNOWN.values(), ids=UNKNOWN)
def test_the_same_request_again_finds_out_how_an_unknown_outcome_ended(
    shop: Shop, path: str, kinds: tuple[str, ...]
) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.fail(path, *kinds)
    shop.charge(invoice, key="k")

    answer = again_until_final(shop, invoice)

    assert answer.status in {201, 402}, answer.text
    assert (answer.status == 201) is (shop.world.charged(shop.account) == [4000])
    assert_books_agree(shop)


def test_a_key_whose_outcome_is_unknown_never_charges_for_another_body(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.fail("/v1/payment_intents/*/confirm", "timeout_applied", "timeout_lost")
    assert shop.charge(invoice, key="k", amount=1500).status == 202
    shop.world.fail("/v1/payment_intents/*", "timeout_lost", "timeout_lost", method="GET")
    assert shop.charge(invoice, key="k", amount=1500).status == 503
    settle(shop, invoice)

    other = shop.charge(invoice, key="k", amount=2500)

    assert (other.status, other.code) == (409, "idempotency_key_reused")
    assert shop.world.charged(shop.account) == [1500]
    assert shop.charge(invoice, key="k", amount=1500).status == 201


def again_until_final(shop: Shop, invoice: Json) -> Answer:
    """Repeat the request; Stripe repeats a 500 for a day, so the sweep may have to fence it."""
    for hours in (0, 1, 12, 24):
        shop.world.advance(minutes=5)
        answer = shop.charge(invoice, key="k")
        if answer.status not in {202, 503}:
            return answer
        shop.world.advance(hours=hours)
        sweep(shop)
    raise AssertionError(answer)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("rescue", ["the same request", "the sweep"])
def test_a_charge_that_dies_anywhere_is_made_once_or_never(
    shop: Shop, moment: str, rescue: str
) -> None:
    shop.save_card()
    steps = steps_of(shop, shop.invoice())

    invoices = [shop.invoice() for _ in range(steps)]
    for step, invoice in enumerate(invoices):
        die(shop, step, moment, lambda invoice=invoice: shop.charge(invoice, key=invoice["id"]))
    shop.world.advance(minutes=2)
    if rescue == "the sweep":
        settle(shop, *invoices)
    again = [shop.charge(invoice, key=invoice["id"]).status for invoice in invoices]
    seen = [shop.read(invoice) for invoice in invoices]

    assert set(again) <= ({201} if rescue == "the same request" else {201, 402})
    ends = ["paid" if status == 201 else "open" for status in again]
    assert [entry["status"] for entry in seen] == ends
    assert not [entry for entry in seen if entry["amounts"]["reserved"]]
    assert len(shop.world.charged(shop.account)) == 1 + again.count(201)
    assert_books_agree(shop)


def steps_of(shop: Shop, invoice: Json) -> int:
    """How often a charge reaches out; every one of these is a place to die."""
    shop.world.gate.arm(None)
    assert shop.charge(invoice).status == 201
    return len(shop.world.gate.passed)


def test_a_charge_with_too_little_time_left_is_not_begun_at_stripe(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.remaining_ms = 5_000

    answer = shop.charge(invoice, key="k")

    assert answer.status == 202
    assert shop.world.charged(shop.account) == []
    shop.world.remaining_ms = None
    assert shop.charge(invoice, key="k").status == 201
    assert shop.world.charged(shop.account) == [4000]


@pytest.mark.parametrize(
    ("revoked", "allow", "code"),
    [(True, None, "stripe_account_error"), (False, ["events.read"], "stripe_permission_missing")],
)
def test_a_key_that_stripe_no_longer_takes_charges_nothing_and_frees_the_invoice(
    shop: Shop, revoked: bool, allow: list[str] | None, code: str
) -> None:
    shop.save_card()
    invoice = shop.invoice()
    key = "sk_test_" + "tulips" * 4
    shop.world.control("keys", key=key, revoked=revoked, allow=allow)

    answer = shop.charge(invoice)

    assert (answer.status, answer.code) == (424, code)
    shop.world.control("keys", key=key, revoked=False, allow=None)
    assert shop.read(invoice)["amounts"]["collectable"] == 4000
    if revoked:
        # From then on nobody is charged, until somebody has looked.
        assert shop.charge(invoice).code == "account_not_active"
        expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify"))
    assert shop.charge(invoice).status == 201


def test_a_fee_that_stripe_tells_late_is_pending_until_then(shop: Shop) -> None:
    """Stripe answers a charge before its own books know of it; `charge.updated` tells."""
    shop.save_card()
    invoice = shop.invoice()
    charged = expect(201, shop.charge(invoice))
    assert charged["payment"]["fee"]["state"] == "pending"
    assert charged["payment"]["note"]["fee"] is None

    assert shop.world.deliver() == []

    (payment,) = shop.read(invoice)["payments"]
    assert (payment["fee"]["state"], payment["fee"]["net"]) == (
        "known",
        4000 - payment["fee"]["amount"],
    )
    assert payment["note"]["fee"] == payment["fee"]["amount"]
    assert_books_agree(shop)


def test_no_secret_key_and_no_card_number_is_in_table_answers_or_logs(
    shop: Shop, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    shop.save_card()
    invoice = shop.invoice()
    answers = [shop.charge(invoice, amount=1500), shop.charge(invoice, surprise=refusals.PAN)]
    shop.pay(invoice)
    shop.world.deliver()

    told = "".join(answer.text for answer in answers) + shop.world.log.getvalue() + caplog.text
    told += "".join(capfd.readouterr()) + str(shop.world.rows()) + str(shop.read(invoice))

    canaries = ("tulips" * 3, "whsec_", "_secret_", *refusals.PAN_PIECES)
    public = "pk_test_" + "tulips" * 4
    assert not [canary for canary in canaries if canary in told.replace(public, "")]


def test_a_role_without_a_grant_of_its_own_charges_nothing(showroom: Shop, owed: Json) -> None:
    refused = refuse(showroom.world, lambda: showroom.admin.post(charges(owed), {}))

    assert refused == (403, "permission_denied")
