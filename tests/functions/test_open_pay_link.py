"""/p/{token}: a page that changes nothing, a button that opens one session, a way back."""

import json
import re
from collections.abc import Callable

import pytest

from tests.doubles.invocations import DOMAIN
from tests.functions import refusals
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Died, Json, World

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
    for words in (invoice["number"], "Main", "2 x Tulips", "Thank you", "40.00"):
        assert words in answer.text


def test_looking_changes_nothing_and_asks_nobody_at_stripe(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    before = shop.world.rows()
    shop.world.gate.arm(None)

    for _ in range(3):
        assert page(shop, path).status == 200

    assert shop.world.rows() == before
    assert set(shop.world.gate.passed) == {"get_item", "query"}


def test_pay_leads_to_a_fresh_session_over_what_is_owed(shop: Shop) -> None:
    invoice = shop.invoice(number="TUL-1")
    path = shop.link(invoice)

    answer = press(shop, path)

    (session,) = shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"]
    assert (answer.status, answer.text) == (303, "")
    assert answer.headers["location"] == session["url"]
    assert (session["amount_total"], session["currency"]) == (4000, "eur")
    assert session["client_reference_id"] == invoice["id"]
    assert session["cancel_url"] == f"https://{DOMAIN}{path}"
    assert session["expires_at"] <= shop.world.now().timestamp() + 23 * 3600


def test_every_answer_names_its_request(shop: Shop) -> None:
    path = shop.link(shop.invoice())

    answers = [page(shop, path), page(shop, TOKEN), press(shop, path)]

    assert [answer.status for answer in answers] == [200, 404, 303]
    assert all(answer.headers["x-request-id"].startswith("request-") for answer in answers)


def test_a_way_back_while_stripe_does_not_answer_leads_to_the_page(shop: Shop) -> None:
    path = shop.link(shop.invoice(currency="usd"))
    url = shop.press_pay(path)
    shop.world.press(url, "pm_usBankAccount_noAccount")
    shop.world.advance(days=7)
    shop.world.fail("/v1/payment_intents/*/cancel", "timeout_lost", "timeout_lost")

    answer = come_back(shop, path, url)

    assert (answer.status, answer.headers["location"]) == (303, f"https://{DOMAIN}{path}")


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

    assert (answer.status, answer.headers["location"]) == (303, f"https://{DOMAIN}{path}")
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


def test_coming_back_while_stripe_is_silent_still_shows_the_page(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    url = shop.press_pay(path)
    shop.world.fail("/v1/checkout/sessions/*", "timeout_lost", "timeout_lost", method="GET")

    assert come_back(shop, path, url).status == 303


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
    assert "There is no such link" in answer.text
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
    assert (pressed.status, pressed.headers["location"]) == (303, f"https://{DOMAIN}{path}")
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
    assert (pressed.status, "in progress" in pressed.text) == (409, True)


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

    assert "<input" not in text
    assert "Card details never come to us" in text


def test_a_module_that_was_switched_off_takes_no_payment(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    expect(200, shop.admin.post(f"/v1/payment-modules/{shop.module['id']}/state", {"state": "off"}))

    answer = press(shop, path)

    assert answer.status == 403
    assert "You were not charged" in answer.text
    assert sessions(shop) == []


def test_a_customer_who_is_no_longer_enabled_does_not_pay(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    shop.customer(enabled=False)

    assert press(shop, path).status == 403
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

    monkeypatch.setattr("payments.cases.paying.view", break_down)
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


def test_the_sample_event_is_a_link_of_nobody(world: World, sample: Callable[[str], Json]) -> None:
    assert world.invoke(sample("open_pay_link"), "open_pay_link").status == 404
