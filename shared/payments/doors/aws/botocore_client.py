"""
botocore with the calls and errors of our own wire, for what that wire leaves out.

It knows every source of credentials, proxies, and FIPS or dual-stack addresses.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
)

from payments.doors.aws.answers import Refused, Unanswered
from payments.doors.aws.wire import CONNECT_S, READ_S, RESERVED_S

_NOT_SENT = (
    ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ProxyConnectionError
)  # fmt: skip


class Translated:
    """A botocore client whose failures are Refused or Unanswered."""

    def __init__(self, client: Any) -> None:
        """Keep the client."""
        self._client = client

    def __getattr__(self, name: str) -> Any:
        """Return the operation of that name."""
        method = getattr(self._client, name)

        def call(**request: Any) -> Any:
            try:
                return method(**request)
            except ClientError as error:
                raise _refused(error) from None
            except BotoCoreError as error:
                raise Unanswered(
                    type(error).__name__, sent=not isinstance(error, _NOT_SENT)
                ) from None

        return call


def _refused(error: ClientError) -> Refused:
    told = error.response
    status = told.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return Refused(str(told["Error"]["Code"]), status=status, answer=dict(told))


def make(service: str, tries: int, time_left: Callable[[], float]) -> Translated:
    """Return a client of `service` that tries up to `tries` times, each within the time left."""
    config = Config(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        retries={"mode": "standard", "total_max_attempts": tries},
        user_agent="receivable",
        parameter_validation=False,
    )
    client = _session().create_client(service, config=config)

    def begin_in_time(**_: Any) -> None:
        if time_left() < CONNECT_S + READ_S + RESERVED_S:
            raise Unanswered("no_time", sent=False)

    def end_in_time(caught_exception: Exception | None, **_: Any) -> None:
        # The library would sleep first, and then begin nothing.
        if caught_exception and time_left() < CONNECT_S + READ_S + RESERVED_S:
            raise caught_exception

    client.meta.events.register("before-send", begin_in_time)
    client.meta.events.register_first("needs-retry", end_in_time)
    return Translated(client)


@cache
def _session() -> Any:
    return botocore.session.get_session()
