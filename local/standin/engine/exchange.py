"""The life of an API request: key, route, permission, idempotency, parameters, execution."""

from __future__ import annotations

import hashlib
import sys
import time
import traceback
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

import orjson

from local.standin.engine import access, forms, jobs, parameters, texts, uploads, versions
from local.standin.engine.call import Call
from local.standin.engine.errors import (
    Forbidden,
    InvalidRequest,
    KeyInUse,
    KeyReused,
    RateLimited,
    ServerFailure,
    StandInError,
    UnknownUrl,
)
from local.standin.engine.expand import expand
from local.standin.engine.messages import Answer, Json, Request, json_answer
from local.standin.engine.routing import Route, find_route, job
from local.standin.engine.scopes import scope_of
from local.standin.engine.store import KeptAnswer, dump

if TYPE_CHECKING:
    from local.standin.engine.faults import Fault
    from local.standin.engine.world import World

KEY_LENGTH_MAX = 255
KEY_LIFE_S = 24 * 3600
V2_KEY_LIFE_S = 30 * KEY_LIFE_S
LATEST_WITH_METHOD_TYPES = "2026-09-30"
METHOD_TYPES_OWNERS = frozenset({"payment_intents", "setup_intents", "checkout", "payment_links"})
FAILURE = (
    "An unexpected error occurred while processing your request. Please try again, and contact "
    "us at https://support.stripe.com/ if the problem persists."
)


@dataclass
class Exchange:
    """A request on its way through the stages below."""

    world: World
    request: Request
    id: str
    fault: Fault | None = None
    raw: Json = field(default_factory=dict)
    key: str | None = None
    scope: str = ""
    fingerprint: str = ""

    @property
    def is_v2(self) -> bool:
        return self.request.path.startswith("/v2/")

    @property
    def fault_kind(self) -> str | None:
        return self.fault.kind if self.fault else None

    @property
    def delay_s(self) -> float:
        return self.fault.delay_s if self.fault else 0.0


def answer(world: World, request: Request) -> Answer:
    exchange = Exchange(world, request, world.ids.request(), world.faults.take(request))
    try:
        result = respond(exchange)
    except StandInError as error:
        result = json_answer(error.http_status, told(exchange, error), **error.headers)
    result.headers.setdefault("Request-Id", exchange.id)
    result.headers["Date"] = http_date(int(world.clock.now()))
    result.headers["Stripe-Version"] = version_of(exchange)
    result.headers["Access-Control-Allow-Origin"] = "*"
    if acting := request.headers.get("stripe-account"):
        result.headers["Stripe-Account"] = acting
    if exchange.key:
        result.headers["Idempotency-Key"] = exchange.key
        result.headers.setdefault("Original-Request", exchange.id)
    if result.status >= 400 or request.method == "POST":
        result.headers["Stripe-Should-Retry"] = "true" if result.status in {409, 429} else "false"
    if result.status in {429, 500}:
        del result.headers["Stripe-Should-Retry"]
    return result


@lru_cache(maxsize=64)
def http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def told(exchange: Exchange, error: StandInError) -> Json:
    """Give the error's body; v2 names neither the parameter nor a page of the request's log."""
    body = error.body(exchange.id)
    if exchange.is_v2:
        for key in ("param", "request_log_url"):
            body["error"].pop(key, None)
    return body


def version_of(exchange: Exchange) -> str:
    return exchange.request.headers.get("stripe-version") or exchange.world.api_version


def respond(exchange: Exchange) -> Answer:
    world, request = exchange.world, exchange.request
    if exchange.fault_kind == "timeout_lost":
        return Answer(0, b"", lost=True)
    credentials = access.identify(access.presented_key(request.headers.get("authorization", "")))
    if version := request.headers.get("stripe-version"):
        versions.require_served(version)
    restriction = world.restrictions.get(credentials.key)
    access.require_active(credentials, restriction)
    found = find_route(request.method, request.path)
    if found is None:
        raise UnknownUrl(
            f"Unrecognized request URL ({request.method}: {request.path}). Please see "
            "https://stripe.com/docs or we can help at https://support.stripe.com/."
        )
    entry, names = found
    over = world.rate.exceeded(credentials.account, entry.method, *entry.segments)
    if over or exchange.fault_kind == "429":
        raise RateLimited(over or "global-rate")
    if not entry.publishable:
        access.require_secret(credentials)
    exchange.scope = acting_scope(exchange, credentials)
    access.require_permission(credentials, restriction, entry.permission)
    exchange.raw = raw_parameters(request)
    call = Call(
        world, exchange.scope,
        credentials=credentials, request_id=exchange.id, version=version_of(exchange),
        url=request.path, idempotency_key=idempotency_key(exchange),
    )  # fmt: skip
    call.path = {name: unquote(value) for name, value in names.items()}
    return once(exchange, entry, call)


