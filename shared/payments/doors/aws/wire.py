"""
The wire to one AWS service over HTTPS: sign a request, send it, retry it, read the answer.

botocore spends two thirds of a warm request and a third of a cold start on things that these few
operations do not need. docs/decisions.md has the figures, and says when botocore itself is used.
"""

import json
import ssl
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from payments.doors.aws.answers import AwsFailed, Refused, Unanswered
from payments.doors.aws.services import Json, Operation, Service
from payments.doors.aws.signing import Credentials, Scope, signed
from payments.doors.https import NoAnswer, Pool, Reply

CONNECT_S, READ_S = 2.0, 5.0
#: What an invocation keeps for its own answer: a request that could not end before that is not
#: sent.
RESERVED_S = 0.5
PAUSE_S, PAUSE_MAX_S = 0.25, 2.0
_SUCCESS, _FAILING = range(200, 300), frozenset({408, 429, *range(500, 600)})
#: Refusals that pass by themselves, by the names in botocore's standard retries.
PASSING = frozenset(
    {"BandwidthLimitExceeded", "InternalFailure", "InternalServerError", "InternalServiceError",
     "LimitExceededException", "PriorRequestNotComplete", "ProvisionedThroughputExceededException",
     "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "RequestTimeout",
     "RequestTimeoutException", "ServiceUnavailable", "SlowDown", "ThrottledException",
     "Throttling", "ThrottlingException", "TooManyRequestsException",
     "TransactionConflictException", "TransactionInProgressException",
     # Other services' words, and those of the key that they encrypt with.
     "InternalServiceErrorException", "InternalException", "ServiceUnavailableException",
     "OverLimit", "KmsThrottled", "KMSThrottlingException", "KMS.ThrottlingException"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a client takes from its function: clock, pauses, chance, and the time that is left."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    jitter: Callable[[], float]
    new_token: Callable[[], str]
    time_left: Callable[[], float]


class Client:
    """
    A service's operations, named and called as in botocore's client.

    Each returns the answer's members. Raise Refused where AWS answers with an error, and Unanswered
    where no answer came after at most `tries` tries.
    """

    def __init__(
        self,
        service: Service,
        address: str,
        *,
        credentials: Credentials,
        region: str,
        around: Surroundings,
        tls: Callable[[], ssl.SSLContext],
        tries: int,
    ) -> None:
        """Keep all of it; nothing is opened before the first request."""
        self._service, self._around, self._tries = service, around, tries
        self._credentials, self._scope = credentials, Scope(region, service.scope)
        self._pool = Pool(address, tls)

    def __getattr__(self, name: str) -> Any:
        """Return the operation with that name, and store it as an attribute."""
        operation = self._service.operations.get(name)
        if operation is None:
            raise AttributeError(name)
        call = partial(self._call, operation)
        setattr(self, name, call)
        return call

    def close(self) -> None:
        """Close the connections that wait for another request."""
        self._pool.close()

    def _call(self, operation: Operation, **request: Any) -> Json:
        if operation.once:
            request.setdefault(operation.once, self._around.new_token())
        if self._service.encode:
            request = self._service.encode(request)
        body = json.dumps(request, separators=(",", ":")).encode()
        for tried in range(1, self._tries + 1):
            try:
                return self._send(operation, body)
            except AwsFailed as error:
                if tried == self._tries or not may_pass(error) or not self._has_time():
                    raise
            pause = min(PAUSE_MAX_S, PAUSE_S * 2 ** (tried - 1)) * self._around.jitter()
            in_time(self._around.sleep, self._around.time_left)(pause)
        raise AssertionError

    def _has_time(self) -> bool:
        return self._around.time_left() > RESERVED_S

    def _send(self, operation: Operation, body: bytes) -> Json:
        patience_s = min(READ_S, self._around.time_left() - RESERVED_S)
        if patience_s <= 0:
            raise Unanswered("no_time", sent=False)
        headers = self._headers(operation, body)
        try:
            reply = self._pool.send(
                "POST",
                self._service.path,
                headers,
                body,
                connect_s=min(CONNECT_S, patience_s),
                # To connect has taken of the time that there is.
                read_s=lambda: max(0.001, min(patience_s, self._around.time_left() - RESERVED_S)),
            )
        except NoAnswer as none:
            raise Unanswered(none.reason, sent=none.sent) from None
        return self._read(reply)

    def _headers(self, operation: Operation, body: bytes) -> dict[str, str]:
        service = self._service
        headers = {
            "host": self._pool.host,
            "content-type": f"application/x-amz-json-{service.version}"
            if service.version
            else "application/json",
        }
        if service.target:
            headers["x-amz-target"] = f"{service.target}{operation.name}"
        sent = signed(
            service.path,
            headers,
            body,
            credentials=self._credentials,
            scope=self._scope,
            at=self._around.now(),
        )
        return {**sent, "user-agent": "receivable"}

    def _read(self, reply: Reply) -> Json:
        total = reply.headers.get("x-amz-crc32") if self._service.checks_sum else None
        if total is not None and total != str(zlib.crc32(reply.content)):
            raise Unanswered("damaged", sent=True)
        try:
            members = json.loads(reply.content) if reply.content else {}
        except ValueError:
            members = None
        if reply.status in _SUCCESS:
            if not isinstance(members, dict):
                raise Unanswered("unreadable", sent=True)
            return members
        told = members if isinstance(members, dict) else {}
        raise Refused(_code(reply, told), status=reply.status, answer=told)


def in_time(
    sleep: Callable[[float], None], time_left: Callable[[], float]
) -> Callable[[float], None]:
    """Return a pause that ends before the invocation does."""
    return lambda seconds: sleep(max(0.0, min(seconds, time_left() - RESERVED_S)))


def _code(reply: Reply, told: Json) -> str:
    """Return the name of an error, without the namespace and the address around it."""
    named = reply.headers.get("x-amzn-errortype") or told.get("__type") or told.get("code")
    return str(named or reply.status).partition(":")[0].rpartition("#")[2]


def may_pass(error: AwsFailed) -> bool:
    """Say whether the same request may succeed in a moment."""
    if isinstance(error, Refused):
        return error.status in _FAILING or error.code in PASSING
    return True
