"""The payer's page in Chromium: paid on a phone, by keyboard, without scripts, in six languages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from local.stack.client import Client
from local.stack.stack import Stack
from payments.wording.locales import LANGUAGES
from tests.browser.conftest import DESKTOP, PHONE, Watched, shoot, violations
from tests.stack.shop import Shop, control, eventually, required

WEIGHT_MAX = 60_000
WIDTHS = pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
LINES = [
    {"description": "Tulips, red, long stems", "quantity": 20, "unit_amount": 150},
    {"description": "Delivery", "quantity": 1, "unit_amount": 1000},
]

Make = Callable[..., Watched]


@pytest.fixture
def stack(browser_stack: Stack) -> Stack:
    return browser_stack


@pytest.fixture
def customer(shop: Shop) -> str:
    return shop.customer()


def order(shop: Shop, customer: str, **fields: object) -> str:
    """An invoice over 40.00 with two lines and a date."""
    body = {"total": None, "lines": LINES, "due": "2030-10-05"} | fields
    return shop.invoice(customer, **{name: value for name, value in body.items() if value})


def begin(watched: Watched, shop: Shop, path: str) -> Page:
    watched.page.goto(f"{shop.stack.api}{path}")
    return watched.page


@WIDTHS
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_payer_pays_and_sees_the_receipt(
    watched: Make, shop: Shop, customer: str, viewport: dict[str, int], *, scripts: bool
) -> None:
    invoice = order(shop, customer)
    link = shop.link(invoice, message="Thank you for your order.\nSee you soon!")
    seen = watched(viewport=viewport, java_script_enabled=scripts)
    page = begin(seen, shop, link)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Invoice N-")

    page.get_by_role("button", name="Pay €40.00").click()
    page.wait_for_url("**/c/pay/**")
    page.get_by_role("button", name="Pay").click()
    page.wait_for_url(f"**{link}**")

    expect(page.get_by_text("Paid. Thank you.")).to_be_visible()
    receipt = page.get_by_role("link", name="Receipt of the payment of")
    assert receipt.get_attribute("href") == shop.payments(invoice=invoice)[0]["note"]["receipt_url"]
    assert {urlsplit(url).netloc for url in seen.asked} <= own(shop)
    assert seen.complaints == []


def own(shop: Shop) -> set[str]:
    """The only hosts that a payer's browser may speak to: ours and Stripe's."""
    return {urlsplit(url).netloc for url in (shop.stack.api, shop.stack.stripe)}


@pytest.mark.claim("OH-10")
def test_coming_back_shows_paid_with_every_webhook_lost(
    watched: Make, stack: Stack, shop: Shop, customer: str
) -> None:
    link = shop.link(order(shop, customer))
    control(stack, "webhooks", {"mode": "drop"})
    try:
        page = begin(watched(), shop, link)
        page.get_by_role("button", name="Pay").click()
        page.wait_for_url("**/c/pay/**")
        page.get_by_role("button", name="Pay").click()

        expect(page.get_by_text("Paid. Thank you.")).to_be_visible()
    finally:
        control(stack, "webhooks", {"mode": "deliver"})


@WIDTHS
def test_a_payer_pays_a_part_with_the_keyboard_alone(
    watched: Make, shop: Shop, customer: str, viewport: dict[str, int]
) -> None:
    invoice = order(shop, customer)
    page = begin(watched(viewport=viewport), shop, shop.link(invoice, rule="choose", least=500))

    page.keyboard.press("Tab")
    expect(page.get_by_label("How much do you want to pay now?")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    field = page.get_by_label("How much do you want to pay now?")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description(
        "From €5.00 to €40.00. The rest stays open. The least that can be paid is €5.00."
    )
    page.keyboard.press("Control+A")
    page.keyboard.type("15.50")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Continue to payment")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/c/pay/**")
    press_by_keyboard(page, "Pay")

    expect(page.get_by_text("Left to pay")).to_be_visible()
    assert shop.settled(invoice, "partially_paid")["amounts"]["paid"] == 1550


def press_by_keyboard(page: Page, name: str) -> None:
    button = page.get_by_role("button", name=name)
    for _ in range(60):
        page.keyboard.press("Tab")
        if button.evaluate("button => button === document.activeElement"):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"the keyboard does not reach {name}")


def test_a_payer_who_gives_up_comes_back_and_pays_later(
    watched: Make, shop: Shop, customer: str
) -> None:
    link = shop.link(order(shop, customer))
    page = begin(watched(), shop, link)
    page.get_by_role("button", name="Pay").click()
    page.wait_for_url("**/c/pay/**")
    page.get_by_role("link", name="Back to").click()
    page.wait_for_url(f"**{link}**")

    page.get_by_role("button", name="Pay").click()

    page.wait_for_url("**/c/pay/**")


def test_a_payers_bank_asks_and_the_payment_goes_on(
    watched: Make, shop: Shop, customer: str
) -> None:
    page = begin(watched(), shop, shop.link(order(shop, customer)))
    page.get_by_role("button", name="Pay").click()
    page.wait_for_url("**/c/pay/**")
    page.locator("details", has=page.get_by_label("Asks for every payment")).locator(
        "summary"
    ).click()
    page.get_by_label("Asks for every payment").check()
    page.get_by_role("button", name="Pay").click()
    page.wait_for_url("**/c/authenticate/**")
    page.get_by_role("button").first.click()

    expect(page.get_by_text("Paid. Thank you.")).to_be_visible()


@dataclass(frozen=True)
class Scene:
    """A state of the page: its path, and what the page says of it in English."""

    name: str
    path: str
    says: str


def scenes(shop: Shop) -> Iterator[Scene]:
    """Every state that a payer can meet."""
    customer = shop.customer()
    yield Scene("payable", shop.link(order(shop, customer), message="See you!"), "Pay €40.00")
    chosen = shop.link(order(shop, customer), rule="choose", least=500)
    yield Scene("choose", chosen, "How much do you want to pay now?")
    yield from paid_scenes(shop, customer)
    yield from closed_scenes(shop, customer)
    yield from slow_scenes(shop)
    yield Scene("not-found", "/p/" + "x" * 43, "This page does not exist")
    yield Scene("saved", "/p/saved-card", "You can close this page")


def paid_scenes(shop: Shop, customer: str) -> Iterator[Scene]:
    shop.save_card(customer)
    part = order(shop, customer)
    yield_to = shop.link(part)
    required(shop.charge(part, amount=1500), HTTPStatus.CREATED)
    yield Scene("part", yield_to, "Left to pay")
    paid = order(shop, customer)
    link = shop.link(paid)
    required(shop.charge(paid), HTTPStatus.CREATED)
    yield Scene("paid", link, "Paid. Thank you.")
    refunded = order(shop, customer)
    link = shop.link(refunded)
    required(shop.charge(refunded), HTTPStatus.CREATED)
    payment = shop.payments(invoice=refunded)[0]
    required(shop.refund(payment, reason="Two tulips were broken"), HTTPStatus.CREATED)
    yield Scene("refunded", link, "given your payment back")


def closed_scenes(shop: Shop, customer: str) -> Iterator[Scene]:
    for name, verb, says in (
        ("void", "void", "This invoice was withdrawn"),
        ("closed", "uncollectible", "cannot be paid here any more"),
    ):
        invoice = order(shop, customer)
        link = shop.link(invoice)
        required(shop.client().post(f"/v1/invoices/{invoice}/{verb}"), HTTPStatus.OK)
        yield Scene(name, link, says)
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    expired = shop.link(order(shop, customer), expires_at=soon)
    invoice = order(shop, customer)
    replaced = shop.link(invoice)
    shop.link(invoice, replace=True)
    yield Scene("replaced", replaced, "There is a newer link")
    invoice = order(shop, customer)
    revoked = shop.link(invoice)
    listed = required(shop.client().get(f"/v1/invoices/{invoice}/pay-links"), HTTPStatus.OK)
    revoke = f"/v1/pay-links/{listed['data'][0]['id']}/revoke"
    required(shop.client().post(revoke), HTTPStatus.OK)
    yield Scene("revoked", revoked, "This link was withdrawn")
    client = Client(f"{shop.stack.api}{expired}")
    eventually(lambda: client.get("").text, lambda text: "This link has ended" in text)
    yield Scene("expired", expired, "This link has ended")
    off = shop.customer()
    link = shop.link(order(shop, off))
    body = {"name": "Ada", "online_payment_enabled": False}
    required(shop.client().put(f"/v1/customers/{off}", body), HTTPStatus.OK)
    yield Scene("unavailable", link, "Online payment is not possible right now")


def waiting(shop: Shop) -> str:
    """The link of an invoice whose saved card's bank wants its owner."""
    owner = shop.customer()
    card = shop.save_card(owner, "pm_card_authenticationRequired")
    answer = shop.charge(order(shop, owner), payment_method=card)
    return urlsplit(required(answer, HTTPStatus.ACCEPTED)["pay_link"]).path


