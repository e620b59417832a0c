"""Work that the clock makes due: it runs in a transaction of its own, before the next request."""

from __future__ import annotations

import sys
import traceback

from local.standin.engine.call import Call
from local.standin.engine.routing import JOBS
from local.standin.engine.world import World


def run_due(world: World) -> None:
    with world.lock:
        while job := world.store.take_job(world.clock.now()):
            call = Call(world, job.scope)
            world.store.begin()
            try:
                JOBS[job.name](call, job.argument)
            except Exception:  # noqa: BLE001 - no request is to fail for a job's bug
                traceback.print_exc(file=sys.stderr)
                world.store.rollback()
                continue
            world.store.commit()
            world.deliveries.add(call.outbox)
