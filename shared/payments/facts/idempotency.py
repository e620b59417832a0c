"""An idempotency record answers a repeated request as the first one was answered."""

from datetime import datetime
from typing import Any

from payments.facts.fact import Fact


class IdempotencyRecord(Fact):
    """
    What one key of one route was used for.

    `resource` is the id that the request's outcome has, chosen before anything happens, so that a
    request that was cut short is resumed and not done again. `answer` is there once it is finished.
    `resumed` says that an earlier run may have begun something; `freed`, that none has.
    """

    tenant: str
    route: str
    key: str
    fingerprint: str
    resource: str
    created_at: datetime
    #: While a request works under it: until when, and which.
    locked_until: datetime | None = None
    owner: str | None = None
    answer: dict[str, Any] | None = None
    freed: bool = False
    resumed: bool = False
    ttl: int
    #: Under which customer or object an answer that tells of a person is found, to be erased.
    about: str | None = None
    version: int = 1