@WIDTHS
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_payer_confirms_with_their_bank_and_sees_paid(
    watched: Make, shop: Shop, viewport: dict[str, int], *, scripts: bool
) -> None:
    link = waiting(shop)
    seen = watched(viewport=viewport, java_script_enabled=scripts)
    page = begin(seen, shop, link)

    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Confirm €40.00")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/c/authenticate/**")
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(f"**{link}**")

    expect(page.get_by_text("Paid. Thank you.")).to_be_visible()
    assert "_secret_" not in page.url
    assert {urlsplit(url).netloc for url in seen.asked} <= own(shop)
    assert seen.complaints == []


def test_a_payer_who_refuses_at_their_bank_is_offered_another_card(
    watched: Make, shop: Shop
) -> None:
    link = waiting(shop)
    page = begin(watched(), shop, link)
    page.get_by_role("button", name="Confirm €40.00").click()
    page.wait_for_url("**/c/authenticate/**")
    page.get_by_role("button", name="Refuse").click()
    page.wait_for_url(f"**{link}**")

    expect(page.get_by_text("did not go through, and you were not charged")).to_be_visible()
    assert violations(page) == []
    shoot(page, "refused-phone")
    page.get_by_role("button", name="Pay €40.00").click()
    page.wait_for_url("**/c/pay/**")


