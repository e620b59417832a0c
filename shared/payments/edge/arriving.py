"""Read a request as API Gateway brings it: its limits, its body and address, and its caller."""

import base64
import json
import re
from collections import Counter
from typing import Any
from urllib.parse import unquote_plus

from payments.cases.modules import access
from payments.config import settings
from payments.edge import runtime, screening
from payments.errors import (
    MalformedJson,
    Unauthenticated,
    UnsupportedMediaType,
    ValidationFailed,
)
from payments.facts.caller import Caller, Role
from payments.facts.connection import STATE_LIFE

JSON = "application/json"
#: An id of ours, or a caller's own reference: it is bounded, and nothing in it can leave its place
#: in a key.
NAME = r"[A-Za-z0-9._:@+-]{1,64}"
_NAME = re.compile(NAME)

Event = dict[str, Any]

_PARAMETER = re.compile("[a-z_]{1,40}")


def screen(event: Event) -> None:
    """Refuse a body that is too large, is no JSON, or holds a card number, before it is used."""
    body = body_of(event)
    screening.require_small(body, event["routeKey"])
    address = unquote_plus(f"{event.get('rawPath')}?{event.get('rawQueryString') or ''}")
    screening.require_no_pan(body, address)
    _require_once(event.get("rawQueryString") or "")
    if event["requestContext"]["http"]["method"] in {"GET", "DELETE"}:
        return
    declared = header_of(event, "content-type") or JSON
    if body and declared.split(";")[0].strip().lower() != JSON:
        raise UnsupportedMediaType(f"Send the body as {JSON}.")
    # Powertools reads the type in lower case only, and needs it even without a body.
    event["headers"] |= {"content-type": JSON}
    if body:
        # The parsed body is screened, too: JSON can write digits as escapes.
        screening.require_no_pan(json.dumps(screening.parse(body), ensure_ascii=False))
    else:
        # Powertools needs JSON where a body is declared; no body becomes `null`, which is refused
        # as such.
        event["body"], event["isBase64Encoded"] = "null", False


def _require_once(query: str) -> None:
    """Refuse a parameter that is sent twice: API Gateway would join the two values."""
    sent = Counter(unquote_plus(part.partition("=")[0]) for part in query.split("&") if part)
    twice = sorted(name for name, count in sent.items() if count > 1)
    if twice:
        named = [name if _PARAMETER.fullmatch(name) else "unknown" for name in twice[:10]]
        raise ValidationFailed(
            "Send each parameter of the address once.",
            errors=[{"field": f"query.{name}", "rule": "sent more than once"} for name in named],
        )


def caller_of(event: Event) -> Caller:
    """Return the caller that the token names by the configured claims, or refuse."""
    claims = event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims", {})
    names = settings()
    tenant, client = claims.get(names.tenant_claim), claims.get("client_id")
    if tenant:
        role, profile = claims.get(names.role_claim, ""), claims.get(names.profile_claim, "")
        _require_second_factor(_role_of(role), claims)
    elif client and (row := runtime.store().find_client(client)):
        tenant, role, profile = row["tenant"], row["role"], row["profile"]
    else:
        raise Unauthenticated("The token names no tenant.")
    if "#" in tenant:
        raise Unauthenticated("The token names no tenant of this service.")
    subject = str(claims.get("sub", client))
    return Caller(tenant, _role_of(role), str(profile), subject, base_url(event))


def _require_second_factor(role: Role | None, claims: dict[str, Any]) -> None:
    """Refuse an administrator who signed in with one factor, where a claim tells (RFC 8176)."""
    claim = settings().mfa_claim
    if role is not Role.ADMIN or not claim:
        return
    if "mfa" not in re.findall(r"[a-z0-9_-]+", str(claims.get(claim, ""))):
        raise Unauthenticated("An administrator signs in with a second factor.")


def _role_of(claim: object) -> Role | None:
    """Return our role that a claim names, or None; API Gateway writes a list in brackets."""
    name = str(claim).strip("[] ")
    return Role(name) if name in set(Role) else None


def named_in(event: Event, of: access.Subject) -> access.Named:
    """Return what a request names, if its grants depend on that; the route validates it later."""
    path = event.get("pathParameters") or {}
    has_body = of in access.IN_BODY and event["requestContext"]["http"]["method"] != "GET"
    body = json.loads(body_of(event)) if has_body else {}
    body = body if isinstance(body, dict) else {}
    parts = body.get("allocations", [])
    listed = isinstance(parts, list) and all(isinstance(part, dict) for part in parts)
    names = [*path.values(), *(part.get("invoice") for part in parts if listed)]
    names += [body[name] for name in ("account", "invoice", "module") if body.get(name) is not None]
    readable = listed and all(isinstance(name, str) and _NAME.fullmatch(name) for name in names)
    return access.Named(path, body, readable=readable)


def browser_of(event: Event) -> str:
    """Return the name of the browser that has begun something here, or ""."""
    sent = "; ".join([*event.get("cookies", []), header_of(event, "cookie") or ""])
    kept = (each.strip().partition("=") for each in sent.split(";"))
    return next((value for name, _, value in kept if name == _cookie()[0]), "")


def known_by(browser: str) -> dict[str, str]:
    """Return the header by which a browser is recognized, for as long as a state lives."""
    name, rules = _cookie()
    life = int(STATE_LIFE.total_seconds())
    return {"Set-Cookie": f"{name}={browser}; Path=/; Max-Age={life}; HttpOnly; {rules}"}


def _cookie() -> tuple[str, str]:
    """Return the cookie's name and rules: no other host can set it, and an app's pages may ask."""
    if settings().stage == "local":
        return "receivable-browser", "SameSite=Lax"
    return "__Host-receivable-browser", "Secure; SameSite=None"


def body_of(event: Event) -> str:
    """Return the body as text, decoded if API Gateway encoded it; refuse what is no text."""
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body)
    try:
        return base64.b64decode(body).decode()
    except UnicodeDecodeError:
        raise MalformedJson("The body is not text in UTF-8.") from None


def header_of(event: Event, name: str) -> str | None:
    """Return a header by its lower-case name, or None."""
    return next(
        (str(value) for key, value in event.get("headers", {}).items() if key.lower() == name), None
    )


def base_url(event: Event) -> str:
    """Return the address of this deployment, from API Gateway and not from a header."""
    return settings().public_url or f"https://{event['requestContext']['domainName']}"
