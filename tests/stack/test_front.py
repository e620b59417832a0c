"""The front changes nothing on the way to the API and back."""

import socket
from collections.abc import Iterator
from typing import ClassVar

import pytest

from local.stack.client import Client
from local.stack.front import BODY_MAX, Front
from local.stack.loopback import Handler, bind, serving


class Upstream(Handler):
    """Stands where the emulator would: keeps what came, answers what it was told."""

    seen: ClassVar[list[tuple[str, str, dict[str, str], bytes]]] = []
    status: ClassVar[int] = 200
    headers_out: ClassVar[list[tuple[str, str]]] = []
    body_out: ClassVar[bytes] = b""

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.command, self.path, dict(self.headers.items()), body))
        self.send_response_only(self.status)
        for name, value in [*self.headers_out, ("Content-Length", str(len(self.body_out)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body_out)

    do_GET = do_POST = handle_any  # noqa: N815 - the library's names


@pytest.fixture
def upstream() -> type[Upstream]:
    return type("OneTest", (Upstream,), {"seen": []})


@pytest.fixture
def front(upstream: type[Upstream]) -> Iterator[Front]:
    behind = bind(0, upstream)
    front = Front(0, emulator_port=behind.server_port, api_id="receivable")
    with serving(behind), serving(front.server):
        yield front


def test_path_query_headers_and_body_arrive_as_they_were_sent(
    front: Front, upstream: type[Upstream]
) -> None:
    body = b'{"a": "\xc3\xa4"}\n \xff'

    Client(front.url, "t").send(
        "POST", "/v1/x%2Fy?b=%20&b=&c=%C3%A4", body, headers={"stripe_signature": "t=1,v1=ab"}
    )

    ((method, path, headers, arrived),) = upstream.seen
    assert (method, arrived) == ("POST", body)
    assert path == "/_aws/execute-api/receivable/v1/x%2Fy?b=%20&b=&c=%C3%A4"
    assert headers["stripe-signature"] == "t=1,v1=ab"
    assert headers["authorization"] == "Bearer t"
    assert headers["Host"] == front.url.removeprefix("http://")


def test_a_body_sent_in_chunks_arrives_whole(front: Front, upstream: type[Upstream]) -> None:
    request = (
        b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"3\r\nabc\r\n2;note=1\r\nde\r\n0\r\n\r\n"
    )

    assert exchange(front, request).startswith(b"HTTP/1.1 200")
    assert upstream.seen[0][3] == b"abcde"


def test_a_redirect_and_every_cookie_come_back_unfollowed(
    front: Front, upstream: type[Upstream]
) -> None:
    upstream.status = 303
    upstream.headers_out = [("Location", "https://x.example/"), ("Set-Cookie", "a=1")]
    upstream.headers_out += [("Set-Cookie", "b=2")]

    answer = exchange(front, b"GET /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 303")
    assert b"Location: https://x.example/" in answer
    assert answer.count(b"Set-Cookie:") == 2
    assert len(upstream.seen) == 1


def test_a_body_larger_than_api_gateway_takes_is_refused(
    front: Front, upstream: type[Upstream]
) -> None:
    head = f"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_MAX + 1}\r\n\r\n"

    assert exchange(front, head.encode()).startswith(b"HTTP/1.1 413")
    assert upstream.seen == []


def test_docs_are_a_page_of_the_api_that_asks_nobody_for_anything(
    front: Front, upstream: type[Upstream]
) -> None:
    upstream.body_out = b'{"info": {"title": "A<b>"}, "paths": {"/v1/x": {"post": {}}}}'

    page = Client(front.url).get("/docs")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "POST /v1/x" in page.text
    assert "A&lt;b&gt;" in page.text
    assert "http" not in page.text
    assert "<script" not in page.text


def test_an_api_that_is_gone_is_a_503() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        front = Front(0, emulator_port=closed.getsockname()[1], api_id="receivable")
        with serving(front.server):
            assert Client(front.url).get("/health").status == 503


def exchange(front: Front, request: bytes) -> bytes:
    address = ("127.0.0.1", front.server.server_port)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return answer
