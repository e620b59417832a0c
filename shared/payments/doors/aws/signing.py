"""
Sign a request to AWS by Signature Version 4.

The rule: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

Each request here is a POST of a body to a fixed path without a query.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The key that Lambda gives a function's role; a person's own key has an empty `token`."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a signature is valid."""

    region: str
    service: str


def signed(
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    scope: Scope,
    at: datetime,
) -> dict[str, str]:
    """
    Return `headers` with the time, the role's token and the signature.

    `headers` have lower-case names and include `host`; `at` is in UTC.
    """
    moment = at.strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "x-amz-date": moment}
    if credentials.token:
        sent["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(sent))
    lines = "".join(f"{name}:{' '.join(sent[name].split())}\n" for name in sorted(sent))
    request = f"POST\n{path}\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
    day = moment[:8]
    place = f"{day}/{scope.region}/{scope.service}/aws4_request"
    text = f"{ALGORITHM}\n{moment}\n{place}\n{sha256(request.encode()).hexdigest()}"
    key = _key(credentials.secret, day, scope.region, scope.service)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    sent["authorization"] = (
        f"{ALGORITHM} Credential={credentials.key_id}/{place},"
        f" SignedHeaders={names}, Signature={signature}"
    )
    return sent


@lru_cache(maxsize=16)
def _key(secret: str, day: str, region: str, service: str) -> bytes:
    """Return the signing key of one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
