"""One way to a server: requests over connections that stay open, within limits of time."""

import select
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit


class NoAnswer(Exception):
    """No whole answer came; `sent` tells whether the server may have heard the request."""

    def __init__(self, reason: str, *, sent: bool, again: bool = True) -> None:
        """Keep a short name of what happened, and whether another try may help."""
        super().__init__(reason)
        self.reason, self.sent, self.again = reason, sent, again


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered; the headers have lower-case names."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Pool:
    """Connections to one address. Several threads may use it; each has a connection of its own."""

    def __init__(self, address: str, tls: Callable[[], ssl.SSLContext]) -> None:
        """Keep the address, and what makes the context for https; nothing is opened yet."""
        self._address, self._tls = urlsplit(address), tls
        self._idle: list[HTTPConnection] = []

    @property
    def host(self) -> str:
        """Return the name and port that a request is addressed to."""
        return self._address.netloc

    def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        connect_s: float,
        read_s: Callable[[], float],
    ) -> Reply:
        """
        Send one request and return the answer; raise NoAnswer if none came whole and in time.

        `connect_s` and `read_s` are seconds; `read_s` is asked once the connection is open.
        """
        connection = self._connected(connect_s)
        connection.sock.settimeout(read_s())
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body or method != "GET":
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            content = answer.read()
        except TimeoutError:
            connection.close()
            raise NoAnswer("timeout", sent=True) from None
        except (OSError, HTTPException):
            connection.close()
            raise NoAnswer("broken_off", sent=True) from None
        if answer.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, named, content)

    def close(self) -> None:
        """Close the connections that wait for another request."""
        while self._idle:
            self._idle.pop().close()

    def _connected(self, connect_s: float) -> HTTPConnection:
        """Return an open connection: one that the server has closed is not used again."""
        while self._idle:
            connection = self._idle.pop()
            if _is_open(connection):
                return connection
            connection.close()
        connection = self._new(connect_s)
        try:
            connection.connect()
        except ssl.SSLCertVerificationError:
            connection.close()
            raise NoAnswer("certificate_refused", sent=False, again=False) from None
        except OSError:
            connection.close()
            raise NoAnswer("not_reached", sent=False) from None
        return connection

    def _new(self, connect_s: float) -> HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        if self._address.scheme == "http":
            return HTTPConnection(host, port, timeout=connect_s)
        return HTTPSConnection(host, port, timeout=connect_s, context=self._tls())


def _is_open(connection: HTTPConnection) -> bool:
    """Tell whether nothing has come on an idle connection: what comes there is its end."""
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    return not waiting.poll(0)
