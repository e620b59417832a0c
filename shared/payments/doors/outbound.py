"""
The door to tenants' own systems: one POST to an address that somebody else has chosen.

The host is resolved once, every address it has must be public, and the connection is made to the
one that was checked: a name that changes in between leads nowhere else. No redirect is followed,
and nothing of an answer is read but its status.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from http.client import HTTPConnection, HTTPException
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

from payments.errors import AddressRefused
from payments.facts.subscription import require_address

TIMEOUT_S = 10
#: IPv6 addresses that hold an IPv4 address, which may be anybody's.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "2002::/16", "2001::/32")))


class NotDelivered(Exception):
    """Nobody answered; the message is one of our own words."""


class Outbound:
    """`local` says that this is the local stack, which has receivers on this machine."""

    def __init__(
        self, *, local: bool = False, resolve: Callable[..., list[Any]] = socket.getaddrinfo
    ) -> None:
        """Keep how names are resolved."""
        self.local, self._resolve = local, resolve

    def post(self, url: str, headers: dict[str, str], body: str) -> int:
        """Send and return the answer's status, or raise NotDelivered; ten seconds at most."""
        try:
            parts = urlsplit(require_address(url, local=self.local))
        except AddressRefused:
            raise NotDelivered("address_refused") from None
        secure = parts.scheme == "https"
        port = parts.port or 443
        found = self._address(parts.hostname or "", port) if secure else "127.0.0.1"
        connection = _Pinned(parts.hostname or "", port, found, secure=secure)
        # A timeout is for each read; whoever answers a byte at a time is cut off by the clock.
        guard = Timer(TIMEOUT_S, connection.cut)
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

    def _address(self, host: str, port: int) -> str:
        """Return an address of the host, if all that it has are public."""
        try:
            found = self._resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise NotDelivered("name_not_found") from None
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or not all(map(_is_public, addresses)):
            raise NotDelivered("address_refused")
        return addresses[0]


class _Pinned(HTTPConnection):
    """A connection to an address that was checked, under the name it was checked for."""

    def __init__(self, host: str, port: int, address: str, *, secure: bool) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S)
        self.default_port = 443 if secure else 80
        self._address, self._secure = address, secure

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), TIMEOUT_S)
        self.sock = plain
        if self._secure:
            sock = _trusted().wrap_socket(
                plain, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock = sock
            sock.do_handshake()

    def cut(self) -> None:
        """End it from outside: whoever reads it finds it closed."""
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
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in _TRANSLATED)


def _reason(error: Exception, *, late: bool) -> str:
    if late or isinstance(error, TimeoutError):
        return "timed_out"
    return "tls_failed" if isinstance(error, ssl.SSLError) else "unreachable"
