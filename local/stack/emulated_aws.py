"""The emulated AWS as a process of its own, in its own environment."""

import http.server
import json
import os
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from local.stack.leash import end_with_parent

SCHEDULE_TICK_S = 1
#: AWS starts as many environments as are asked for, and its machines bear them. This machine bears
#: only so many of each function; a request beyond that waits for one of them, as for a cold start.
ENVIRONMENTS = 4 * (os.cpu_count() or 2)
#: API Gateway gives up after 30 seconds.
WAIT_S = 28
#: Which services fail, and with which error: the file that `FAULTS_FILE` names says so.
FAILING = {"dynamodb": "Throughput exceeds the current capacity.", "secretsmanager": "No answer."}

Handler = Callable[..., Awaitable[Any]]


def wait_for_places(module: Any, most: int) -> None:
    """Let an invocation wait while its function has so many environments at work."""
    free = threading.Condition()
    take, give_back = module._acquire_execution_slot, module._release_execution_slot  # noqa: SLF001 - no setting exists for it

    def acquire(function: Any, config: Any) -> Any:
        key = module._inflight_key(config)  # noqa: SLF001 - as above
        with free:
            free.wait_for(lambda: module._inflight.get(key, 0) < most, WAIT_S)  # noqa: SLF001 - as above
            return take(function, config)

    def release(key: Any) -> None:
        with free:
            give_back(key)
            free.notify_all()

    module._acquire_execution_slot, module._release_execution_slot = acquire, release  # noqa: SLF001 - as above


def said(file: Path) -> dict[str, str]:
    """Return which services are to fail, and how."""
    return dict(json.loads(file.read_text())) if file.exists() else {}


def failing(name: str, handle: Handler, refuse: Callable[..., Any], file: Path) -> Handler:
    """Return a service's handler that fails while the file says so."""

    async def answer(*request: Any) -> Any:
        code = said(file).get(name)
        return refuse(code, FAILING[name], 400) if code else await handle(*request)

    return answer


if __name__ == "__main__":
    end_with_parent()
    from ministack import app  # type: ignore[import-not-found]
    from ministack.core.responses import error_response_json  # type: ignore[import-not-found]
    from ministack.services import (  # type: ignore[import-not-found]
        dynamodb,
        eventbridge,
        lambda_svc,
        scheduler,
        secretsmanager,
    )

    # Schedules are looked at every 10 s by default: too long to watch.
    scheduler._SCHEDULE_TICK_INTERVAL = SCHEDULE_TICK_S  # noqa: SLF001 - no setting exists for it
    # Here the local stack speaks for AWS's own services: SES reports its bounces so.
    eventbridge._put_events = partial(  # noqa: SLF001 - as above
        eventbridge._put_events,  # noqa: SLF001 - as above
        allow_aws_source=True,
    )
    wait_for_places(lambda_svc, ENVIRONMENTS)
    for module, name in ((dynamodb, "dynamodb"), (secretsmanager, "secretsmanager")):
        faults = Path(os.environ["FAULTS_FILE"])
        module.handle_request = failing(name, module.handle_request, error_response_json, faults)
    # Without it every invocation waits 40 ms for an acknowledgement.
    http.server.BaseHTTPRequestHandler.disable_nagle_algorithm = True
    app.main()
