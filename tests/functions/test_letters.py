"""Every kind of mail in every language, as its reader gets it: whole, light, and in their words."""

import re
from email.utils import parseaddr
from typing import Any

import pytest

from payments import config
from payments.edge import runtime
from payments.facts.settings import Settings
from payments.wording.locales import LANGUAGES
from tests.functions.shop import Shop, expect
from tests.functions.test_reminders import run, save_card
from tests.functions.world import Json, World

BUYER, SELLER = "ada@example.com", "seller@shop.example"
#: With its attachment; Gmail cuts off what is longer than 102 kB.
WEIGHT_MAX = 100_000
#: Anything that a reader would have to load, or that could run.
LOADED = re.compile(
    r"<(img|link|script|iframe|object|video|form)\b|url\(|@import|@font-face|\bsrc="
)
LINE = {"description": "Tulips", "quantity": 2, "unit_amount": 1681, "tax_amount": 638}


@pytest.fixture(params=LANGUAGES)
def told(request: pytest.FixtureRequest, world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a language and the mails of a whole story: sent, paid in parts, refunded, declined."""
    monkeypatch.setenv("PUBLIC_URL", "https://pay.shop.example")
    config.settings.cache_clear()
    colour = "#ffe14d"
    runtime.store().save(
        Settings(tenant="tulips", name="Tulip House", colour=colour, seller_email=SELLER)
    )
    shop = Shop.open(world, "tulips")
    body = {"name": "Ada", "email": BUYER, "online_payment_enabled": True, "locale": request.param}
    expect(200, shop.admin.put("/v1/customers/c-1", body))
    invoice = shop.invoice(lines=[LINE], due="2026-10-15", order_ref="ORDER-77")
    shop.link(invoice, send={}, message="Merci!\n<b>À bientôt</b>")
    tell(world)
    for amount in (1500, 2500):
        shop.pay(invoice, amount=amount)
        tell(world)
    payment = shop.read(invoice)["payments"][0]["id"]
    expect(201, shop.admin.post(f"/v1/payments/{payment}/refunds", {"amount": 1000}))
    tell(world)
    declined = shop.save_card("chargeCustomerFail")
    shop.charge(shop.invoice(), payment_method=declined)
    tell(world)
    save_card(shop)
    run(shop, days=41)
    return request.param, world.post.sent


def tell(world: World) -> None:
    world.deliver()
    world.notify()


def bodies(mail: Json) -> tuple[str, str]:
    body = mail["Content"]["Simple"]["Body"]
    return body["Html"]["Data"], body["Text"]["Data"]


def test_every_mail_can_be_read_as_it_is(told: tuple[str, list[Json]]) -> None:
    language, mails = told
    buyer = [mail for mail in mails if mail["Destination"]["ToAddresses"] == [BUYER]]
    subjects = [mail["Content"]["Simple"]["Subject"]["Data"] for mail in buyer]

    assert len(set(subjects)) == len(buyer) == 6
    for mail in mails:
        html, text = bodies(mail)
        files = mail["Content"]["Simple"].get("Attachments", ())
        weight = len(html.encode()) + len(text.encode())
        assert weight + sum(len(file["RawContent"]) for file in files) <= WEIGHT_MAX
        assert not LOADED.search(html)
        assert "prefers-color-scheme:dark" in html
        assert "\n\n\n" not in text
        assert "<" not in text.replace("<b>À bientôt</b>", "")
        assert not re.search(r"[{}]|None|mail\.\w+", text)
        assert parseaddr(mail["FromEmailAddress"])[0] == "Tulip House"
    for mail in buyer:
        assert f'<html lang="{language}">' in bodies(mail)[0]


def test_a_button_in_yellow_has_black_letters(told: tuple[str, list[Json]]) -> None:
    _, mails = told
    html, _ = bodies(mails[0])

    assert "background:#ffe14d" in html
    assert "color:#000000;text-decoration" in html


def test_an_invoice_says_how_much_of_it_is_tax_and_what_was_ordered(
    told: tuple[str, list[Json]],
) -> None:
    _, mails = told
    for each in bodies(mails[0]):
        assert "6,38" in each or "6.38" in each
        assert "ORDER-77" in each


def test_no_sentence_was_left_in_english(told: tuple[str, list[Json]]) -> None:
    language, mails = told
    texts = " ".join(
        bodies(mail)[1] for mail in mails if mail["Destination"]["ToAddresses"] == [BUYER]
    )

    english = {"Invoice:", "Still to pay", "Test mode", "You receive this", "Card:"}
    found = {words for words in english if words in texts}
    assert found == (english if language == "en" else set())
