"""Doubles of those around the stand-in: a payer's browser, a webhook receiver, a clock."""

from __future__ import annotations

import http.client
import http.server
import json
import threading
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import stripe

from local.standin import StandIn
from local.standin.engine.messages import Answer, Request

Connect = Callable[..., stripe.StripeClient]
Control = Callable[..., Any]
Pay = Callable[..., Any]
TULIPS = "tulips" * 4
BAKERY = "bakery" * 4
START = 1_700_000_000.0


class Receiver:
    """A webhook endpoint that can be told to fail."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.failures = 0
        self.arrived = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with receiver.arrived:
                    receiver.received.append((dict(self.headers), body))
                    failing, receiver.failures = receiver.failures > 0, receiver.failures - 1
                    receiver.arrived.notify_all()
                self.send_response(500 if failing else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def wait_for(self, count: int, timeout_s: float = 5) -> list[tuple[dict[str, str], bytes]]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= count, timeout_s)
            return list(self.received)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Browser:
    """A payer who follows no redirect, so that a test sees it."""

    def __init__(self, standin: StandIn) -> None:
        self._standin = standin

    def get(self, url: str) -> Answer:
        parts = urlsplit(url)
        return self.send(Request("GET", parts.path, parts.query))

    def post(self, url: str, **fields: str) -> Answer:
        body = urlencode(fields).encode()
        return self.send(Request("POST", urlsplit(url).path, body=body))

    def send(self, request: Request) -> Answer:
        return self._standin.handle(request)


class Response(NamedTuple):
    """What came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


def exchange(url: str, method: str, path: str, body: str = "", **headers: str) -> Response:
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return Response(answer.status, dict(answer.headers), answer.read())
    finally:
        connection.close()


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Sent(list[tuple[str, dict[str, str], bytes]]):
    """What would have been posted; `fails` makes every endpoint answer 500."""

    def __init__(self, standin: StandIn) -> None:
        super().__init__()
        self._standin = standin
        self.fails = False

    def deliver(self) -> int:
        return self._standin.deliveries.run_due(self._take)

    def _take(self, url: str, headers: dict[str, str], body: bytes) -> int:
        self.append((url, headers, body))
        return 500 if self.fails else 200

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, _, body in self]
