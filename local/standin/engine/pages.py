"""Hosted pages: how a page is answered, and what every page looks like."""

from __future__ import annotations

import sys
import traceback
from html import escape
from typing import TYPE_CHECKING

from local.standin.engine import forms, jobs
from local.standin.engine.call import Call
from local.standin.engine.errors import StandInError
from local.standin.engine.messages import Answer, Request, html_answer
from local.standin.engine.routing import find_page

if TYPE_CHECKING:
    from local.standin.engine.world import World

STYLE = """
*{box-sizing:border-box}body{margin:0;background:#f5f6f8;color:#1c2333;
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:26rem;margin:6vh auto;padding:2rem;background:#fff;border-radius:14px;
box-shadow:0 1px 3px #0002,0 12px 32px #0001}
.standin{margin:-.75rem 0 1.25rem;padding:.4rem .8rem;border-radius:8px;background:#fff4d6;
color:#6b4e00;font-size:.82rem}
h1{margin:0;font-size:1rem;font-weight:500;color:#596079}
.amount{margin:.1rem 0 1.2rem;font-size:2.1rem;font-weight:650;letter-spacing:-.02em}
ul{margin:0 0 1.2rem;padding:0;list-style:none;border-top:1px solid #e6e8ee}
li{display:flex;justify-content:space-between;gap:1rem;padding:.55rem 0;
border-bottom:1px solid #e6e8ee;font-size:.93rem}
label{display:block;margin:0 0 .9rem;font-size:.85rem;color:#596079}
select,input{display:block;width:100%;margin-top:.3rem;padding:.65rem .7rem;font:inherit;
color:#1c2333;background:#fff;border:1px solid #cfd4e0;border-radius:8px}
button{width:100%;padding:.8rem;font:inherit;font-weight:600;color:#fff;background:#3550d4;border:0;
border-radius:8px;cursor:pointer}button:hover{background:#2a41b3}
button.plain{margin-top:.6rem;color:#3550d4;background:#eef1fd}
.error{margin:0 0 1rem;padding:.6rem .8rem;border-radius:8px;background:#fdecec;color:#9b1c1c}
a{color:#3550d4}.back{display:block;margin-top:1.1rem;text-align:center;font-size:.9rem}
@media(max-width:30rem){main{margin:0;min-height:100vh;border-radius:0}}
"""
NOTICE = "This is a stand-in for Stripe on this machine. No money moves and no card is charged."


def answer(world: World, request: Request) -> Answer:
    """End a page's transaction like a request's; a decline is shown by the page itself."""
    found = find_page(request.method, request.path)
    if found is None:
        return missing()
    entry, names = found
    with world.lock:
        jobs.run_due(world)
        call = Call(world, "", url=request.path)
        call.path = names
        call.params = {
            **forms.decode(request.query), **forms.decode(request.body.decode("utf-8", "replace"))
        }  # fmt: skip
        world.store.begin()
        try:
            result = entry.handler(call)
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


def whole(title: str, content: str) -> str:
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f"<p class=standin>{NOTICE}</p>{content}</main></body></html>"
    )


def message(title: str, text: str) -> str:
    return whole(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>")


def error_box(text: str | None) -> str:
    return f"<p class=error role=alert>{escape(text)}</p>" if text else ""
