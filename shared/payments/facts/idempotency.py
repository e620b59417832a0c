"""An idempotency record answers a repeated request like the first one."""

from datetime import datetime
from typing import Any

from payments.facts.fact import Fact


class IdempotencyRecord(Fact):
    """
    What one key of one route was used for.

    `resource` is the id of the request's outcome. It is chosen before anything happens, so that a
    request that was cut short goes on and does nothing twice. `answer` is there once it is
    finished. `resumed` says that an earlier run may have begun something; `freed`, that none has.
    """

    tenant: str
    route: str
    key: str
    fingerprint: str
    resource: str
    created_at: datetime
    #: While a request works on it: until when, and which request.
    locked_until: datetime | None = None
    owner: str | None = None
    answer: dict[str, Any] | None = None
    freed: bool = False
    resumed: bool = False
    ttl: int
    #: The customer or object of an answer with personal data, by which it is found and erased.
    about: str | None = None
    version: int = 1
