"""The control surface: faults, deliveries, clock, keys and the truth. Open only when asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from local.standin import balance, faults, payouts
from local.standin.access import Restriction
from local.standin.call import Call, scope_of
from local.standin.deliveries import MODES
from local.standin.messages import Answer, Json, Request, json_answer

if TYPE_CHECKING:
    from local.standin.core import StandIn

PREFIX = "/_control/"
RESOURCES = frozenset({
    "payment_intents", "setup_intents", "customers", "payment_methods", "checkout_sessions",
    "charges", "refunds", "balance", "balance_transactions", "events", "webhook_endpoints",
    "disputes", "payouts",
})  # fmt: skip


class BadCommand(Exception):
    """The command cannot be understood; the message says why."""


def answer(standin: StandIn, request: Request) -> Answer:
    if not standin.control:
        return json_answer(404, {"error": "The control surface is closed: start with --control."})
    command = COMMANDS.get((request.method, request.path.removeprefix(PREFIX)))
    if command is None:
        known = sorted(f"{method} {PREFIX}{name}" for method, name in COMMANDS)
        return json_answer(404, {"error": "No such command.", "commands": known})
    try:
        content = parameters_of(request)
        return json_answer(200, command(standin, content))
    except (BadCommand, KeyError, TypeError, ValueError) as error:
        reason = f"missing {error}" if isinstance(error, KeyError) else str(error)
        return json_answer(400, {"error": reason})


def parameters_of(request: Request) -> Json:
    if request.method == "GET":
        return {name: values[0] for name, values in parse_qs(request.query).items()}
    content = json.loads(request.body or b"{}")
    if not isinstance(content, dict):
        raise BadCommand("Send a JSON object.")
    return content


def one_of(value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise BadCommand(f"{value!r} is none of {', '.join(allowed)}")
    return str(value)


def add_fault(standin: StandIn, content: Json) -> Json:
    fault = faults.Fault(
        method=str(content.get("method", "*")).upper(), path=str(content.get("path", "*")),
        kind=one_of(str(content["kind"]), faults.KINDS), times=int(content.get("times", 1)),
        delay_s=float(content.get("delay_s", faults.DELAY_S)),
    )  # fmt: skip
    standin.faults.add(fault)
    return {"added": vars(fault)}


def clear_faults(standin: StandIn, _content: Json) -> Json:
    standin.faults.clear()
    return {"cleared": True}


def set_webhooks(standin: StandIn, content: Json) -> Json:
    standin.deliveries.set_mode(one_of(content["mode"], MODES))
    return {"mode": standin.deliveries.mode, "pending": standin.deliveries.pending()}


def show_webhooks(standin: StandIn, _content: Json) -> Json:
    return {"mode": standin.deliveries.mode, "pending": standin.deliveries.pending()}


def advance_clock(standin: StandIn, content: Json) -> Json:
    seconds = float(content["advance_s"])
    if seconds < 0:
        raise BadCommand("The clock goes forward only.")
    standin.clock.advance(seconds)
    standin.run_jobs()
    standin.deliveries.wake()
    return {"now": int(standin.clock.now())}


def is_permission(name: str) -> bool:
    resource, _, verb = name.partition(".")
    return resource in RESOURCES and verb in {"read", "write"}


def restrict_key(standin: StandIn, content: Json) -> Json:
    allow = content.get("allow")
    unknown = sorted(name for name in allow or [] if not is_permission(name))
    if unknown:
        raise BadCommand(
            f"{', '.join(unknown)}: a permission is <resource>.<read|write> with a resource of "
            f"{', '.join(sorted(RESOURCES))}"
        )
    standin.restrictions[str(content["key"])] = Restriction(
        None if allow is None else frozenset(allow), bool(content.get("revoked"))
    )
    return {"allow": allow, "revoked": bool(content.get("revoked"))}


def tell_truth(standin: StandIn, content: Json) -> Json:
    """All of an account's money, oldest first, without pages."""
    scope = scope_of(content["account"], livemode=content.get("livemode") in {"1", "true", True})
    with standin.lock:
        standin.run_jobs()
        kinds = {
            "charges": "charge", "refunds": "refund", "disputes": "dispute",
            "balance_transactions": "balance_transaction", "payment_intents": "payment_intent",
            "payouts": "payout", "events": "event",
        }  # fmt: skip
        truth: Json = {
            name: standin.store.select(scope, kind, ascending=True) for name, kind in kinds.items()
        }
        truth["balance"] = balance.current(Call(standin, scope))
    return truth


def pay_out(standin: StandIn, content: Json) -> Json:
    """Make the payout that Stripe's schedule would make now."""
    scope = scope_of(content["account"], livemode=bool(content.get("livemode")))
    with standin.lock:
        standin.run_jobs()
        call = Call(standin, scope)
        standin.store.begin()
        payout = payouts.pay_out_everything(call, str(content.get("currency", "usd")))
        standin.store.commit()
        standin.deliveries.add(call.outbox)
    return {"payout": payout}


def reset(standin: StandIn, _content: Json) -> Json:
    standin.reset()
    return {"reset": True}


Command = Callable[["StandIn", Json], Json]
COMMANDS: dict[tuple[str, str], Command] = {
    ("POST", "faults"): add_fault,
    ("DELETE", "faults"): clear_faults,
    ("POST", "webhooks"): set_webhooks,
    ("GET", "webhooks"): show_webhooks,
    ("POST", "clock"): advance_clock,
    ("POST", "keys"): restrict_key,
    ("GET", "truth"): tell_truth,
    ("POST", "payouts"): pay_out,
    ("POST", "reset"): reset,
}
