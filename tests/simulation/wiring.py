"""The product's runtime, answered by whichever simulation is running in this process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from logging import Handler, LogRecord, getLogger
from types import ModuleType, SimpleNamespace
from typing import Any

from greenlet import getcurrent
from stripe import _api_requestor, _http_client, _util

from payments.doors import keys
from payments.doors.bus import Bus
from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.mail import Mailer
from payments.doors.outbound import Outbound
from payments.doors.platform import Platform
from payments.doors.queue import Queue
from payments.doors.rows import lists
from payments.doors.secrets import Secrets
from payments.doors.store import Store
from payments.doors.table import Table
from payments.edge import api, batches, bugs, runtime
from tests.doubles.invocations import Json
from tests.simulation.cloud import EVENTS, RECONCILIATIONS, Environment
from tests.simulation.wire import Invocation

#: What an invocation from outside the simulation has left.
PLENTY_S = 300.0
SENDER = "billing@receivable.example"
#: Two shards of due work are as good as eight to find what is wrong, in a quarter of the queries.
SHARDS = {"DUE_SHARDS": 2}


class Log(Handler):
    """Keeps what was logged without writing it: formatting would take longer than the work."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, Json]] = []

    def emit(self, entry: LogRecord) -> None:
        self.lines.append((entry.getMessage(), entry.__dict__))


class Wiring:
    """Answers for the invocation that is running, or for what is done from outside."""

    def __init__(self) -> None:
        self.simulation: Any = None
        self._gateways: dict[str, Gateway] = {}

    def use(self, simulation: Any) -> None:
        self.simulation = simulation
        self._gateways.clear()

    def answers(self) -> Json:
        """What `payments.edge.runtime` is to answer."""
        return {
            "begin": lambda _: None,
            "time_left": self.time_left,
            "now": self._ask("time"),
            "new_id": self._ask("new_id"),
            "table": lambda: self.environment.table,
            "secret_store": lambda: self.environment.doors.secrets,
            "event_queue": lambda: self.environment.doors.events,
            "mailer": lambda: self.environment.doors.mail,
            "reconcile_queue": lambda: self.environment.doors.reconciliations,
            "store": lambda: self.environment.doors.store,
            "doors": lambda: self.environment.doors,
            "gateway": self.gateway,
            "platform": self.platform,
        }

    @property
    def _running(self) -> Invocation | None:
        return getattr(getcurrent(), "invocation", None)

    @property
    def environment(self) -> Environment:
        running = self._running
        return running.environment if running else self.simulation.outside

    def time_left(self) -> float:
        running = self._running
        return running.deadline - self.simulation.scheduler.now if running else PLENTY_S

    def gateway(self, secret_key: str, stripe_account: str | None = None) -> Gateway:
        """A gateway keeps nothing but its key and its transport, so one serves a whole seed."""
        known = f"{secret_key} {stripe_account or ''}"
        if known not in self._gateways:
            self._gateways[known] = Gateway(
                secret_key,
                api_base="",
                http_client=self.simulation.stripe,
                stripe_account=stripe_account,
            )
        return self._gateways[known]

    def platform(self, keys: dict[str, str]) -> Platform:
        return Platform(keys, api_base="", http_client=self.simulation.stripe)

    def sdk_key(self) -> str:
        return str(self.simulation.new_id("sdk"))

    def _ask(self, name: str) -> Callable[..., Any]:
        def ask(*asked: Any) -> Any:
            return getattr(self.simulation, name)(*asked)

        return ask


@contextmanager
def wired(log: Log) -> Iterator[Callable[[Any], None]]:
    """Let the runtime answer for a simulation, and give what says for which one."""
    wiring = Wiring()
    replaced = (
        (runtime, wiring.answers()),
        (keys, SHARDS),
        (lists, SHARDS),
        # Where a bug is costs more to find out than all the rest of a request.
        (bugs, {"traceback": SimpleNamespace(extract_tb=lambda _: [])}),
        (_api_requestor, {"_generate_idempotency_key": wiring.sdk_key}),
        # The SDK waits by our clock, in its transport; even no sleep at all gives the processor
        # away.
        (_http_client, {"time": SimpleNamespace(sleep=lambda _: None, time=lambda: 0.0)}),
        # It words every request and answer for a log that nobody keeps.
        (_util, {"logfmt": lambda _: ""}),
    )
    with ExitStack() as stack:
        for module, new in replaced:
            stack.enter_context(_replaced(module, new))
        stack.enter_context(_logging(log))
        yield wiring.use


@contextmanager
def _replaced(module: ModuleType, answers: Json) -> Iterator[None]:
    before = {name: getattr(module, name) for name in answers}
    for name, answer in answers.items():
        setattr(module, name, answer)
    try:
        yield
    finally:
        for name, answer in before.items():
            setattr(module, name, answer)


@contextmanager
def _logging(log: Log) -> Iterator[None]:
    loggers = {
        id(logger): logger for logger in (api.logger._logger, batches.logger._logger, getLogger())
    }
    before = {name: (logger, list(logger.handlers)) for name, logger in loggers.items()}
    propagates = {name: logger.propagate for name, logger in loggers.items()}
    for logger in loggers.values():
        logger.handlers, logger.propagate = [log], False
    try:
        yield
    finally:
        for name, (logger, handlers) in before.items():
            logger.handlers, logger.propagate = handlers, propagates[name]


def doors(simulation: Any) -> tuple[Table, Doors]:
    """Make an environment's doors, caches and all."""
    wait, draw = simulation.scheduler.pause, simulation.scheduler.random.random
    table = Table(simulation.table, "receivable", sleep=wait, jitter=draw)
    secrets = Secrets(
        lambda: simulation.secrets,
        "sim",
        kms_key="key",
        monotonic=lambda: simulation.scheduler.now,
    )
    made = Doors(
        store=Store(table),
        secrets=secrets,
        stripe=runtime.gateway,
        stripe_platform=runtime.platform,
        events=Queue(lambda: simulation.sqs, EVENTS),
        reconciliations=Queue(lambda: simulation.sqs, RECONCILIATIONS),
        bus=Bus(lambda: None, ""),
        outbound=Outbound(monotonic=lambda: simulation.scheduler.now),
        mail=Mailer(lambda: simulation.post, address=SENDER if simulation.mails else "", events=""),
        now=simulation.time,
        new_id=simulation.new_id,
        time_left=runtime.time_left,
    )
    return table, made
