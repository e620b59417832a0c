"""A real browser on the local stack: what a payer meets, over real HTTP."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from local.paths import ROOT, RUN
from local.stack.stack import Stack, running_stack
from local.tools.environments import find_browser
from tests.stack.shop import Shop, open_shop

AXE = ROOT / "local" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
#: Kept to be looked at; git does not see the folder.
SHOTS = RUN / "screenshots"
#: On a machine that many share: what has happened is seen at once.
WAIT_MS = 60_000
expect.set_options(timeout=WAIT_MS)
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}


def lack() -> str | None:
    """Say what a machine lacks for these tests."""
    if not find_browser():
        return "there is no chromium"
    return None if AXE.exists() else "there is no axe-core: `make test` installs it"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = lack()
    for item in items:
        if missing and Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.skip(reason=missing))


@pytest.fixture(scope="session")
def browser_stack() -> Iterator[Stack]:
    """Give a stack of the browser's own."""
    with running_stack() as running:
        yield running


@pytest.fixture(scope="session")
def shop(browser_stack: Stack) -> Shop:
    return open_shop(browser_stack, "tulips")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        # Chromium's own sandbox needs rights that a container's root does not have.
        launched = driver.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield launched
        launched.close()


class Watched:
    """A browser's context that remembers what its pages asked for and complained of."""

    def __init__(self, context: BrowserContext) -> None:
        self.context, self.page = context, context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.weights: dict[str, int] = {}
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda told: self.complaints.append(told.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))


@pytest.fixture
def watched(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Give a maker of contexts, each like a person's own browser; they end with the test."""
    made: list[BrowserContext] = []

    def make(**options: Any) -> Watched:
        context = browser.new_context(**{"viewport": PHONE, "locale": "en-GB"} | options)
        context.set_default_timeout(WAIT_MS)
        made.append(context)
        return Watched(context)

    yield make
    for context in made:
        context.close()


def shoot(page: Page, name: str) -> None:
    """Keep a picture of the whole page."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong; it is evaluated from outside, past the page's policy."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found
        for node in each["nodes"]
    ]
