"""A stand-in in process, the same over HTTP, and those around it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from local.standin import StandIn
from local.standin.engine.messages import Request
from tests.standin.doubles import (
    TULIPS,
    Browser,
    Connect,
    Control,
    Pay,
    Receiver,
    Response,
    Sent,
    Time,
    exchange,
)
from tests.standin.ways import Ways


@pytest.fixture
def sent(standin: StandIn) -> Sent:
    return Sent(standin)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def standin(time: Time) -> Iterator[StandIn]:
    made = StandIn(control=True, seed=1, clock=time)
    yield made
    made.close()


@pytest.fixture
def connect(standin: StandIn) -> Connect:
    """Make the SDK's client with a key of this account, in process."""

    def make(secret: str = TULIPS, kind: str = "sk", **options: Any) -> stripe.StripeClient:
        return stripe.StripeClient(
            f"{kind}_test_{secret}", http_client=standin.http_client(), **options
        )

    return make


@pytest.fixture
def client(connect: Connect) -> stripe.StripeClient:
    return connect()


@pytest.fixture
def browser(standin: StandIn) -> Browser:
    return Browser(standin)


@pytest.fixture
def served() -> Iterator[tuple[StandIn, str]]:
    made = StandIn(control=True, seed=1)
    server = made.serve(0)
    yield made, server.url
    server.close()
    made.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def wire() -> Callable[..., Response]:
    return exchange


@pytest.fixture
def control(standin: StandIn) -> Control:
    """Speak to the control surface in process."""

    def command(method: str, name: str, /, **content: Any) -> Any:
        query = urlencode(content) if method == "GET" else ""
        body = b"" if method == "GET" else json.dumps(content).encode()
        answer = standin.handle(Request(method, f"/_control/{name}", query, {}, body))
        return answer.json

    return command


@pytest.fixture
def pay(client: stripe.StripeClient) -> Pay:
    """Charge a test card off session, in one step."""

    def charge(amount: int = 2000, card: str = "pm_card_visa", **more: Any) -> Any:
        return client.v1.payment_intents.create(
            {
                "amount": amount, "currency": "usd", "payment_method": card, "confirm": True,
                "off_session": True, **more,
            }
        )  # fmt: skip

    return charge


@pytest.fixture
def ways(
    client: stripe.StripeClient, standin: StandIn, time: Time, browser: Browser, control: Control
) -> Ways:
    return Ways(client, standin, time, browser, control)