def acting_scope(exchange: Exchange, credentials: access.Credentials) -> str:
    """
    Whose objects are meant: the key's account, or a connected one that a header names.

    `Stripe-Context` names it as `Stripe-Account` does, perhaps with what it is in before it.
    """
    headers = exchange.request.headers
    named = headers.get("stripe-account")
    context = headers.get("stripe-context", "").rpartition("/")[2]
    if named and context and named != context:
        raise InvalidRequest(
            "The Stripe-Account and Stripe-Context headers name different accounts. Send one of "
            "them."
        )
    account = named or context or credentials.account
    if account != credentials.account and not exchange.world.is_connected(
        credentials.account, account
    ):
        raise Forbidden(
            f"The provided key '{access.masked(credentials.key)}' does not have access to account "
            f"'{account}' (or that account does not exist). Application access may have been "
            "revoked.",
            code="account_invalid",
        )
    return scope_of(account, livemode=credentials.livemode)


def raw_parameters(request: Request) -> Json:
    if "json" in request.headers.get("content-type", "") and request.body:
        try:
            content = orjson.loads(request.body)
        except ValueError:
            raise InvalidRequest("The request body is not valid JSON.") from None
        return content if isinstance(content, dict) else {}
    if "multipart/form-data" in request.headers.get("content-type", ""):
        return uploads.decode(request.headers["content-type"], request.body)
    query = forms.decode(request.query)
    return query | forms.decode(request.body.decode("utf-8", "replace"))


def idempotency_key(exchange: Exchange) -> str | None:
    key = exchange.request.headers.get("idempotency-key")
    if not key or exchange.request.method != "POST":
        return None
    if len(key) > KEY_LENGTH_MAX:
        raise InvalidRequest(
            f"The idempotency key is longer than {KEY_LENGTH_MAX} characters. Use a shorter one."
        )
    exchange.key = key
    content = orjson.dumps([exchange.request.path, exchange.raw], option=orjson.OPT_SORT_KEYS)
    exchange.fingerprint = hashlib.sha256(content).hexdigest()
    return key


def once(exchange: Exchange, entry: Route, call: Call) -> Answer:
    """Let one request with a key be in flight; it answers what the key has already answered."""
    if exchange.key is None:
        return faulted(exchange, entry, call)
    flight = (exchange.scope, exchange.key)
    if not exchange.world.take_off(flight):
        raise in_use(exchange.key)
    try:
        return faulted(exchange, entry, call)
    finally:
        # A request that is applied later is still under way.
        if exchange.fault_kind != "applied_later":
            exchange.world.land(flight)


def faulted(exchange: Exchange, entry: Route, call: Call) -> Answer:
    """Answer as the fault of this request, if it has one, makes it."""
    kind = exchange.fault_kind
    if kind == "409":
        raise in_use(exchange.key or "none")
    if kind == "slow":
        time.sleep(exchange.delay_s)
    if kind == "applied_later":
        return postponed(exchange)
    kept = replayed(exchange) if exchange.key else None
    if kind == "500":
        return failed(exchange, kept)
    result = kept or execute(exchange, entry, call)
    if kind == "500_applied":
        return failed(exchange, kept)
    result.lost = kind == "timeout_applied"
    return result


def failed(exchange: Exchange, kept: Answer | None) -> Answer:
    """Fail as Stripe does: v1 keeps a failure under a new key, v2 lets it be tried again."""
    failure = json_answer(500, ServerFailure(FAILURE).body(exchange.id))
    if exchange.key and kept is None and not exchange.is_v2:
        with exchange.world.lock:
            write_down(exchange, failure)
    return failure


def in_use(key: str) -> KeyInUse:
    return KeyInUse(
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through): "
        f"{key}. Please try again later.",
        code="idempotency_key_in_use",
    )


