"""The emulated AWS as a process of its own, in its own environment."""

import http.server
from functools import partial

from local.stack.leash import end_with_parent

SCHEDULE_TICK_S = 1

if __name__ == "__main__":
    end_with_parent()
    from ministack import app  # type: ignore[import-not-found]
    from ministack.services import (  # type: ignore[import-not-found]
        eventbridge,
        scheduler,
    )

    # Schedules are looked at every 10 s by default: too long to watch.
    scheduler._SCHEDULE_TICK_INTERVAL = SCHEDULE_TICK_S  # noqa: SLF001 - no setting exists for it
    # Here the local stack speaks for AWS's own services: SES reports its bounces so.
    eventbridge._put_events = partial(  # noqa: SLF001 - as above
        eventbridge._put_events,  # noqa: SLF001 - as above
        allow_aws_source=True,
    )
    # Without it every invocation waits 40 ms for an acknowledgement.
    http.server.BaseHTTPRequestHandler.disable_nagle_algorithm = True
    app.main()
