"""The control surface: faults, deliveries, clock, keys and the truth. Open only when asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from local.standin.connect import connections, standing
from local.standin.connect.accounts import account_object
from local.standin.engine import faults, jobs
from local.standin.engine.access import Restriction
from local.standin.engine.call import Call
from local.standin.engine.deliveries import MODES
from local.standin.engine.limits import Limits
from local.standin.engine.messages import Answer, Json, Request, json_answer
from local.standin.engine.scopes import scope_of
from local.standin.engine.settling import Settling
from local.standin.funds import balance, payouts
from local.standin.funds.currencies import ALL
from local.standin.payments import disputes

if TYPE_CHECKING:
    from local.standin.engine.world import World

PREFIX = "/_control/"
RESOURCES = frozenset({
    "payment_intents", "setup_intents", "customers", "payment_methods", "checkout_sessions",
    "charges", "refunds", "balance", "balance_transactions", "events", "webhook_endpoints",
    "disputes", "files", "payouts", "radar", "reviews", "setup_attempts",
    "tokens",
})  # fmt: skip


class BadCommand(Exception):
    """The command cannot be understood; the message says why."""


def answer(world: World, request: Request) -> Answer:
    command = COMMANDS.get((request.method, request.path.removeprefix(PREFIX)))
    if command is None:
        known = sorted(f"{method} {PREFIX}{name}" for method, name in COMMANDS)
        return json_answer(404, {"error": "No such command.", "commands": known})
    try:
        content = parameters_of(request)
        return json_answer(200, command(world, content))
    except (BadCommand, KeyError, TypeError, ValueError) as error:
        reason = f"missing {error}" if isinstance(error, KeyError) else str(error)
        return json_answer(400, {"error": reason})


def closed() -> Answer:
    return json_answer(404, {"error": "The control surface is closed: start with --control."})


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


def add_fault(world: World, content: Json) -> Json:
    fault = faults.Fault(
        method=str(content.get("method", "*")).upper(), path=str(content.get("path", "*")),
        kind=one_of(str(content["kind"]), faults.KINDS), times=int(content.get("times", 1)),
        delay_s=float(content.get("delay_s", faults.DELAY_S)),
    )  # fmt: skip
    world.faults.add(fault)
    return {"added": vars(fault)}


def clear_faults(world: World, _content: Json) -> Json:
    world.faults.clear()
    return {"cleared": True}


def set_limits(world: World, content: Json) -> Json:
    names = ("global_per_s", "endpoint_per_s")
    world.rate.limits = Limits(*(int(content.get(name, 0)) for name in names))
    return world.rate.limits._asdict()


def set_webhooks(world: World, content: Json) -> Json:
    world.deliveries.set_mode(one_of(content["mode"], MODES))
    return {"mode": world.deliveries.mode, "pending": world.deliveries.pending()}


def show_webhooks(world: World, _content: Json) -> Json:
    return {"mode": world.deliveries.mode, "pending": world.deliveries.pending()}


def advance_clock(world: World, content: Json) -> Json:
    seconds = float(content["advance_s"])
    if seconds < 0:
        raise BadCommand("The clock goes forward only.")
    world.clock.advance(seconds)
    jobs.run_due(world)
    world.deliveries.wake()
    return {"now": int(world.clock.now())}


def is_permission(name: str) -> bool:
    resource, _, verb = name.partition(".")
    return resource in RESOURCES and verb in {"read", "write"}


def restrict_key(world: World, content: Json) -> Json:
    allow = content.get("allow")
    unknown = sorted(name for name in allow or [] if not is_permission(name))
    if unknown:
        raise BadCommand(
            f"{', '.join(unknown)}: a permission is <resource>.<read|write> with a resource of "
            f"{', '.join(sorted(RESOURCES))}"
        )
    world.restrictions[str(content["key"])] = Restriction(
        None if allow is None else frozenset(allow), bool(content.get("revoked"))
    )
    return {"allow": allow, "revoked": bool(content.get("revoked"))}


def tell_truth(world: World, content: Json) -> Json:
    """All of an account's money, oldest first, without pages."""
    scope = scope_of(content["account"], livemode=content.get("livemode") in {"1", "true", True})
    with world.lock:
        jobs.run_due(world)
        kinds = {
            "charges": "charge", "refunds": "refund", "disputes": "dispute",
            "balance_transactions": "balance_transaction", "payment_intents": "payment_intent",
            "payouts": "payout", "events": "event",
        }  # fmt: skip
        truth: Json = {
            name: world.store.select(scope, kind, ascending=True) for name, kind in kinds.items()
        }
        truth["balance"] = balance.current(Call(world, scope))
    return truth


