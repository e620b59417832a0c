"""Hosted pages: how one is answered."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

from local.standin.engine import forms, jobs
from local.standin.engine.call import Call
from local.standin.engine.errors import StandInError
from local.standin.engine.markup import message
from local.standin.engine.messages import Answer, Request, html_answer
from local.standin.engine.routing import PageHandler, find_page

if TYPE_CHECKING:
    from local.standin.engine.world import World

# The browser itself holds the pages to it: no script, nothing from elsewhere, in no frame.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def answer(world: World, request: Request) -> Answer:
    found = find_page(request.method, request.path)
    if found is None:
        result = missing()
    else:
        call = Call(world, "", url=request.path)
        call.path = found[1]
        call.params = {
            **forms.decode(request.query), **forms.decode(request.body.decode("utf-8", "replace"))
        }  # fmt: skip
        result = executed(call, found[0].handler)
    result.headers["Content-Security-Policy"] = POLICY
    result.headers["Cache-Control"] = "no-store"
    return result


def executed(call: Call, handler: PageHandler) -> Answer:
    """End the transaction like a request's; a decline is shown by the page itself."""
    world = call.world
    with world.lock:
        jobs.run_due(world)
        world.store.begin()
        try:
            result = handler(call)
        except StandInError as error:
            world.store.rollback()
            return html_answer(error.http_status, message("That did not work", error.message))
        except Exception:  # noqa: BLE001 - a bug here must not take the thread down
            traceback.print_exc(file=sys.stderr)
            world.store.rollback()
            return html_answer(500, message("Something went wrong", "The stand-in has a bug."))
        world.store.commit()
        world.deliveries.add(call.outbox)
    return result


def missing() -> Answer:
    return html_answer(404, message("Nothing here", "This page does not exist or has expired."))


def field(call: Call, name: str) -> str:
    """Give a form's field as text, whatever a browser sent in its place."""
    value = call.params.get(name)
    return value.strip() if isinstance(value, str) else ""
