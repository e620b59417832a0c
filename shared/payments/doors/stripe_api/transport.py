"""
The official SDK on one side, small frozen values on the other.

Requests use the SDK's transport, retries, versions and errors, but not its objects: to build those
costs twenty times as much as to parse the answer.
"""

import io
import logging
import ssl
from collections.abc import Mapping
from copy import copy
from datetime import datetime
from functools import cache, partial
from typing import Any, NoReturn, Protocol, Self, TypeVar

import stripe
from pydantic import BaseModel

from payments.config import has_proxy
from payments.doors.https import NoAnswer, Pool
from payments.doors.stripe_api.refusals import ACCESS_LOST, code_of, refuse
from payments.errors import StripeRequestRefused
from payments.facts.stripe_objects import Value

API_VERSION = stripe.api_version
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 2, 8
RETRIES = 1
PAGE = 100

T = TypeVar("T", bound=BaseModel)

# Without this, the SDK writes request timings to a file and sends them to Stripe.
stripe.enable_telemetry = False
# At INFO, Lambda's default, the SDK logs addresses with their query, which may hold client secrets.
logging.getLogger("stripe").setLevel(logging.WARNING)


class Owner(Protocol):
    """The owner of a key, who is told at once when Stripe refuses it."""

    def renewed(self) -> str | None:
        """Return the key that has replaced this one, or None."""

    def refused(self) -> None:
        """Note that Stripe refuses this key and every newer one."""

    def not_permitted(self) -> None:
        """Note that the key is valid, but lacks the permission for a request."""


class Upload(io.BytesIO):
    """A file as the SDK's multipart needs it: readable, and with a name."""

    def __init__(self, name: str, content: bytes) -> None:
        """Hold a file in memory: evidence is small."""
        super().__init__(content)
        self.name = name


Connections = stripe.HTTPClient
SdkError = stripe.StripeError


