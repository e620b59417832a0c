"""Lambda, its environments, the queues and the schedules: who runs when, and who has to wait."""

import importlib.util
import json
import sys
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from payments.doors.doors import Doors
from payments.doors.table import Table
from payments.edge import routes
from tests.doubles.invocations import TIMEOUTS_MS, Context, Json, record
from tests.simulation.scheduler import Promise
from tests.simulation.wire import Died, Invocation

FUNCTIONS = Path(__file__).parents[2] / "functions"
EVENTS, RECONCILIATIONS = "events", "reconciliations"
#: As template.yaml has them: the function, seconds of invisibility, messages in a batch.
CONSUMERS = {EVENTS: ("apply_event", 360.0, 10), RECONCILIATIONS: ("reconcile_account", 1800.0, 1)}
RECEIVES_MAX = 5
COLD = 0.1
#: What a caller sees where no answer comes.
LOST = None


@dataclass
class Environment:
    """What Lambda keeps between two invocations: a function's module and its doors."""

    module: ModuleType
    doors: Doors
    table: Table


@dataclass
class Message:
    """One message of a queue."""

    ident: str
    body: str
    visible_at: float
    receives: int = 0


@dataclass
class Waiting:
    """A queue as SQS keeps it."""

    name: str
    messages: dict[str, Message] = field(default_factory=dict)
    dead: list[Message] = field(default_factory=list)


