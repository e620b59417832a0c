"""AWS fails: what passes is told as that, and no try of anybody outlasts the function."""

import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest

from payments.doors import outages
from payments.doors.aws.answers import AwsFailed, Refused, Unanswered
from payments.doors.aws.services import SERVICES
from payments.doors.aws.wire import Client, Surroundings, in_time
from payments.doors.https import NoAnswer, Pool, Reply
from payments.doors.queue import Queue
from payments.doors.secrets import Secrets
from payments.doors.table import Put, Table
from payments.errors import AwsUnavailable
from tests.doubles.invocations import TIMEOUTS_MS
from tests.doubles.wire import CREDENTIALS, REGION
from tests.payments.examples import NOW

ROW = {"pk": "a", "sk": "s", "version": 1}


@pytest.mark.parametrize(
    "error",
    [
        Refused("ProvisionedThroughputExceededException"),
        Refused("ThrottlingException"),
        Refused("RequestLimitExceeded"),
        Refused("TransactionConflictException"),
        Refused("OverLimit", status=403),
        Refused("KmsThrottled"),
        Refused("InternalServiceError", status=500),
        Refused("Whatever", status=503),
        Refused("Whatever", status=507),
        Refused("Whatever", status=429),
        Unanswered("not_reached", sent=False),
        Unanswered("timeout", sent=True),
        Unanswered("no_time", sent=False),
    ],
    ids=str,
)
def test_what_passes_is_told_as_that(error: AwsFailed) -> None:
    with pytest.raises(AwsUnavailable) as told, outages.told():
        raise error

    assert (told.value.status, told.value.retryable) == (503, True)
    assert int(told.value.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "code",
    ["AccessDeniedException", "ValidationException", "ResourceNotFoundException",
     "ConditionalCheckFailedException", "TransactionCanceledException"],
)  # fmt: skip
def test_a_mistake_of_ours_is_still_one(code: str) -> None:
    with pytest.raises(Refused, match=code), outages.told():
        raise Refused(code)


class Clock:
    """Time passes only where somebody waits."""

    def __init__(self, allowed_s: float) -> None:
        self.at, self.allowed_s = 0.0, allowed_s

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def left(self) -> float:
        return self.allowed_s - self.at


def hang() -> Any:
    raise NoAnswer("timeout", sent=True)


def say(code: str, status: int = 400) -> Callable[[], Any]:
    def answered() -> Any:
        reasons = [{"Code": "TransactionConflict"}]
        raise Refused(code, status=status, answer={"CancellationReasons": reasons})

    return answered


FAULTS: dict[str, Callable[[], Any]] = {
    "hangs": hang,
    "throttles": say("ProvisionedThroughputExceededException"),
    "fails": say("InternalServerError", 500),
    "conflicts": say("TransactionCanceledException"),
}


def works(clock: Clock, fault: Callable[[], Any]) -> dict[str, Callable[[], object]]:
    """Every request to AWS that a function can wait for, over clients that fail."""

    class Slow(Pool):
        """Connections on which everything takes as long as it may."""

        def send(self, *_: Any, connect_s: float, read_s: Callable[[], float]) -> Reply:
            clock.sleep(connect_s)
            clock.sleep(read_s())
            return fault()

    def client(service: str) -> Client:
        around = Surroundings(lambda: NOW, clock.sleep, lambda: 1.0, lambda: "token", clock.left)
        made = Client(
            SERVICES[service], "https://aws.example", credentials=CREDENTIALS, region=REGION,
            around=around, tls=ssl.create_default_context, tries=3,
        )  # fmt: skip
        made._pool = Slow("https://aws.example", ssl.create_default_context)
        return made

    table = Table(
        client("dynamodb"), "t", sleep=in_time(clock.sleep, clock.left), jitter=lambda: 1.0
    )
    vault = Secrets(lambda: client("secretsmanager"), "t", kms_key="k", monotonic=time.monotonic)
    return {
        "get": lambda: table.get("a", "s"),
        "get many": lambda: table.get_many([("a", "s")]),
        "put": lambda: table.put(ROW),
        "transact": lambda: table.transact(Put(ROW), Put(ROW | {"sk": "t"})),
        "query": lambda: list(table.query("a")),
        "list": lambda: table.page("l", None, {}, 9),
        "secret": lambda: vault.keys("t", "a", "test"),
        "new secret": lambda: vault.put_keys("t", "a", "test", {}),
        "queue": lambda: Queue(lambda: client("sqs"), "https://sqs.example/1/q").send({}),
    }


@pytest.mark.parametrize("timeout_s", sorted({29.0, *(ms / 1000 for ms in TIMEOUTS_MS.values())}))
@pytest.mark.parametrize("fault", FAULTS)
def test_no_sum_of_tries_and_pauses_outlasts_the_function(fault: str, timeout_s: float) -> None:
    """Whatever the wire and the table try again, one request after the other, to the end."""
    for name in works(Clock(0), FAULTS[fault]):
        clock = Clock(timeout_s)
        work = works(clock, FAULTS[fault])[name]
        for _ in range(400):
            try:
                work()
            except (AwsUnavailable, AwsFailed):
                pass
            except Exception as error:  # noqa: BLE001 - only its name is of interest
                assert type(error).__name__ == "Contended"  # noqa: PT017
            if clock.left() <= 0.5:
                break
        assert clock.left() >= 0, name
