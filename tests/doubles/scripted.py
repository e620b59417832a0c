"""A server on loopback that does with each request what a script says: answers, or hangs up."""

import json
import socket
import socketserver
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Received:
    """One request as a server sees it."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = first.split(" ")
        pairs = (line.split(": ", 1) for line in lines if line)
        self.headers = {name.lower(): value for name, value in pairs}
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply = Callable[[socket.socket], None]


class Scripted:
    """A server that does with each request what the script says next, and keeps what it heard."""

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.heard, self.connections = list(replies), [], 0
        self.address = ""

    def serve(self, connection: socket.socket) -> None:
        self.connections += 1
        with connection.makefile("rb") as stream:
            while (received := read_request(stream)) and self.replies:
                self.heard.append(received)
                self.replies.pop(0)(connection)


def read_request(stream: Any) -> Received | None:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    lengths = [
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    ]
    return Received(head, stream.read(sum(lengths)))


@contextmanager
def scripted(*replies: Reply) -> Iterator[Scripted]:
    script = Scripted(*replies)

    class Each(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            script.serve(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Each) as server:
        script.address = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield script
        finally:
            server.shutdown()


def says(
    answer: Any,
    status: int = 200,
    *,
    total: int | None = None,
    closes: bool = False,
    **headers: str,
) -> Reply:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    total = zlib.crc32(body) if total is None else total
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named |= {"content-length": str(len(body)), "x-amz-crc32": str(total)}
    if closes:
        named["connection"] = "close"
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())

    def reply(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body)
        if closes:
            connection.shutdown(socket.SHUT_RDWR)

    return reply


def hangs_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def breaks_off(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 Said\r\ncontent-length: 100\r\n\r\n{")
    connection.shutdown(socket.SHUT_RDWR)


def says_nothing(_: socket.socket) -> None:
    """The caller waits until it has no more patience."""
