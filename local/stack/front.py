"""The one address a person uses: the API as API Gateway serves it, and its docs."""

import http.client
import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, ClassVar

from local.stack.docs_page import render
from local.stack.loopback import Handler, address, bind
from local.stack.mailbox import Mailbox
from local.stack.ses_simulator import report_on

BODY_MAX = 10 * 1024 * 1024
TIMEOUT_S = 60
# They describe one connection, so a proxy writes its own.
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
DOCS = "/docs"
OPENAPI = "/openapi.json"
MAIL, SEND_MAIL = "/mail", "/v2/email/outbound-emails"

Headers = list[tuple[str, str]]


class TooLarge(Exception):
    """API Gateway takes no larger body."""


class FrontHandler(Handler):
    """Reads a request whole, has it forwarded, and relays the answer."""

    front: ClassVar["Front"]

    def handle_any(self) -> None:
        if self.path == DOCS:
            self.relay(*self.front.docs())
        elif self.command == "GET" and self.path.split("/")[1] == MAIL[1:]:
            self.answer(*self.front.mailbox.answer(self.path))
        elif self.path == SEND_MAIL and (body := self.body()) is not None:
            self.relay(*self.front.send_mail(self.headers.items(), body))
        elif (body := self.body()) is not None:
            self.relay(*self.front.forward(self.command, self.path, self.headers.items(), body))

    # The library looks each method up by this name.
    do_GET = do_HEAD = do_OPTIONS = handle_any  # noqa: N815
    do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def body(self) -> bytes | None:
        """Read the request's body; None after it was refused for its size."""
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        try:
            return b"".join(self.chunks() if chunked else self.whole())
        except TooLarge:
            self.close_connection = True
            message = json.dumps({"message": "Request Entity Too Large"}).encode()
            self.answer(message, "application/json", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return None

    def whole(self) -> Iterator[bytes]:
        length = int(self.headers.get("Content-Length", 0))
        require_allowed(length)
        yield self.rfile.read(length)

    def chunks(self) -> Iterator[bytes]:
        total = 0
        while size := int(self.rfile.readline().split(b";")[0], 16):
            require_allowed(total := total + size)
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def relay(self, status: int, headers: Headers, body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Front:
    """Forwards every request to the emulator's path for this API, changing nothing else."""

    def __init__(
        self,
        port: int,
        *,
        emulator_port: int,
        api_id: str,
        tell: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._emulator_port, self._tell = emulator_port, tell
        self._prefix = f"/_aws/execute-api/{api_id}"
        self.server = bind(port, type("BoundFront", (FrontHandler,), {"front": self}))
        self.url = address(self.server)
        self.mailbox = Mailbox(f"{self.url}{MAIL}")

    def forward(
        self, method: str, path: str, headers: Headers, body: bytes
    ) -> tuple[int, Headers, bytes]:
        return self._ask(method, self._prefix + path, headers, body)

    def send_mail(self, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
        """Hand a function's mail to SES as it was signed, path and host, and keep it if taken."""
        status, answered, answer = self._ask("POST", SEND_MAIL, headers, body)
        if status == HTTPStatus.OK:
            self.mailbox.take(body)
            report = report_on(body, answer)
            if report and self._tell:
                self._tell(report)
        return status, answered, answer

    def _ask(
        self, method: str, path: str, headers: Headers, body: bytes
    ) -> tuple[int, Headers, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._emulator_port, timeout=TIMEOUT_S)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in end_to_end(headers):
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, end_to_end(answer.getheaders()), answer.read()
        except OSError:
            message = json.dumps({"message": "Service Unavailable"}).encode()
            return HTTPStatus.SERVICE_UNAVAILABLE, [("Content-Type", "application/json")], message
        finally:
            connection.close()

    def docs(self) -> tuple[int, Headers, bytes]:
        status, headers, document = self.forward("GET", OPENAPI, [("Host", "127.0.0.1")], b"")
        if status != HTTPStatus.OK:
            return status, headers, document
        page = render(json.loads(document)).encode()
        return status, [("Content-Type", "text/html; charset=utf-8")], page


def require_allowed(size: int) -> None:
    if size > BODY_MAX:
        raise TooLarge


def end_to_end(headers: Headers) -> Headers:
    own = HOP_BY_HOP | {"content-length"}
    return [(name, value) for name, value in headers if name.lower() not in own]