@contextmanager
def acting(world: World, content: Json) -> Iterator[Call]:
    """Do something in Stripe's stead to the account that the command names."""
    scope = scope_of(content["account"], livemode=bool(content.get("livemode")))
    with world.lock:
        jobs.run_due(world)
        call = Call(world, scope)
        world.store.begin()
        try:
            yield call
        except BaseException:
            world.store.rollback()
            raise
        world.store.commit()
        world.deliveries.add(call.outbox)


def pay_out(world: World, content: Json) -> Json:
    """Make the payout that the schedule would make now, or name one; either may be made to fail."""
    fails = one_of(content.get("outcome", "paid"), ("paid", "failed")) == "failed"
    code = one_of(content.get("failure_code", "could_not_process"), tuple(payouts.FAILURES))
    with acting(world, content) as call:
        payout = call.find("payout", content.get("payout", ""))
        if payout is None and "payout" in content:
            raise BadCommand(f"No such payout: {content['payout']}")
        payout = payout or payouts.pay_out_everything(call, str(content.get("currency", "usd")))
        if payout and fails:
            payouts.expect(call, payout, code)
        return {"payout": payout}


def move_deadline(world: World, content: Json) -> Json:
    """Give a dispute another deadline, as a bank does; `within_s` seconds from now."""
    with acting(world, content) as call:
        dispute = call.find("dispute", str(content["dispute"]))
        if dispute is None:
            raise BadCommand(f"No such dispute: {content['dispute']}")
        return {"dispute": disputes.hurry(call, dispute, int(content["within_s"]))}


def decide_dispute(world: World, content: Json) -> Json:
    """Decide an answered chargeback as a bank does, whatever the evidence says."""
    to = one_of(content["to"], ("won", "lost"))
    with acting(world, content) as call:
        dispute = call.find("dispute", str(content["dispute"]))
        if dispute is None:
            raise BadCommand(f"No such dispute: {content['dispute']}")
        if dispute["status"] != "under_review":
            raise BadCommand(f"The bank has nothing to decide: it is {dispute['status']}.")
        disputes.closed(call, dispute, "decide", to)
        return {"dispute": dispute}


def move_account(world: World, content: Json) -> Json:
    """Bring an account to where Stripe's own checks might bring it, with the events of it."""
    state = one_of(content["state"], tuple(standing.STANDINGS))
    with acting(world, content) as call:
        account = account_object(call, call.account)
        return {"account": standing.moved(call, account, state)}


def set_settling(world: World, content: Json) -> Json:
    """Say in which currencies an account settles, and at which rates it converts all others."""
    default = str(content["default"])
    balances = frozenset(map(str, content.get("balances", [])))
    rates = {str(name): Decimal(str(rate)) for name, rate in content.get("rates", {}).items()}
    if unknown := sorted({default, *balances, *rates} - ALL):
        raise BadCommand(f"{', '.join(unknown)}: no such currency")
    if any(not rate.is_finite() or rate <= 0 for rate in rates.values()):
        raise BadCommand("A rate is above zero.")
    with acting(world, content) as call:
        world.settling[call.account] = Settling(default, balances, rates)
        call.store.update("", account_object(call, call.account) | {"default_currency": default})
    return {"default": default, "balances": sorted({default, *balances})}


def set_platform(world: World, content: Json) -> Json:
    """Say with which API a platform may make accounts: not every one has v2, or Connect at all."""
    makes = one_of(content["makes"], connections.MAKES)
    with acting(world, content) as call:
        call.store.hide("", call.account, makes=makes)
    return {"makes": makes}


def reset(world: World, _content: Json) -> Json:
    world.reset()
    return {"reset": True}


Command = Callable[["World", Json], Json]
COMMANDS: dict[tuple[str, str], Command] = {
    ("POST", "faults"): add_fault,
    ("DELETE", "faults"): clear_faults,
    ("POST", "limits"): set_limits,
    ("POST", "webhooks"): set_webhooks,
    ("GET", "webhooks"): show_webhooks,
    ("POST", "clock"): advance_clock,
    ("POST", "keys"): restrict_key,
    ("GET", "truth"): tell_truth,
    ("POST", "payouts"): pay_out,
    ("POST", "disputes"): move_deadline,
    ("POST", "decisions"): decide_dispute,
    ("POST", "accounts"): move_account,
    ("POST", "platforms"): set_platform,
    ("POST", "settling"): set_settling,
    ("POST", "reset"): reset,
}