class Connected(stripe.HTTPClient):
    """
    The SDK's requests over connections of ours, which stay open between two invocations.

    The SDK would bring `requests`: a fourteenth of a cold start, and most of a warm request's CPU.
    """

    name = "receivable"

    def __init__(self) -> None:
        """Open nothing yet."""
        super().__init__()
        self._pools: dict[str, Pool] = {}

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send one request as the SDK asks for it; raise its APIConnectionError without answer."""
        scheme, _, rest = url.partition("://")
        host, slash, path = rest.partition("/")
        # The SDK writes the brackets of its parameters as they are; in an address they are escaped.
        path = path.replace("[", "%5B").replace("]", "%5D")
        address = f"{scheme}://{host}"
        pool = self._pools.get(address) or self._pools.setdefault(address, Pool(address, _tls))
        body = post_data.encode() if isinstance(post_data, str) else (post_data or b"")
        try:
            reply = pool.send(
                method.upper(),
                f"{slash or '/'}{path}",
                {**(headers or {}), "Host": host},
                body,
                connect_s=CONNECT_TIMEOUT_S,
                read_s=lambda: READ_TIMEOUT_S,
            )
        except NoAnswer as none:
            told = f"Stripe did not answer: {none.reason}."
            raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]
                told, should_retry=none.again
            ) from None
        return reply.content.decode(), reply.status, reply.headers

    def close(self) -> None:
        """Close the connections that wait for another request."""
        for pool in self._pools.values():
            pool.close()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=stripe.ca_bundle_path)


def connections() -> Connections:
    """Return the HTTP client to Stripe, with limits that fit into one request of ours."""
    if has_proxy():
        return stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S))
    return Connected()


class Transport:
    """Requests to one Stripe account through one key."""

    def __init__(
        self,
        secret_key: str,
        *,
        api_base: str,
        http_client: Connections,
        stripe_account: str | None = None,
    ) -> None:
        """Make a client of its own: nothing about a merchant is ever global."""
        bases = {"api": api_base, "connect": api_base, "files": api_base} if api_base else None
        self._open = partial(
            stripe.StripeClient,
            stripe_account=stripe_account,
            stripe_version=API_VERSION,
            base_addresses=bases,  # type: ignore[arg-type]
            http_client=http_client,
            max_network_retries=RETRIES,
        )
        self._client = self._open(secret_key)
        self._owner: Owner | None = None

    def watched_by(self, owner: Owner) -> Self:
        """Return this transport with an owner of its key."""
        watched = copy(self)
        watched._owner = owner  # noqa: SLF001 - it is one of us
        return watched

    def _read(self, kind: type[T], path: str, params: Mapping[str, Any]) -> T:
        return kind.model_validate(self._request("get", path, params))

    def _write(self, kind: type[T], path: str, params: Mapping[str, Any], key: str) -> T:
        return kind.model_validate(self._request("post", path, params, key))

    def _page(
        self, kind: type[T], path: str, wanted: Mapping[str, Any], after: str | None
    ) -> tuple[list[T], str | None]:
        """Return a page of a list, newest first, and the next cursor."""
        params = {**wanted, "limit": PAGE, "starting_after": after}
        page = self._request("get", path, params)
        found = page["data"]
        following = found[-1]["id"] if page["has_more"] and found else None
        return [kind.model_validate(entry) for entry in found], following

    def _delete(self, path: str) -> None:
        """Delete the object at a path; one that is gone already counts as deleted."""
        try:
            self._request("delete", path, {})
        except StripeRequestRefused as refusal:
            if refusal.members.get("stripe_code") != "resource_missing":
                raise

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        key: str | None = None,
        **options: Any,
    ) -> Any:
        return self._respond(method, path, params, key, **options).data

    def _respond(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        key: str | None = None,
        **options: Any,
    ) -> Any:
        sent = {name: value for name, value in params.items() if value is not None}
        options |= {"idempotency_key": key} if key else {}
        try:
            return self._send(method, path, sent, options)
        except stripe.StripeError as error:
            self._tell(error)
            self._refuse(method, error)

    def _send(
        self, method: str, path: str, sent: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Any:
        """
        Send a request; if Stripe refuses the key, send it again with a newer key, if there is one.

        The first request did nothing, and the second has the same idempotency key.
        """
        try:
            return self._ask(method, path, sent, options)
        except stripe.AuthenticationError:
            key = self._owner.renewed() if self._owner else None
            if not key:
                raise
        self._client = self._open(key)
        for upload in sent.values():
            if isinstance(upload, Upload):
                upload.seek(0)
        return self._ask(method, path, sent, options)

    def _ask(
        self, method: str, path: str, sent: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Any:
        """Send one request as the SDK's `raw_request` does, which drops a parameter `usage`."""
        requestor: Any = self._client._requestor  # noqa: SLF001 - nothing public takes them apart
        mode = "V2" if path.startswith("/v2/") else "V1"
        given = dict(options)
        base = given.pop("base", "api")
        body, status, headers = requestor.request_raw(
            method, path, params=dict(sent), options=given, base_address=base, api_mode=mode
        )
        return requestor._interpret_response(body, status, headers, mode)  # noqa: SLF001

    def _refuse(self, method: str, error: SdkError) -> NoReturn:
        """Raise our error for a refusal."""
        refuse(method, error)

    def _tell(self, error: stripe.StripeError) -> None:
        """Tell the key's owner of a refusal that only they can mend."""
        if not self._owner:
            return
        if isinstance(error, stripe.AuthenticationError) or code_of(error) == ACCESS_LOST:
            self._owner.refused()
        elif isinstance(error, stripe.PermissionError):
            self._owner.not_permitted()


class Id(Value):
    """The id of what was made."""

    id: str


def window(since: datetime, until: datetime) -> dict[str, int]:
    """Return the parameters that limit a list to things made in a period."""
    return {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
