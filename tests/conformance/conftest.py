"""One served stand-in for all suites, and a fresh account of it for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from tests.conformance.figures import Outcomes
from tests.conformance.receiver import Receiver
from tests.conformance.witness import Witness

OUTCOMES = Outcomes()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(OUTCOMES, "conformance")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the schema judge last: it judges what all the others were answered."""
    items.sort(key=lambda item: "conformance/schema/" in item.nodeid)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if lines := OUTCOMES.lines():
        terminalreporter.section("conformance of the stand-in")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def witness() -> Iterator[Witness]:
    made = Witness(control=True)
    yield made
    made.close()


@pytest.fixture(scope="session")
def base(witness: Witness) -> Iterator[str]:
    server = witness.serve(0)
    yield server.url
    server.close()


@pytest.fixture(scope="session")
def keys() -> Iterator[str]:
    """Yield keys that were never used: each belongs to an account of its own."""
    return (f"sk_test_{'tulips' * 4}{number:04}" for number in itertools.count())


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="session")
def connect(base: str) -> Iterator[Callable[[str], stripe.StripeClient]]:
    """Make the SDK's client, which has only this machine to speak to."""

    def make(key: str) -> stripe.StripeClient:
        addresses = dict.fromkeys(("api", "connect", "files", "meter_events"), base)
        return stripe.StripeClient(key, base_addresses=addresses, client_id="ca_conformance")

    with pytest.MonkeyPatch.context() as patch:
        # Otherwise the SDK leaves a file in the home of whoever runs the tests.
        patch.setattr(stripe, "enable_telemetry", False)
        yield make
