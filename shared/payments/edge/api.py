"""The edge of the API: a request in, JSON or a problem document out."""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from payments.cases.modules import access
from payments.doors.secrets import SecretMissing
from payments.edge import arriving, auditing, bugs, headers, replaying, runtime, times
from payments.edge.arriving import JSON, Event
from payments.edge.roles import MATRIX, may_call
from payments.errors import (
    AccountNotActive,
    IdempotencyKeyRequired,
    InternalError,
    NotFound,
    PaymentsError,
    PermissionDenied,
    PreconditionRequired,
    Unauthenticated,
    ValidationFailed,
)
from payments.facts import email_address
from payments.facts.caller import Caller
from payments.money import MAXIMUM_TOTAL

PROBLEM, HTML = "application/problem+json", "text/html; charset=utf-8"
PAGE_MAX = 100
KEY_MAX = 255
#: When a caller should ask again for an outcome that Stripe has not told yet.
ASK_AGAIN_S = 5

#: What routes are declared on: a function's own app, or a router that it includes.
Routes = APIGatewayHttpResolver | APIGatewayHttpRouter
Result = dict[str, Any]
Handler = Callable[[Event, Any], Result]

Name = Annotated[str, Field(pattern=f"^{arriving.NAME}$")]
PathName = Annotated[str, Path(pattern=f"^{arriving.NAME}$")]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
LongText = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
#: The size of a page of a list, and the cursor of the next page.
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str | None, Query(max_length=64)]
#: The cursor of a list that is sorted by names that are not ours.
LongCursor = Annotated[str | None, Query(max_length=200)]
#: One bare address that Stripe and SES take. A domain outside the pattern becomes punycode.
Email = Annotated[
    str,
    Field(
        max_length=email_address.ADDRESS_MAX,
        json_schema_extra={"pattern": email_address.PATTERN},
    ),
    AfterValidator(email_address.accepted),
]
Day = times.Day
Time = times.Time
#: Minor units. Strict: a float or a digit string is refused, not rounded.
Amount = Annotated[int, Field(strict=True, ge=1, le=MAXIMUM_TOTAL)]
Currency = Annotated[str, Field(pattern=r"^[a-z]{3}$")]

logger = Logger()
# Powertools logs every exception, even refusals, with a text that may quote what no log may hold.
logging.getLogger("aws_lambda_powertools.event_handler").setLevel(logging.CRITICAL)


class Body(BaseModel):
    """A request body; members that it does not name are refused."""

    # Built when the first of its kind is read: a function has more bodies than one request needs.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


@dataclass(frozen=True, slots=True)
class Pending:
    """A body without a final outcome: Stripe has not told it yet."""

    body: BaseModel


class Problem(BaseModel):
    """A refusal (RFC 9457); `code` is stable and has exactly one status."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    retryable: bool
    request_id: str


class StoredRefusal(Exception):
    """A decline: it is stored like any other answer, but has not the route's shape."""

    def __init__(self, answer: replaying.Answer, headers: dict[str, str]) -> None:
        """Keep what is answered."""
        super().__init__(answer.status)
        self.answer, self.headers = answer, headers


def new_app() -> APIGatewayHttpResolver:
    """Return a router that validates requests and answers."""
    app = APIGatewayHttpResolver(enable_validation=True)

    @app.exception_handler(RequestValidationError)
    def _invalid(error: RequestValidationError) -> None:
        if any(entry["loc"][0] == "response" for entry in error.errors()):
            # The request is done: a caller who is told that it failed would send it again.
            msg = "Bug! An answer is not of its route's shape."
            raise TypeError(msg)
        # Only the place and the rule, never the value, which may be anything.
        errors = [
            {"field": ".".join(map(str, entry["loc"])), "rule": entry["msg"]}
            for entry in error.errors()
        ]
        raise ValidationFailed("The request has fields that cannot be accepted.", errors=errors)

    @app.not_found
    def _no_route(_: NotFoundError) -> None:
        raise NotFound("There is no such route.")

    return app


def lambda_handler(app: APIGatewayHttpResolver) -> Handler:
    """
    Return the function's entry.

    It authorises, screens and routes a request, and turns every refusal into a problem document.
    """

    @logger.inject_lambda_context(clear_state=True)
    def handler(event: Event, context: Any) -> Result:
        runtime.begin(context)
        trail = auditing.Trail(event)
        try:
            who = _authorised(trail)
            arriving.screen(event)
            _require_granted(event, who)
            trail.begin()
            # Last, for the router forgets it when a request ends.
            app.append_context(caller=who)  # type: ignore[no-untyped-call]
            result = app.resolve(event, context)
        except PaymentsError as refusal:
            result = _refused(refusal.status, refusal.problem(), refusal.headers, event)
        except StoredRefusal as stored:
            result = _refused(stored.answer.status, stored.answer.body, stored.headers, event)
        except SecretMissing:
            gone = AccountNotActive("The account has no keys any more: connect it again first.")
            result = _refused(gone.status, gone.problem(), gone.headers, event)
        except Exception as error:  # noqa: BLE001 - the last line: a bug becomes a 500 that says nothing
            result = _bug(error, event)
        trail.end(result)
        return _stamped(result, event)

    return handler