class Modules:
    """A function's file may be loaded several times: two environments share no global."""

    def __init__(self) -> None:
        self._free: dict[str, list[ModuleType]] = {}

    def take(self, function: str) -> ModuleType:
        free = self._free.setdefault(function, [])
        if free:
            module = free.pop()
            if app := getattr(module, "app", None):
                app.context.clear()
            return module
        _forget_routers()
        spec = importlib.util.spec_from_file_location(function, FUNCTIONS / f"{function}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def give_back(self, module: ModuleType) -> None:
        self._free[module.__name__].append(module)


def _forget_routers() -> None:
    """Let the next environment import routers of its own: each points at one app only."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{routes.__name__}.") and hasattr(module, "router"):
            del sys.modules[name]
            delattr(routes, name.rpartition(".")[2])


MODULES = Modules()


class Cloud:
    """The account in which the functions run."""

    def __init__(self, simulation: Any) -> None:
        self._simulation = simulation
        self.scheduler, self.wire = simulation.scheduler, simulation.wire
        self.queues = {name: Waiting(name) for name in CONSUMERS}
        self.sent: list[str] = []
        self._numbers, self._warm = count(1), {}
        self.running: dict[int, Invocation] = {}

    def call(self, function: str, event: Json, *, tenant: str | None = None) -> Any:
        """Invoke a function and wait for its answer, or for the time at which nobody waits."""
        promise = self.start(function, event, tenant=tenant)
        return promise.wait()

    def start(self, function: str, event: Json, *, tenant: str | None = None) -> Promise:
        allowed_ms = TIMEOUTS_MS.get(function, 29_000)
        deadline = self.scheduler.now + allowed_ms / 1000
        begun, number = self.scheduler.now, next(self._numbers)
        invocation = Invocation(function, number, deadline, begun, tenant)
        promise = Promise(self.scheduler)
        self.running[invocation.number] = invocation
        strand = self.scheduler.spawn(
            partial(self._run, invocation, event, Context(allowed_ms), promise)
        )
        strand.invocation = invocation
        self.scheduler.at(deadline, partial(self._time_out, invocation, promise))
        return promise

    def call_now(self, function: str, event: Json) -> Any:
        """Invoke a function from outside: nothing waits, and nothing fails."""
        environment = self._environment(function)
        self._simulation.outside = environment
        result = environment.module.handler(event, Context(TIMEOUTS_MS.get(function, 29_000)))
        self._rest(function, environment)
        return result

    def _run(self, invocation: Invocation, event: Json, context: Context, promise: Promise) -> None:
        invocation.environment = self._environment(invocation.function)
        self.wire.note(f"{invocation.number}:{invocation.function} begins")
        answer: Any = LOST
        try:
            answer = invocation.environment.module.handler(event, context)
            self._rest(invocation.function, invocation.environment)
        except Died:
            answer = LOST
        except Exception as error:  # noqa: BLE001 - Lambda goes on whatever a function raises
            self.wire.note(f"{invocation.number}:{invocation.function} raised {error!r}")
            self._simulation.errors.append(error)
        if answer is LOST:
            MODULES.give_back(invocation.environment.module)
        self.running.pop(invocation.number, None)
        if self.wire.trace is not None:
            self.wire.note(f"{invocation.number}:{invocation.function} ends {_brief(answer)}")
        promise.keep(answer)

    def _time_out(self, invocation: Invocation, promise: Promise) -> None:
        """Stop waiting; the process may be gone, or be frozen and go on later."""
        if promise.is_kept:
            return
        self.wire.faults.counts["timed out"] += 1
        invocation.dead = self.scheduler.random.random() < 0.5
        self.wire.note(f"{invocation.number}:{invocation.function} timed out")
        promise.keep(LOST)

    def _environment(self, function: str) -> Environment:
        warm = self._warm.setdefault(function, [])
        if not warm:
            return self._simulation.environment(MODULES.take(function))
        if self.scheduler.random.random() < COLD:
            return self._simulation.environment(warm.pop().module)
        return warm.pop()

    def _rest(self, function: str, environment: Environment) -> None:
        self._warm.setdefault(function, []).append(environment)

    def close(self) -> None:
        for environments in self._warm.values():
            for environment in environments:
                MODULES.give_back(environment.module)

    # SQS

    def arrive(self, queue: str, body: str, after: float) -> None:
        """Take a message in; it is delivered at least once."""
        self.sent.append(body)
        message = Message(f"m{next(self._numbers)}", body, self.scheduler.now + after)
        self.queues[queue].messages[message.ident] = message
        self.scheduler.at(message.visible_at, partial(self._poll, self.queues[queue]))

    def hide(self, queue: str, receipt: str, seconds: float) -> None:
        """Let a message be seen by nobody for so long; one that is gone is gone."""
        message = self.queues[queue].messages.get(receipt.removeprefix("receipt of "))
        if message:
            message.visible_at = self.scheduler.now + seconds
            self.scheduler.at(message.visible_at, partial(self._poll, self.queues[queue]))

    def _poll(self, queue: Waiting) -> None:
        function, invisible_s, most = CONSUMERS[queue.name]
        now, batch = self.scheduler.now, []
        for message in list(queue.messages.values()):
            if message.visible_at > now or len(batch) == most:
                continue
            message.receives += 1
            if message.receives > RECEIVES_MAX:
                queue.dead.append(queue.messages.pop(message.ident))
                continue
            message.visible_at = now + invisible_s
            self.scheduler.at(message.visible_at, partial(self._poll, queue))
            batch.append(message)
        if batch:
            self.scheduler.spawn(partial(self._deliver, queue, function, batch))

    def _deliver(self, queue: Waiting, function: str, batch: list[Message]) -> None:
        records = [record(json.loads(message.body), message.ident) for message in batch]
        answer = self.call(function, {"Records": records})
        if answer is LOST:
            return
        failed = {entry["itemIdentifier"] for entry in answer["batchItemFailures"]}
        for message in batch:
            if message.ident not in failed and not self.wire.faults.happens("twice"):
                queue.messages.pop(message.ident, None)

    def redrive(self) -> int:
        """Put back what the dead-letter queues hold, as an operator does."""
        moved = 0
        for queue in self.queues.values():
            for message in queue.dead:
                moved += 1
                self.arrive(queue.name, message.body, 0.0)
            queue.dead.clear()
        return moved


def _brief(answer: Any) -> str:
    if isinstance(answer, dict) and "statusCode" in answer:
        return f"{answer['statusCode']} {answer.get('body') or ''}"
    return str(answer)
