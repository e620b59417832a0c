"""Mails as a reader shows them: on a phone and on a desk, in the light and in the dark."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from local.stack.stack import Stack
from payments.wording.locales import LANGUAGES
from tests.browser.conftest import DESKTOP, PHONE, Watched, shoot, violations
from tests.stack.shop import Shop, eventually, new_key, required

Make = Callable[..., Watched]
#: A mail is an article in its reader's page, which has landmarks of its own.
OF_PAGES = ("landmark-one-main:", "region:")
LINES = [
    {"description": "Ten red tulips", "quantity": 2, "unit_amount": 2000, "tax_amount": 760},
    {"description": "Blumenvase, mundgeblasen, " + "sehr lang " * 12, "quantity": 1,
     "unit_amount": 129900},
]  # fmt: skip


@pytest.fixture(scope="module", params=LANGUAGES)
def story(request: pytest.FixtureRequest, browser_stack: Stack, shop: Shop) -> tuple[str, Any]:
    """Give a language and the mails of an invoice that was sent, paid and given back in part."""
    buyer = f"{new_key()}@buyer.example"
    customer = shop.customer(email=buyer, locale=request.param)
    body = {
        "number": f"N-{new_key()[:10]}",
        "module": shop.module,
        "customer": customer,
        "currency": "eur",
        "lines": LINES,
        "due": "2026-12-01",
        "order_ref": "ORDER-1",
    }
    made = shop.client("storefront").post("/v1/invoices", body, idempotency_key=new_key())
    invoice = required(made, HTTPStatus.CREATED)["id"]
    shop.link(invoice, send={}, message="Thank you!\nThe shop")
    shop.refund(shop.payment(invoice), amount=1000)
    declined = shop.save_card(customer, "pm_card_chargeCustomerFail")
    shop.charge(shop.invoice(customer), payment_method=declined)
    mails = eventually(lambda: browser_stack.mails(buyer), lambda seen: len(seen) == 4)
    return request.param, mails


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_every_mail_fits_its_reader_and_asks_nobody_for_anything(
    watched: Make, story: tuple[str, Any], viewport: dict[str, int], scheme: str
) -> None:
    language, mails = story
    seen = watched(viewport=viewport, color_scheme=scheme)
    for number, mail in enumerate(mails):
        seen.asked.clear()
        seen.page.goto(f"{mail['page']}/html")

        assert seen.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert [each for each in violations(seen.page) if not each.startswith(OF_PAGES)] == []
        assert [url for url in seen.asked if not url.startswith(mail["page"])] == []
        shoot(seen.page, f"mail-{language}-{number}-{viewport['width']}-{scheme}")
