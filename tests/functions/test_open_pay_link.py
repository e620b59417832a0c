"""/p/{token}: a page that changes nothing, a button that opens one session, a way back."""

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest

from payments.doors.store import Change, Store
from payments.edge import runtime, screening
from payments.facts.attempt import Attempt
from payments.steps.collecting import claims
from tests.doubles.invocations import DOMAIN
from tests.functions import refusals
from tests.functions.disputes import CHARGEBACK, accept, disputed
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Died, Json

TOKEN = "/p/" + "x" * 43


def page(shop: Shop, path: str) -> Answer:
    answer = shop.world.public.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer


def press(shop: Shop, path: str) -> Answer:
    return shop.world.public.post(f"{path}/pay", key=None)


def come_back(shop: Shop, path: str, url: str) -> Answer:
    return shop.world.public.get(f"{path}/return", session_id=url.rpartition("/")[2])


def sessions(shop: Shop) -> list[str]:
    """The states of all sessions at Stripe, newest first."""
    found = shop.world.at_stripe("GET", "/v1/checkout/sessions", limit="100")["data"]
    return [session["status"] for session in found]


def test_the_page_shows_what_is_owed_and_one_button(shop: Shop) -> None:
    invoice = shop.invoice()

    answer = page(shop, shop.link(invoice, message="Thank you"))

    assert answer.status == 200
    assert answer.text.count("<form") == answer.text.count("<button") == 1
    for words in (
        invoice["number"],
        "Main",
        "2 \N{MULTIPLICATION SIGN} Tulips",
        "Thank you",
        "40.00",
    ):
        assert words in answer.text


