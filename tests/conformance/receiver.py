"""A webhook endpoint on this machine, one path for each test."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Delivery(NamedTuple):
    signature: str
    body: str

    @property
    def event(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Keeps what is posted; a path in `failing` answers 500 that many times first."""

    def __init__(self) -> None:
        self.deliveries: dict[str, list[Delivery]] = defaultdict(list)
        self.failing: dict[str, int] = {}
        self.arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def wait_for(
        self, path: str, enough: Callable[[list[Delivery]], bool], timeout_s: float = 6
    ) -> list[Delivery]:
        with self.arrived:
            came = self.arrived.wait_for(lambda: enough(self.deliveries[path]), timeout_s)
            assert came, f"only {[d.event['type'] for d in self.deliveries[path]]} came to {path}"
            return list(self.deliveries[path])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _status(self, path: str, delivery: Delivery) -> int:
        with self.arrived:
            self.deliveries[path].append(delivery)
            left = self.failing.get(path, 0)
            self.failing[path] = left - 1
            self.arrived.notify_all()
        return 500 if left > 0 else 200

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                delivery = Delivery(self.headers.get("stripe-signature", ""), body)
                self.send_response(receiver._status(self.path, delivery))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