def caller(app: Routes) -> Caller:
    """Return the caller, as `lambda_handler` found it."""
    found: Caller = app.context["caller"]
    return found


def answer(status: int, body: BaseModel, headers: Mapping[str, str] | None = None) -> Response[Any]:
    """Return a JSON answer."""
    return Response(status, JSON, body.model_dump(mode="json"), dict(headers or {}))


def answer_once(
    app: Routes,
    prefix: str,
    status: int,
    work: Callable[[str], BaseModel | Pending],
    *,
    moves_money: bool = True,
    tell: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    beside: Mapping[str, str] | None = None,
) -> Response[Any]:
    """
    Answer a request once for its Idempotency-Key.

    `work` runs once, gets the id to use and returns the body. Only a request that moves or asks for
    money must have a key; another one without a key is simply done. A `Pending` body is answered
    with 202, and a repeat runs `work` again. The stored body leaves out what no row may hold;
    `tell` adds it to every answer.
    """

    def run(resource: str) -> replaying.Answer:
        done = work(resource)
        if isinstance(done, Pending):
            return replaying.Answer(202, done.body.model_dump(mode="json"), final=False)
        return replaying.Answer(status, done.model_dump(mode="json"))

    event = app.current_event.raw_event
    if moves_money or arriving.header_of(event, "idempotency-key"):
        found = replaying.once(_request(event, caller(app), prefix), run, doors=runtime.doors())
    else:
        found = run(runtime.new_id(prefix))
    sent = dict(beside or {}) | ({"Idempotent-Replayed": "true"} if found.replayed else {})
    if not found.final:
        sent["Retry-After"] = str(ASK_AGAIN_S)
    if found.status >= 400:  # noqa: PLR2004
        raise StoredRefusal(found, sent)
    return Response(found.status, JSON, tell(found.body), sent)


def if_match(app: Routes) -> int:
    """Return the version in If-Match; refuse a request that names none."""
    seen = version_seen(app)
    if seen is None:
        raise PreconditionRequired(
            "Say in If-Match which version was seen: the ETag of the last answer."
        )
    return seen


def version_seen(app: Routes) -> int | None:
    """Return the version in If-Match, or None if the request names none."""
    found = (app.current_event.headers or {}).get("if-match")
    if not found:
        return None
    text = found.removeprefix("W/").strip('"')
    if not re.fullmatch("[0-9]{1,18}", text):
        raise ValidationFailed("If-Match is not an ETag of this service.")
    return int(text)


def etag(version: int) -> dict[str, str]:
    """Return the header that names a version."""
    return {"ETag": f'"{version}"'}


def log_bug(error: Exception) -> None:
    """Log the kind and the place of a bug."""
    logger.error("bug", **bugs.described(error))


def _authorised(trail: auditing.Trail) -> Caller:
    """Return the caller of a route that its role may call, or raise; the trail knows either."""
    found, route = arriving.caller_of(trail.event), trail.event["routeKey"]
    trail.caller = found
    logger.append_keys(tenant=found.tenant, role=found.role, route=route)
    if not found.role:
        raise Unauthenticated("The token names no role of this service.")
    if not may_call(found.role, route):
        raise PermissionDenied(f"The role {found.role} may not do this.", role=found.role)
    return found


def _require_granted(event: Event, who: Caller) -> None:
    """Refuse a profile without the route's grant, before anything is done or answered again."""
    ask = MATRIX[event["routeKey"]].ask_of(who.role) if who.role else None
    if ask:
        access.require(ask, arriving.named_in(event, ask.of), who, runtime.doors())


def _request(event: Event, who: Caller, prefix: str) -> replaying.Request:
    key = arriving.header_of(event, "idempotency-key")
    if not key or len(key) > KEY_MAX:
        raise IdempotencyKeyRequired(
            "Send an Idempotency-Key of 1 to 255 characters, one for each intent."
        )
    body = json.loads(arriving.body_of(event))
    meant = _digest(json.dumps([event["rawPath"], body], sort_keys=True))
    return replaying.Request(
        who.tenant, event["routeKey"], _digest(key), meant, prefix, _about(event, body)
    )


def _about(event: Event, body: Any) -> str | None:
    """Return the object or customer that a request names, in its path or else in its body."""
    named = event.get("pathParameters") or {}
    found = named.get("ref") or named.get("id")
    if found or not isinstance(body, dict):
        return found
    parts = body.get("allocations") or [{}]
    return str(body.get("customer") or parts[0].get("invoice") or "") or None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _refused(
    status: int, problem: dict[str, Any], headers: Mapping[str, str], event: Event
) -> Result:
    logger.info("refused", code=problem["code"], status=status)
    body = problem | {"request_id": event["requestContext"]["requestId"]}
    sent = {"Content-Type": PROBLEM, **headers}
    return {"statusCode": status, "headers": sent, "body": json.dumps(body)}


def _bug(error: Exception, event: Event) -> Result:
    log_bug(error)
    bug = InternalError("Something went wrong here, not with the request.")
    return _refused(bug.status, bug.problem(), {}, event)


def _stamped(result: Result, event: Event) -> Result:
    """Return the result with the headers that every answer has."""
    request = {"X-Request-Id": event["requestContext"]["requestId"], "Cache-Control": "no-store"}
    result["headers"] = {**result.get("headers", {}), **request, **headers.SECURE}
    return result
