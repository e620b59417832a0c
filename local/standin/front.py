"""The HTTP front: 127.0.0.1 only, keep-alive, a thread per connection."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any, ClassVar

from local.standin.engine.messages import Answer, Request

HOST = "127.0.0.1"
Handle = Callable[[Request], Answer]
BODY_MAX = 6 * 1024 * 1024
LINE_MAX = 64 * 1024
HEADERS_MAX = 200


def read_head(stream: BufferedIOBase) -> dict[str, str]:
    """Give the headers by their names in lower case, up to the empty line."""
    head: dict[str, str] = {}
    while len(head) < HEADERS_MAX and (line := stream.readline(LINE_MAX).strip()):
        name, _, value = line.decode("latin-1").partition(":")
        head[name.lower()] = value.strip()
    return head


class Handler(BaseHTTPRequestHandler):
    """Bytes to `Request`, `Answer` to bytes."""

    protocol_version = "HTTP/1.1"
    server_version = "StripeStandIn"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 120
    handle_request: ClassVar[Handle]
    head: dict[str, str]
    raw_requestline: bytes

    def parse_request(self) -> bool:
        """Read a request's head. The standard library's mail parser takes half of all the time."""
        self.requestline = self.raw_requestline.decode("latin-1").strip()
        words = self.requestline.split()
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            self.close_connection = True
            self.send_error(400, "Bad request line")
            return False
        self.command, self.path, self.request_version = words
        self.head = read_head(self.rfile)
        connection = self.head.get("connection", "").lower()
        old = self.request_version == "HTTP/1.0" and connection != "keep-alive"
        self.close_connection = old or connection == "close"
        if self.head.get("expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        return True

    def _answer(self) -> None:
        length = self.head.get("content-length", "0")
        if not length.isdigit() or int(length) > BODY_MAX or "transfer-encoding" in self.head:
            self.close_connection = True
            self.send_error(413 if length.isdigit() else 400)
            return
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(length))
        request = Request(self.command, path, query, self.head, body)
        self._write(type(self).handle_request(request))

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = _answer  # noqa: N815

    def _write(self, answer: Answer) -> None:
        if answer.lost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if "Date" in answer.headers:
            self.send_response_only(answer.status)
        else:
            self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keys travel in requests: nothing is logged."""


class Listener(ThreadingHTTPServer):
    """Threads end with the process, and a restart may take the port at once."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a caller that goes away; anything else is a bug, and seen."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Server:
    """A running stand-in."""

    def __init__(self, handle: Handle, port: int, *, on_close: Callable[[], None]) -> None:
        handler = type("StandInHandler", (Handler,), {"handle_request": staticmethod(handle)})
        self._on_close = on_close
        self._listener = Listener((HOST, port), handler)
        self.port = int(self._listener.server_address[1])
        self.url = f"http://{HOST}:{self.port}"
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.05,), name="standin", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()
        self._on_close()
