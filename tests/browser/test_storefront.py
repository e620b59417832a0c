"""A newcomer in the demo's shop: from the goods to a released order, without reading anything."""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from local.demo.storefront import open_storefront
from local.stack.stack import Stack
from tests.browser.conftest import DESKTOP, PHONE, Watched, shoot, violations

Make = Callable[..., Watched]


@pytest.fixture(scope="module")
def address(browser_stack: Stack) -> Iterator[str]:
    with open_storefront(browser_stack) as url:
        yield url


@pytest.mark.claim("KO-1")
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_an_order_is_placed_paid_and_released_in_under_a_minute(
    watched: Make, address: str, browser_stack: Stack, viewport: dict[str, int]
) -> None:
    begun, page = time.monotonic(), watched(viewport=viewport).page
    page.goto(address)
    assert violations(page) == []
    shoot(page, f"shop-{viewport['width']}")

    page.get_by_role("button", name="Order ten red tulips").click()
    page.wait_for_url("**/c/pay/**")
    page.get_by_role("button", name="Pay").click()

    expect(page.get_by_role("heading", name="Thank you for your order")).to_be_visible()
    expect(page.locator("li.done")).to_have_count(3)
    assert time.monotonic() - begun < 60
    # Not the shop's own guess: its system has heard the event, and its signature is right.
    browser_stack.run_schedule("DeliverEventsSchedule")
    expect(page.get_by_text("order.release of")).to_be_visible()
    assert violations(page) == []
    shoot(page, f"order-{viewport['width']}")


def test_an_order_that_was_not_paid_waits(watched: Make, address: str) -> None:
    page = watched().page
    page.goto(address)
    page.get_by_role("button", name="Order twelve roses").click()
    page.wait_for_url("**/c/pay/**")

    page.get_by_role("link", name="Back to").click()

    expect(page.get_by_role("heading", name="Your order waits for its payment")).to_be_visible()
    expect(page.locator("li.done")).to_have_count(1)
    expect(page.get_by_text("It waits for its payment.")).to_be_visible()