def replayed(exchange: Exchange) -> Answer | None:
    with exchange.world.lock:
        kept = exchange.world.store.kept_answer(exchange.scope, exchange.key or "")
    life_s = V2_KEY_LIFE_S if exchange.is_v2 else KEY_LIFE_S
    if kept is None or kept.at + life_s <= exchange.world.clock.now():
        return None
    if kept.path != exchange.request.path:
        raise KeyReused(
            "Keys for idempotent requests can only be used for the same endpoint they were first "
            f"used for ('{kept.path}'). Try using a key other than '{exchange.key}' if you meant "
            "to execute a different request."
        )
    if kept.fingerprint != exchange.fingerprint:
        raise KeyReused(
            "Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{exchange.key}' if you meant to execute "
            "a different request."
        )
    headers = {
        "Content-Type": "application/json",
        "Idempotent-Replayed": "true",
        "Original-Request": kept.request,
    }
    return Answer(kept.status, kept.body, headers)


def write_down(exchange: Exchange, result: Answer) -> None:
    kept = KeptAnswer(
        exchange.fingerprint, exchange.request.path, result.status, result.body, exchange.id,
        exchange.world.clock.now(),
    )  # fmt: skip
    exchange.world.store.keep_answer(exchange.scope, exchange.key or "", kept)


def execute(exchange: Exchange, entry: Route, call: Call) -> Answer:
    """One transaction: committed for an answer or a decline, rolled back for other errors."""
    world = exchange.world
    call.params = checked_parameters(exchange, entry)
    expansions = call.params.pop("expand", None) or []
    with world.lock:
        jobs.run_due(world)
        world.store.begin()
        try:
            content = expand(call, entry.handler(call), expansions)
            result, kept = json_answer(200, versions.shaped(content, call.version)), True
        except StandInError as error:
            said = versions.shaped(told(exchange, error), call.version)
            result, kept = json_answer(error.http_status, said), error.kept
            if not error.commits:
                undo(call)
        except Exception:  # noqa: BLE001 - a bug here must look like Stripe's own failure
            traceback.print_exc(file=sys.stderr)
            result, kept = json_answer(500, ServerFailure(FAILURE).body(exchange.id)), True
            undo(call)
        if exchange.key and kept:
            write_down(exchange, result)
        world.store.commit()
        world.deliveries.add(call.outbox)
    return result


def undo(call: Call) -> None:
    call.store.rollback()
    call.store.begin()
    call.outbox.clear()


def checked_parameters(exchange: Exchange, entry: Route) -> Json:
    raw = exchange.raw
    if "payment_method_types" in raw and entry.segments[1] in METHOD_TYPES_OWNERS:
        refuse_method_types(exchange)
        raw = raw | {"allowed_payment_method_types": raw["payment_method_types"]}
        del raw["payment_method_types"]
    raw = versions.understood(raw, version_of(exchange), entry.segments[1])
    if entry.params is None:
        return dict(raw)
    if entry.method == "POST":
        texts.check(entry.params, raw)
    if entry.publishable and "client_secret" in raw:
        # The SDK, from which the parameters are read, leaves out what only a browser sends.
        sent, secret = dict(raw), {"client_secret": raw["client_secret"]}
        del sent["client_secret"]
        return parameters.check(entry.params, sent) | secret
    return parameters.check(entry.params, raw)


def refuse_method_types(exchange: Exchange) -> None:
    """Refuse what this version dropped; a caller that names no version has an older default."""
    if exchange.request.headers.get("stripe-version", "") < LATEST_WITH_METHOD_TYPES:
        return
    raise InvalidRequest(
        "The `payment_method_types` parameter is no longer supported in this API version. Use "
        "`allowed_payment_method_types` to restrict which payment methods are offered.",
        code="payment_method_types_no_longer_supported",
        param="payment_method_types",
    )


def postponed(exchange: Exchange) -> Answer:
    """Tell the caller nothing, and execute the request when its time has come."""
    request = exchange.request
    argument = dump(
        [request.method, request.path, request.query, dict(request.headers), request.body.decode()]
    )
    due = exchange.world.clock.now() + exchange.delay_s
    with exchange.world.lock:
        exchange.world.store.add_job(due, "late_request", exchange.scope, argument)
    exchange.world.deliveries.wake()
    return Answer(0, b"", lost=True)


@job("late_request")
def late_request(call: Call, argument: str) -> None:
    method, path, query, headers, body = orjson.loads(argument)
    if key := headers.get("idempotency-key"):
        call.world.land((call.scope, key))
    # The job's own transaction is empty, and the request opens one of its own.
    call.store.commit()
    answer(call.world, Request(method, path, query, headers, body.encode()))
    call.store.begin()