def test_looking_changes_nothing_and_asks_nobody_at_stripe(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    before = shop.world.rows()
    shop.world.gate.arm(None)

    for _ in range(3):
        assert page(shop, path).status == 200

    assert shop.world.rows() == before
    assert set(shop.world.gate.passed) == {"get_item", "batch_get_item", "query"}


def test_pay_leads_to_a_fresh_session_over_what_is_owed(shop: Shop) -> None:
    invoice = shop.invoice(number="TUL-1")
    path = shop.link(invoice)

    answer = press(shop, path)

    (session,) = shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"]
    assert (answer.status, answer.text) == (303, "")
    assert answer.headers["location"] == session["url"]
    assert (session["amount_total"], session["currency"]) == (4000, "eur")
    assert session["client_reference_id"] == invoice["id"]
    assert session["cancel_url"] == f"https://{DOMAIN}{path}?lang=en"
    assert session["expires_at"] <= shop.world.now().timestamp() + 23 * 3600


def test_every_answer_names_its_request(shop: Shop) -> None:
    path = shop.link(shop.invoice())

    answers = [page(shop, path), page(shop, TOKEN), press(shop, path)]

    assert [answer.status for answer in answers] == [200, 404, 303]
    assert all(answer.headers["x-request-id"].startswith("request-") for answer in answers)


def test_a_way_back_while_stripe_does_not_answer_asks_for_patience(shop: Shop) -> None:
    path = shop.link(shop.invoice(currency="usd"))
    url = shop.press_pay(path)
    shop.world.press(url, "pm_usBankAccount_noAccount")
    shop.world.advance(days=7)
    shop.world.fail("/v1/payment_intents/*/cancel", "timeout_lost", "timeout_lost")

    answer = come_back(shop, path, url)

    assert (answer.status, "Please do not pay again" in answer.text) == (200, True)


def test_a_second_press_ends_the_first_session(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    first = shop.press_pay(path)

    second = shop.press_pay(path)

    assert sessions(shop) == ["open", "expired"]
    assert shop.world.press(first).status == 410
    assert shop.world.press(second).status == 303


def test_two_links_of_one_invoice_have_one_open_session(shop: Shop) -> None:
    invoice = shop.invoice()
    one, two = shop.session(invoice), shop.session(invoice)

    assert shop.world.press(one).status == 410
    assert shop.world.press(two).status == 303
    shop.world.deliver()
    assert shop.read(invoice)["amounts"]["paid"] == 4000


def test_coming_back_applies_the_payment_without_any_webhook(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice)
    url = shop.press_pay(path)
    shop.world.press(url)

    answer = come_back(shop, path, url)

    assert (answer.status, answer.headers["location"]) == (303, f"https://{DOMAIN}{path}?lang=en")
    assert shop.read(invoice)["status"] == "paid"
    assert shop.world.deliver() == []
    assert shop.world.booked() == [4000]


def test_coming_back_twice_books_once(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice)
    url = shop.press_pay(path)
    shop.world.press(url)

    for _ in range(2):
        assert come_back(shop, path, url).status == 303

    assert shop.world.booked() == [4000]


@pytest.mark.parametrize("session", ["", "cs_test_nobody", "../../x", "<script>"])
def test_coming_back_with_a_session_of_nobody_changes_nothing(shop: Shop, session: str) -> None:
    path = shop.link(shop.invoice())
    shop.press_pay(path)
    before = shop.world.rows()

    answer = shop.world.public.get(f"{path}/return", session_id=session)

    assert answer.status == 303
    assert shop.world.rows() == before


def test_coming_back_without_any_session_changes_nothing(shop: Shop) -> None:
    path = shop.link(shop.invoice())

    assert shop.world.public.get(f"{path}/return").status == 303


def test_while_stripe_is_silent_the_way_back_asks_not_to_pay_again(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    url = shop.press_pay(path)
    shop.world.fail("/v1/checkout/sessions/*", "timeout_lost", "timeout_lost", method="GET")

    answer = come_back(shop, path, url)

    assert (answer.status, "<form" in answer.text) == (200, False)
    assert "Please do not pay again" in answer.text
    assert f'href="{path}/return?session_id={url.rpartition("/")[2]}&amp;lang=en"' in answer.text


def test_a_session_of_another_invoice_is_not_applied_through_this_link(shop: Shop) -> None:
    path, other = shop.link(shop.invoice()), shop.invoice()
    url = shop.session(other)
    shop.world.press(url)

    assert come_back(shop, path, url).status == 303

    assert shop.read(other)["status"] == "open"


@pytest.mark.parametrize("tail", ["", "/pay", "/return"])
@pytest.mark.parametrize("token", [TOKEN, "/p/..", "/p/%00", "/p/" + "y" * 5000])
def test_a_token_of_nobody_is_a_page_that_says_so(showroom: Shop, token: str, tail: str) -> None:
    before = showroom.world.rows()

    answer = showroom.world.public.send("POST" if tail == "/pay" else "GET", token + tail, key=None)

    assert answer.status == 404
    assert "This page does not exist" in answer.text
    assert showroom.world.rows() == before


def test_a_digest_from_the_table_is_no_token(shop: Shop) -> None:
    shop.link(shop.invoice())
    digests = [pk.removeprefix("P#LNK#") for pk, _ in shop.world.rows() if pk.startswith("P#LNK#")]

    assert [page(shop, f"/p/{digest}").status for digest in digests] == [404]


def test_a_paid_invoice_is_a_page_that_thanks_and_pay_leads_back_to_it(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice)
    shop.pay(invoice)
    shop.world.deliver()

    answer, pressed = page(shop, path), press(shop, path)

    assert "is paid" in answer.text
    assert "<form" not in answer.text
    assert (pressed.status, pressed.headers["location"]) == (303, f"https://{DOMAIN}{path}?lang=en")
    assert sessions(shop) == ["complete"]


def test_a_void_invoice_is_a_page_without_a_button(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice)
    expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/void"))

    answer, pressed = page(shop, path), press(shop, path)

    assert "withdrawn" in answer.text
    assert "<form" not in answer.text
    assert pressed.status == 303
    assert sessions(shop) == []


def test_a_bank_debit_under_way_is_a_page_that_says_so(shop: Shop) -> None:
    invoice = shop.invoice(currency="usd")
    path = shop.link(invoice)
    shop.world.press(shop.press_pay(path), "pm_usBankAccount")
    shop.world.deliver()

    answer, pressed = page(shop, path), press(shop, path)

    assert shop.read(invoice)["facets"]["collection"] == "processing"
    assert "being processed" in answer.text
    assert "<form" not in answer.text
    assert (pressed.status, sessions(shop)) == (303, ["complete"])


def test_a_bank_debit_is_paid_days_later(shop: Shop) -> None:
    invoice = shop.invoice(currency="usd")
    shop.pay(invoice, "pm_usBankAccount")
    shop.world.deliver()
    assert shop.read(invoice)["status"] == "open"

    shop.world.advance(days=5)
    shop.world.standin.run_jobs()
    shop.world.deliver()

    assert shop.read(invoice)["status"] == "paid"


def test_a_bank_debit_that_fails_days_later_frees_the_invoice(shop: Shop) -> None:
    invoice = shop.invoice(currency="usd")
    shop.pay(invoice, "pm_usBankAccount_noAccount")
    shop.world.deliver()

    shop.world.advance(days=5)
    shop.world.standin.run_jobs()
    assert shop.world.deliver() == []

    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["collectable"]) == ("open", 4000)
    assert seen["attempts"][0]["status"] == "failed"


def test_a_decline_on_the_hosted_page_leaves_the_session_open(shop: Shop) -> None:
    invoice = shop.invoice()
    url = shop.session(invoice)

    assert shop.world.press(url, "visa_chargeDeclined").status == 402
    assert shop.world.deliver() == []
    assert shop.read(invoice)["facets"]["collection"] == "in_progress"

    assert shop.world.press(url).status == 303
    shop.world.deliver()
    assert shop.read(invoice)["status"] == "paid"
    assert shop.world.booked() == [4000]


def test_a_link_over_a_part_asks_for_that_part_and_never_for_more_than_is_left(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    path = shop.link(invoice, amount=2500)
    assert "25.00" in page(shop, path).text
    expect(201, shop.charge(invoice, amount=3000))

    assert "10.00" in page(shop, path).text
    shop.press_pay(path)

    newest = shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"][0]
    assert newest["amount_total"] == 1000


def test_what_people_wrote_is_escaped(shop: Shop) -> None:
    evil = '<script>alert("x")</script>'
    line = {"description": evil, "quantity": 1, "unit_amount": 4000}
    invoice = shop.invoice(number=evil, lines=[line])

    text = page(shop, shop.link(invoice, message=evil)).text

    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 4


def test_every_page_forbids_scripts_frames_referrers_and_caches(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    pages = [page(shop, path), page(shop, TOKEN), page(shop, "/p/saved-card")]

    for answer in pages:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "form-action 'self' https://checkout.stripe.com" in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r'(src|href)="http', answer.text)


def test_the_page_asks_for_no_card_data(shop: Shop) -> None:
    text = page(shop, shop.link(shop.invoice())).text

    assert re.findall('<input type="([a-z]+)" name="([a-z]+)"', text) == [("hidden", "lang")]
    assert "Card details never come to us" in text


def test_a_module_that_was_switched_off_takes_no_payment(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    expect(200, shop.admin.post(f"/v1/payment-modules/{shop.module['id']}/state", {"state": "off"}))

    answer = press(shop, path)

    assert answer.status == 303
    assert "You were not charged" in page(shop, path).text
    assert sessions(shop) == []


def test_a_pointer_of_before_that_does_not_name_who_has_to_do_with_it_still_leads_there(
    shop: Shop,
) -> None:
    path = shop.link(shop.invoice())
    (pointer,) = (row for (pk, _), row in shop.world.rows().items() if pk.startswith("P#LNK#"))
    bare = {name: pointer[name] for name in pointer.keys() - {"module", "account", "customer"}}
    shop.world.dynamo.keep(bare)

    assert "40.00" in page(shop, path).text
    assert press(shop, path).status == 303
    assert sessions(shop) == ["open"]


def test_a_customer_who_is_no_longer_enabled_does_not_pay(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    shop.customer(enabled=False)

    assert press(shop, path).status == 303
    assert "You were not charged" in page(shop, path).text
    assert sessions(shop) == []


@pytest.mark.parametrize(
    "kinds", [("timeout_lost",) * 2, ("timeout_applied", "timeout_lost"), ("500_applied",) * 2]
)
def test_a_session_whose_answer_was_lost_is_never_left_open(
    shop: Shop, kinds: tuple[str, ...]
) -> None:
    path = shop.link(shop.invoice())
    shop.world.fail("/v1/checkout/sessions", *kinds)

    lost = press(shop, path)
    again = press(shop, path)

    assert (lost.status, again.status) == (409, 303)
    assert sessions(shop).count("open") == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_press_that_dies_anywhere_leaves_at_most_one_session_to_pay(
    shop: Shop, moment: str
) -> None:
    shop.pay(shop.invoice())
    path = shop.link(shop.invoice())
    shop.world.gate.arm(None)
    shop.press_pay(path)
    steps = len(shop.world.gate.passed)

    for step in range(steps):
        invoice = shop.invoice()
        path = shop.link(invoice)
        shop.world.gate.arm(step, moment)
        with pytest.raises(Died):
            press(shop, path)
        shop.world.gate.arm(None)
        assert shop.world.press(shop.press_pay(path)).status == 303, step
        shop.world.deliver()
        assert shop.read(invoice)["amounts"]["paid"] == 4000, step

    assert sorted(shop.world.booked()) == sorted(shop.world.charged(shop.account))
    assert sessions(shop).count("open") <= 1


def test_a_bug_is_a_page_that_tells_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shop.link(shop.invoice())

    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError(refusals.PAN)

    monkeypatch.setattr("payments.cases.links.pay_page.view", break_down)
    answer = page(shop, path)

    assert answer.status == 500
    assert "You were not charged twice" in answer.text
    assert refusals.PAN not in answer.text + shop.world.log.getvalue()
    assert '"error":"RuntimeError"' in shop.world.log.getvalue()


def test_neither_the_token_nor_the_key_is_logged(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    press(shop, path)

    told = shop.world.log.getvalue() + json.dumps(list(shop.world.rows().values()))

    assert path.removeprefix("/p/") not in shop.world.log.getvalue()
    assert "tulips" * 3 not in told.replace("pk_test_" + "tulips" * 4, "")


def say(shop: Shop, path: str, words: str) -> bool:
    """Whether the page says it, offers nothing to press, and a press changes nothing."""
    before, answer = shop.world.facts(), page(shop, path)
    assert (answer.status, "<form" in answer.text) == (200, False)
    assert press(shop, path).status == 303
    assert shop.world.facts() == before
    return words in answer.text


def test_a_revoked_link_says_so_and_nothing_of_the_invoice(shop: Shop) -> None:
    invoice = shop.invoice()
    made = expect(201, shop.operator.post(f"/v1/invoices/{invoice['id']}/pay-links", {}))
    path = made["url"].removeprefix(f"https://{DOMAIN}")
    expect(200, shop.operator.post(f"/v1/pay-links/{made['id']}/revoke"))

    assert say(shop, path, "This link was withdrawn")
    assert invoice["number"] not in page(shop, path).text


def test_a_replaced_link_says_that_there_is_a_newer_one(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice)
    shop.link(invoice, replace=True)

    assert say(shop, path, "There is a newer link")
    assert invoice["number"] not in page(shop, path).text


def test_a_link_that_the_merchant_let_end_says_until_when_it_could_be_used(shop: Shop) -> None:
    path = shop.link(shop.invoice(), expires_at="2026-09-22T12:00:00Z")
    assert page(shop, path).text.count("<form") == 1

    shop.world.advance(days=1)

    assert say(shop, path, "It could be used until September 22, 2026")


def test_a_link_that_has_ended_still_shows_the_receipt_of_what_it_paid(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice, expires_at="2026-09-22T12:00:00Z")
    shop.world.press(shop.press_pay(path))
    shop.world.deliver()
    shop.world.advance(days=2)

    assert say(shop, path, "This invoice is paid in full")
    (receipt,) = re.findall(r'<a href="(http[^"]+)" aria-label="Receipt of', page(shop, path).text)
    assert receipt == shop.read(invoice)["payments"][0]["note"]["receipt_url"]


def test_what_was_paid_before_stands_there_with_its_card_and_what_was_given_back(
    shop: Shop,
) -> None:
    shop.save_card()
    invoice = shop.invoice()
    path = shop.link(invoice)
    payment = expect(201, shop.charge(invoice, amount=1500))["payment"]["id"]
    back = {"amount": 500, "settle_as": "reopen", "reason": "broken"}
    expect(201, shop.operator.post(f"/v1/payments/{payment}/refunds", back))

    text = page(shop, path).text

    for words in ("September 21, 2026", "Visa ending in 4242", "€15.00", "€5.00 given back"):
        assert words in text
    assert "Pay €30.00" in text


def test_a_payment_that_was_charged_back_stands_there_as_given_back(shop: Shop) -> None:
    invoice, dispute = disputed(shop, CHARGEBACK)

    expect(200, accept(shop, dispute))

    text = page(shop, shop.link(invoice)).text
    assert "€40.00 given back" in text
    assert "Pay €40.00" in text


def test_a_dispute_puts_the_link_on_hold(shop: Shop) -> None:
    shop.save_card("createDispute")
    invoice = shop.invoice()
    path = shop.link(invoice)
    expect(201, shop.charge(invoice, amount=1500))
    shop.world.deliver()

    assert say(shop, path, "Payment is on hold")


def test_a_written_off_invoice_is_not_paid_here(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice)
    expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/uncollectible"))

    assert say(shop, path, "cannot be paid here any more")


def test_after_a_failed_bank_debit_the_page_says_so_and_offers_to_pay_again(shop: Shop) -> None:
    invoice = shop.invoice(currency="usd")
    path = shop.link(invoice)
    shop.world.press(shop.press_pay(path), "pm_usBankAccount_noAccount")
    shop.world.advance(days=5)
    shop.world.standin.run_jobs()
    shop.world.deliver()

    text = page(shop, path).text
    assert "did not go through, and you were not charged" in text
    assert text.count("<form") == 1

    shop.world.press(shop.press_pay(path))
    shop.world.deliver()
    assert "did not go through" not in page(shop, path).text


def test_a_payment_that_stripe_blocked_is_told_to_the_payer_like_any_other(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice)
    url = shop.press_pay(path)

    blocked = shop.world.press(url, "radarBlock")

    assert blocked.status == 402
    shop.world.deliver()
    text = page(shop, path).text.partition("<main>")[2]
    for word in ("block", "fraud", "risk", "suspicious"):
        assert word not in text.lower()


def choose(shop: Shop, path: str, typed: str, lang: str = "en") -> Answer:
    form = urlencode({"amount": typed, "lang": lang})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return shop.world.public.send("POST", f"{path}/pay", raw=form, key=None, headers=headers)


@pytest.mark.parametrize(
    ("typed", "lang", "amount"),
    [
        ("€10", "en", 1000),
        ("10", "en", 1000),
        ("12.50", "en", 1250),
        ("12,50", "de", 1250),
        ("40.00", "en", 4000),
    ],
)
def test_a_payer_who_may_choose_pays_what_they_type(
    shop: Shop, typed: str, lang: str, amount: int
) -> None:
    path = shop.link(shop.invoice(), rule="choose", least=500)
    assert 'name="amount"' in page(shop, path).text

    assert choose(shop, path, typed, lang).status == 303

    (session,) = shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"]
    assert (session["amount_total"], session["locale"]) == (amount, lang)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("4", "The least that can be paid is €5.00."),
        ("40.01", "No more than €40.00 can be paid at once."),
        ("39.80", "Pay all of it, or leave at least €0.50 for later."),
        ("1.234", "Write the amount in digits, for example 40.00."),
        ("", "Write the amount in digits, for example 40.00."),
        ("-5", "Write the amount in digits, for example 40.00."),
        ("4242 4242 4242 4242", "That looks like a card number."),
        ("9" * 400, "Write the amount in digits, for example 40.00."),
    ],
)
def test_an_amount_that_cannot_be_paid_is_explained_beside_the_field(
    shop: Shop, typed: str, words: str
) -> None:
    path = shop.link(shop.invoice(), rule="choose", least=500)
    before = shop.world.facts()

    answer = choose(shop, path, typed)

    assert (answer.status, words in answer.text) == (422, True)
    assert 'aria-invalid="true"' in answer.text
    assert shop.world.facts() == before
    assert refusals.PAN not in answer.text.replace(" ", "") + shop.world.log.getvalue()


def test_a_form_of_more_than_two_kilobytes_is_refused_unread(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = shop.link(shop.invoice(), rule="choose"), []
    monkeypatch.setattr(screening, "has_pan", lambda text: bool(read.append(text)))
    facts, typed = shop.world.facts(), "4" * (screening.FORM_MAX - len("amount=&lang=en"))

    assert choose(shop, path, typed).status == 422
    assert read == [typed]
    assert choose(shop, path, f"{typed}4").status == 413
    assert choose(shop, f"{path[:-1]}x", "4").status == 404
    assert read == [typed]
    assert shop.world.facts() == facts


def test_a_modules_own_limits_are_told_beside_the_field(shop: Shop) -> None:
    path = shop.link(shop.invoice(), rule="choose")
    limits = [{"currency": "eur", "min": 700, "max": 3000}]
    module = f"/v1/payment-modules/{shop.module['id']}"
    seen = {"if-match": shop.admin.get(module).headers["etag"]}
    expect(200, shop.admin.send("PATCH", module, {"limits": limits}, headers=seen))

    assert "From €7.00 to €30.00." in page(shop, path).text
    assert "The least that can be paid is €7.00." in choose(shop, path, "6.99").text
    assert "No more than €30.00 can be paid at once." in choose(shop, path, "30.01").text
    assert choose(shop, path, "30").status == 303


@pytest.mark.parametrize("rule", ["full", "choose"])
@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"limits": [{"currency": "eur", "min": 5000}]}, "€40.00, is less than one online payment"),
        ({"currencies": ["usd"]}, "You were not charged"),
    ],
)
def test_a_page_offers_nothing_to_press_where_a_press_would_be_refused(
    shop: Shop, rule: str, terms: Json, words: str
) -> None:
    path = shop.link(shop.invoice(), rule=rule)
    module = f"/v1/payment-modules/{shop.module['id']}"
    seen = {"if-match": shop.admin.get(module).headers["etag"]}
    expect(200, shop.admin.send("PATCH", module, terms, headers=seen))

    assert say(shop, path, words)


def test_a_press_while_a_payment_is_processing_uses_up_none_of_the_payers_tries(shop: Shop) -> None:
    path = shop.link(shop.invoice(currency="usd"))
    shop.world.press(shop.press_pay(path), "pm_usBankAccount")
    shop.world.deliver()

    assert say(shop, path, "being processed")


def test_who_may_not_choose_pays_what_the_link_says_whatever_they_send(shop: Shop) -> None:
    path = shop.link(shop.invoice(), amount=2500)

    assert choose(shop, path, "1.00").status == 303

    (session,) = shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"]
    assert session["amount_total"] == 2500


def test_the_page_speaks_the_browsers_language_unless_another_is_chosen(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    german = {"Accept-Language": "de-AT,en;q=0.5"}

    here = shop.world.public.send("GET", path, headers=german)
    chosen = shop.world.public.send("GET", path, headers=german, query={"lang": "fr"})

    assert '<html lang="de-AT">' in here.text
    assert "€\N{NO-BREAK SPACE}40,00 zahlen" in here.text
    assert "Payer 40,00\N{NO-BREAK SPACE}€" in chosen.text


@pytest.mark.parametrize("lang", ["../../etc", "<script>", "xx", "e" * 3000])
def test_a_language_that_there_is_not_is_english(shop: Shop, lang: str) -> None:
    answer = shop.world.public.get(shop.link(shop.invoice()), lang=lang)

    assert (answer.status, '<html lang="en">' in answer.text) == (200, True)


def test_the_merchants_name_logo_and_colour_are_shown_and_the_policy_lets_them_in(
    shop: Shop,
) -> None:
    asked = {"name": "Blumen Müller", "logo": "https://cdn.shop.example/a.png", "colour": "#ffd400"}
    changed = shop.admin.send("PATCH", "/v1/settings", asked, headers={"if-match": '"0"'})
    assert changed.status == 200, changed.text

    answer = page(shop, shop.link(shop.invoice()))

    assert '<img src="https://cdn.shop.example/a.png" alt="">' in answer.text
    assert "<span>Blumen Müller</span>" in answer.text
    assert "--accent:#ffd400;--on:#000000" in answer.text
    assert "img-src data: https://cdn.shop.example;" in answer.headers["content-security-policy"]


def test_the_style_is_the_one_that_the_policy_names(shop: Shop) -> None:
    answer = page(shop, shop.link(shop.invoice()))
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)

    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"style-src 'sha256-{digest}';" in answer.headers["content-security-policy"]
    assert "style=" not in answer.text
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_a_page_with_two_hundred_lines_weighs_little(shop: Shop) -> None:
    line = {"description": "Tulips, red, long stems, in a vase of glass" * 3, "unit_amount": 100}
    answer = page(shop, shop.link(shop.invoice(lines=[line] * 200)))

    assert answer.text.count("<tr>") > 200
    assert len(answer.text.encode()) < 60_000


def test_who_loses_every_round_against_other_presses_is_told_that_a_payment_is_in_progress(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that something is out of order: somebody else's page is open, and can be paid."""
    path = shop.link(shop.invoice())
    write, others = Store.write, list[Answer]()

    def outrun(self: Store, *changes: Change[Any]) -> None:
        if any(isinstance(each.new, Attempt) and not each.old for each in changes):
            with monkeypatch.context() as calm:
                calm.setattr(Store, "write", write)
                others.append(press(shop, path))
        write(self, *changes)

    monkeypatch.setattr(Store, "write", outrun)
    answer = press(shop, path)

    assert (answer.status, len(others)) == (409, claims.TRIES)
    assert {other.status for other in others} == {303}
    assert sessions(shop) == ["open"] + ["expired"] * (claims.TRIES - 1)


def asked_of_stripe(shop: Shop) -> list[str]:
    return [name for name in shop.world.gate.passed if "/v1/" in name]


def test_coming_back_again_and_again_asks_stripe_once_in_some_seconds(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    url = shop.press_pay(path)
    shop.world.gate.arm(None)

    answers = [come_back(shop, path, url) for _ in range(20)]

    assert len(asked_of_stripe(shop)) == 1
    assert [answer.status for answer in answers] == [303] + [200] * 19
    assert "Please do not pay again" in answers[-1].text
    shop.world.advance(seconds=5)
    assert come_back(shop, path, url).status == 303
    assert len(asked_of_stripe(shop)) == 2


def test_whoever_comes_back_for_hours_asks_stripe_so_often_and_no_more(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    url = shop.press_pay(path)
    shop.world.gate.arm(None)

    for _ in range(100):
        come_back(shop, path, url)
        shop.world.advance(seconds=10)

    assert len(asked_of_stripe(shop)) == 60
    shop.world.press(url)
    shop.world.deliver()
    assert come_back(shop, path, url).status == 303


def test_looks_take_no_press_of_pay_away(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    url = shop.press_pay(path)
    for _ in range(70):
        come_back(shop, path, url)
        shop.world.advance(seconds=6)

    assert press(shop, path).status == 303


def test_head_of_a_page_is_get_without_its_body(shop: Shop) -> None:
    path, head = shop.link(shop.invoice()), shop.world.public.send
    before = shop.world.facts()

    for asked in (path, "/p/saved-card", TOKEN, f"{path}/return"):
        there, found = shop.world.public.get(asked), head("HEAD", asked)

        assert (found.status, found.text) == (there.status, "")
        assert {**found.headers, "x-request-id": ""} == {**there.headers, "x-request-id": ""}

    assert shop.world.facts() == before


def test_what_went_back_beyond_what_came_stands_with_its_sign(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice)
    stored = runtime.store().invoice("tulips", invoice["id"])
    runtime.store().save(stored.having(refunded=1000), stored)

    assert '<th scope="row">Paid so far</th><td class="figure">+\u20ac10.00</td>' in (
        page(shop, path).text
    )
