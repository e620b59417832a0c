"""Clients of the wire to AWS that ask a server on this machine."""

import ssl
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from payments.doors.aws.services import SERVICES
from payments.doors.aws.signing import Credentials
from payments.doors.aws.wire import Client, Surroundings

REGION = "eu-central-1"
#: For whoever has to close them.
OPENED: list[Client] = []
CREDENTIALS = Credentials("AKEY", "not-a-secret", "a-token")


def wired(
    service: str,
    address: str,
    *,
    tries: int = 3,
    pauses: list[float] | None = None,
    time_left: float = 60.0,
    credentials: Credentials = CREDENTIALS,
    region: str = REGION,
    tls: Any = ssl.create_default_context,
) -> Client:
    """A client that notes its pauses in place of making them."""
    noted: list[float] = [] if pauses is None else pauses
    client = Client(
        SERVICES[service],
        address,
        credentials=credentials,
        region=region,
        around=Surroundings(
            now=lambda: datetime.now(UTC),
            sleep=noted.append,
            jitter=lambda: 1.0,
            new_token=lambda: uuid4().hex,
            time_left=lambda: time_left,
        ),
        tls=tls,
        tries=tries,
    )
    OPENED.append(client)
    return client
