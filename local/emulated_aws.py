"""The emulated AWS as a process of its own, in its own environment."""

import http.server

from local.leash import end_with_parent

SCHEDULE_TICK_S = 1

if __name__ == "__main__":
    end_with_parent()
    from ministack import app  # type: ignore[import-not-found]
    from ministack.services import scheduler  # type: ignore[import-not-found]

    # Schedules are looked at every 10 s by default: too long to watch.
    scheduler._SCHEDULE_TICK_INTERVAL = SCHEDULE_TICK_S  # noqa: SLF001 - no setting exists for it
    # Without it every invocation waits 40 ms for an acknowledgement.
    http.server.BaseHTTPRequestHandler.disable_nagle_algorithm = True
    app.main()
