"""
botocore behind the same calls and the same errors, for what the own wire leaves out.

It knows every way to credentials, proxies, and FIPS or dual-stack addresses.
"""

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


def make(service: str, tries: int) -> Translated:
    """Return a client of `service` that tries so often."""
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": tries},
        user_agent="receivable",
        parameter_validation=False,
    )
    return Translated(_session().create_client(service, config=config))


@cache
def _session() -> Any:
    return botocore.session.get_session()
