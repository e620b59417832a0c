"""HTTP servers on loopback, each in a thread of the process that asked for it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.stack.processes import StackError


class Handler(BaseHTTPRequestHandler):
    """Keeps connections open, and keeps quiet."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: a request that matters is in the function's log."""

    def answer(self, body: bytes, content_type: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Accepts a burst of connections, and does not wait for the open ones at the end."""

    request_queue_size = 128
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up: it has its reasons, and nothing is wrong here."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def bind(port: int, handler: type[Handler]) -> Server:
    """Take the port; 0 takes a free one."""
    try:
        return Server(("127.0.0.1", port), handler)
    except OSError as error:
        raise port_in_use(port) from error


def port_in_use(port: int) -> StackError:
    return StackError(
        f"Port {port} is in use: end the program that has it, or choose another with PORT=number."
    )


@contextmanager
def serving(server: Server) -> Iterator[str]:
    """Serve in a thread, and give the server's address."""
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield address(server)
    finally:
        server.shutdown()
        server.server_close()


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"
