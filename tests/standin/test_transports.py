"""HTTP and in process are one stand-in; it listens on this machine only."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe

from local.standin import StandIn
from tests.standin.doubles import Response

ROOT = Path(__file__).parents[2]
URL = re.compile(r"http://127\.0\.0\.1:(\d+)")


def scenario(client: stripe.StripeClient) -> list[Any]:
    """A customer, a saved card, a payment, a decline, a refund, a session."""
    customer = client.v1.customers.create({"name": "Ada"}).id
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    given = {"amount": 4000, "currency": "eur", "confirm": True, "off_session": True}
    paid = client.v1.payment_intents.create({**given, "customer": customer, "payment_method": card})
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_intents.create({**given, "payment_method": "pm_card_visa_chargeDeclined"})
    refund = client.v1.refunds.create({"payment_intent": paid.id, "amount": 500})
    session = client.v1.checkout.sessions.create(
        {"mode": "setup", "currency": "eur", "customer": customer, "success_url": "http://x.test"}
    )
    charges = client.v1.charges.list({"expand": ["data.balance_transaction"]})
    events = client.v1.events.list().to_dict()
    for event in events["data"]:
        # The SDK draws a random key for each call of its own.
        del event["request"]["idempotency_key"]
    return [
        paid.to_dict(), caught.value.json_body["error"]["payment_intent"], refund.to_dict(),
        session.to_dict(), charges.to_dict(), events,
    ]  # fmt: skip


def frozen() -> float:
    return 1_700_000_000.0


def test_a_scenario_gives_the_same_objects_over_http_and_in_process() -> None:
    served = StandIn(seed=7, clock=frozen)
    server = served.serve(0)
    inside = StandIn(seed=7, clock=frozen, base_url=server.url)
    key = "sk_test_" + "tulips" * 4
    over_http = scenario(stripe.StripeClient(key, base_addresses={"api": server.url}))
    in_process = scenario(stripe.StripeClient(key, http_client=inside.http_client()))
    server.close()
    served.close()
    inside.close()

    assert json.dumps(over_http, sort_keys=True, default=str) == json.dumps(
        in_process, sort_keys=True, default=str
    )


def test_it_listens_on_loopback_only(served: tuple[StandIn, str]) -> None:
    _, url = served
    port = int(URL.match(url)[1])
    own = socket.gethostbyname(socket.gethostname())
    if own.startswith("127."):
        own = "127.0.0.2"

    with socket.socket() as caller:
        caller.settimeout(2)
        assert caller.connect_ex((own, port)) != 0


def test_an_answer_has_stripes_headers(
    served: tuple[StandIn, str], wire: Callable[..., Response]
) -> None:
    _, url = served
    key = {"Authorization": "Bearer sk_test_" + "tulips" * 4, "Stripe-Version": "2026-10-28.endive"}
    answer = wire(url, "GET", "/v1/balance", **key)

    assert answer.headers["Request-Id"].startswith("req_")
    assert answer.headers["Stripe-Version"] == "2026-10-28.endive"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.body.startswith(b'{\n  "')


def test_an_unknown_url_is_an_error_in_stripes_shape(
    served: tuple[StandIn, str], wire: Callable[..., Response]
) -> None:
    _, url = served
    key = {"Authorization": "Bearer sk_test_" + "tulips" * 4}
    answer = wire(url, "GET", "/v1/nonsense", **key)

    assert answer.status == 404
    assert json.loads(answer.body)["error"]["type"] == "invalid_request_error"


def test_a_lost_answer_ends_the_connection(
    served: tuple[StandIn, str], wire: Callable[..., Response]
) -> None:
    standin, url = served
    wire(url, "POST", "/_control/faults", json.dumps({"path": "/v1/*", "kind": "timeout_lost"}))
    client = stripe.StripeClient("sk_test_" + "tulips" * 4, base_addresses={"api": url})

    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create()

    assert standin.store.select("", "customer") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_one_line_and_ends_cleanly(number: int) -> None:
    command = [sys.executable, "-m", "local.standin", "--port", "0"]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert URL.search(process.stdout.readline())
        process.send_signal(number)
        out, errors = process.communicate(timeout=5)

    assert (process.returncode, out, errors) == (0, "", "")


def test_a_port_in_use_is_one_sentence(served: tuple[StandIn, str]) -> None:
    port = served[1].rpartition(":")[2]
    command = [sys.executable, "-m", "local.standin", "--port", port]
    ended = subprocess.run(  # noqa: S603 - our own command
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"port {port}" in ended.stderr