def test_a_payer_may_pay_in_another_way_than_they_are_asked_to_confirm(
    watched: Make, shop: Shop
) -> None:
    page = begin(watched(), shop, waiting(shop))
    page.get_by_role("button", name="Pay in another way").click()
    page.wait_for_url("**/c/pay/**")
    page.get_by_role("button", name="Pay").click()

    expect(page.get_by_text("Paid. Thank you.")).to_be_visible()


def slow_scenes(shop: Shop) -> Iterator[Scene]:
    customer = shop.customer()
    for name, method, currency, status, says in (
        ("processing", "pm_usBankAccount", "usd", "processing", "Your payment is being processed"),
        ("failed", "pm_sepaDebit_failsAtOnce", "eur", "failed", "did not go through"),
    ):
        invoice = order(shop, customer, currency=currency)
        link = shop.link(invoice)
        shop.pay_at(shop.open_checkout(link), method)
        eventually(
            lambda: shop.read(invoice)["attempts"][-1]["status"],  # noqa: B023
            lambda seen: seen == status,  # noqa: B023
        )
        yield Scene(name, link, says)
    yield Scene("confirm", waiting(shop), "Your bank wants you to confirm this payment")
    disputed = order(shop, customer)
    link = shop.link(disputed)
    shop.pay_at(shop.open_checkout(shop.link(disputed, amount=1000)), "pm_card_createDispute")
    eventually(lambda: shop.read(disputed)["facets"]["exception"], lambda seen: seen == "disputed")
    yield Scene("disputed", link, "Payment is on hold")


def test_every_state_is_accessible_light_and_true_in_every_language_and_width(
    watched: Make, stack: Stack, shop: Shop
) -> None:
    seen = watched()
    wrong = []
    for scene in scenes(shop):
        for language in LANGUAGES:
            seen.page.set_viewport_size(PHONE)
            answer = seen.page.goto(f"{stack.api}{scene.path}?lang={language}")
            assert answer is not None
            assert len(answer.body()) < WEIGHT_MAX
            if language == "en":
                assert scene.says in seen.page.inner_text("body"), scene.name
            wrong += [f"{scene.name} {language}: {found}" for found in violations(seen.page)]
            wrong += sideways(seen.page, f"{scene.name} {language}")
            if language in {"en", "de", "ja"}:
                shoot(seen.page, f"{scene.name}-{language}-phone")
        seen.page.set_viewport_size(DESKTOP)
        wrong += [f"{scene.name} desktop: {found}" for found in violations(seen.page)]
        shoot(seen.page, f"{scene.name}-desktop")

    assert wrong == []
    assert {urlsplit(url).netloc for url in seen.asked} <= own(shop)
    assert [told for told in seen.complaints if "404" not in told] == []


def sideways(page: Page, name: str) -> list[str]:
    """Whether a page has to be moved sideways on the narrowest phone (WCAG 1.4.10)."""
    page.set_viewport_size({"width": 320, "height": 640})
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [f"{name}: {wide} pixels wide"] if wide > 320 else []


def test_an_amount_that_cannot_be_paid_is_accessible_too(
    watched: Make, shop: Shop, customer: str
) -> None:
    seen = watched()
    path = shop.link(order(shop, customer), rule="choose", least=500)
    for language in LANGUAGES:
        page = begin(seen, shop, f"{path}?lang={language}")
        page.locator("#amount").fill("1")
        page.locator("button").click()
        expect(page.locator("#wrong")).to_be_visible()
        assert violations(page) == [], language
        shoot(page, f"wrong-{language}-phone")


def test_a_page_in_the_merchants_colours_can_be_read(
    watched: Make, shop: Shop, customer: str
) -> None:
    admin = shop.client("admin")
    path = shop.link(order(shop, customer))
    for colour in ("#ffd400", "#008770", "#1b1b1b", "#ffffff"):
        seen = admin.get("/v1/settings").headers["etag"]
        body = {"name": "Blumen Müller", "colour": colour}
        required(admin.patch("/v1/settings", body, if_match=seen), HTTPStatus.OK)
        page = begin(watched(), shop, path)
        assert violations(page) == [], colour
        shoot(page, f"colour-{colour[1:]}-phone")
