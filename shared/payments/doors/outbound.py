"""
The door to tenants' own systems: one POST to an address that a tenant has chosen.

The host is resolved once, all its addresses must be public, and the connection uses an address that
was checked. So a name that changes in between leads nowhere else. No redirect is followed, and only
the status of an answer is read.
"""

import ipaddress
import queue
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from threading import Thread, Timer
from typing import Any
from urllib.parse import urlsplit

from payments.errors import AddressRefused
from payments.facts.subscription import require_address

#: The limit for everything: the name's lookup, the connection, TLS, the request and its answer.
TIMEOUT_S = 10
#: A slower receiver is served after the others.
SLOW_S = 2
#: An address that is not global unicast belongs to no public server: loopback, link-local,
#: translated, reserved.
_UNICAST = ipaddress.ip_network("2000::/3")
#: What IANA's registries of special-purpose addresses list besides. Python's own answer changes
#: from version to version, and some of these contain an IPv4 address, which may be anybody's.
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24"),
            *("192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
            *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
        ),
    )
)
#: The middle of an IPv6 address whose last half is an IPv4 address (ISATAP).
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


class NotDelivered(Exception):
    """No answer came; the message is one of our own words."""


@dataclass(frozen=True, slots=True)
class Letter:
    """The body and headers to send, and their address."""

    url: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    The answer's status, or the reason in our own words why there is none.

    `slow` says that the receiver took long.
    """

    status: int | None
    error: str | None
    slow: bool


class Outbound:
    """Sends events to receivers; `local` allows receivers on this machine, for the local stack."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        local: bool = False,
        resolve: Callable[..., list[Any]] = socket.getaddrinfo,
    ) -> None:
        """Keep how names are resolved, and what tells the seconds."""
        self.local, self._resolve, self._monotonic = local, resolve, monotonic

    def post_all(self, letters: Sequence[Letter]) -> list[Outcome]:
        """Send all letters at once and return their outcomes, after at most ten seconds in all."""
        if len(letters) == 1:
            return [self._outcome(letters[0])]
        with ThreadPoolExecutor(max_workers=max(1, len(letters))) as threads:
            return list(threads.map(self._outcome, letters))

    def _outcome(self, letter: Letter) -> Outcome:
        began, status, error = self._monotonic(), None, None
        try:
            status = self.post(letter.url, letter.headers, letter.body)
        except NotDelivered as failed:
            error = str(failed)
        return Outcome(status, error, slow=self._monotonic() - began > SLOW_S)

    def post(self, url: str, headers: dict[str, str], body: str) -> int:
        """Send one POST and return the answer's status; raise NotDelivered within ten seconds."""
        try:
            parts = urlsplit(require_address(url, local=self.local))
        except AddressRefused:
            raise NotDelivered("address_refused") from None
        secure, ends = parts.scheme == "https", self._monotonic() + TIMEOUT_S
        port = parts.port or 443
        found = self._address(parts.hostname or "", port, ends) if secure else "127.0.0.1"
        left = self._left(ends)
        connection = _Pinned(parts.hostname or "", port, found, secure=secure, timeout=left)
        # A timeout is for each read, so the clock cuts off a receiver that answers byte by byte.
        guard = Timer(left, connection.cut)
        guard.daemon = True
        guard.start()
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", target, body.encode(), headers)
            return connection.getresponse().status
        except (OSError, HTTPException, ValueError) as error:
            raise NotDelivered(_reason(error, late=guard.finished.is_set())) from None
        finally:
            guard.cancel()
            connection.close()

    def _address(self, host: str, port: int, ends: float) -> str:
        """Return an address of the host; raise NotDelivered unless all its addresses are public."""
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # The system's resolver has no timeout, so a name whose server is silent is given up here.
        Thread(target=self._look_up, args=(host, port, answers), daemon=True).start()
        try:
            found = answers.get(timeout=self._left(ends))
        except queue.Empty:
            raise NotDelivered("timed_out") from None
        if found is None:
            raise NotDelivered("name_not_found")
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or not all(map(_is_public, addresses)):
            raise NotDelivered("address_refused")
        return addresses[0]

    def _left(self, ends: float) -> float:
        """Return the seconds until `ends`, never 0: that would mean no limit."""
        return max(0.001, ends - self._monotonic())

    def _look_up(self, host: str, port: int, answers: "queue.SimpleQueue[Any]") -> None:
        try:
            found = self._resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = None
        answers.put(found)


class _Pinned(HTTPConnection):
    """A connection to an address that was checked, under the name that it was checked for."""

    def __init__(self, host: str, port: int, address: str, *, secure: bool, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self.default_port = 443 if secure else 80
        self._address, self._secure = address, secure

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = plain
        if self._secure:
            sock = _trusted().wrap_socket(
                plain, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock = sock
            sock.do_handshake()

    def cut(self) -> None:
        """End the connection from outside: a reader finds it closed."""
        if self.sock:
            with suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped:
        address = mapped
    if not address.is_global or any(address in network for network in _SPECIAL):
        return False
    # A global IPv4 address needs no more checks; the rest is about IPv6.
    embeds = (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    return address.version == 4 or (address in _UNICAST and not embeds)  # noqa: PLR2004


def _reason(error: Exception, *, late: bool) -> str:
    if late or isinstance(error, TimeoutError):
        return "timed_out"
    return "tls_failed" if isinstance(error, ssl.SSLError) else "unreachable"
