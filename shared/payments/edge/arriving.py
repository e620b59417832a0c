"""A request as API Gateway brings it: what may come in, its body and address, and who sends it."""

import base64
import json
from typing import Any
from urllib.parse import unquote_plus

from payments.config import settings
from payments.edge import runtime, screening
from payments.errors import MalformedJson, Unauthenticated, UnsupportedMediaType
from payments.facts.caller import Caller, Role

JSON = "application/json"

Event = dict[str, Any]


def screen(event: Event) -> None:
    """Refuse what is too large, no JSON, or holds a card number, before anything reads it."""
    body = body_of(event)
    screening.require_small(body, event["routeKey"])
    address = unquote_plus(f"{event.get('rawPath')}?{event.get('rawQueryString') or ''}")
    screening.require_no_pan(body, address)
    if event["requestContext"]["http"]["method"] in {"GET", "DELETE"}:
        return
    declared = header_of(event, "content-type") or JSON
    if body and declared.split(";")[0].strip().lower() != JSON:
        raise UnsupportedMediaType(f"Send the body as {JSON}.")
    # Powertools knows the type in small letters only, and wants it where there is no body, too.
    event["headers"] |= {"content-type": JSON}
    if body:
        # Once more as it is read: JSON can write digits as escapes.
        screening.require_no_pan(json.dumps(screening.parse(body), ensure_ascii=False))
    else:
        # It wants JSON where a body is declared; nothing is `null` there, and refused as such.
        event["body"], event["isBase64Encoded"] = "null", False


def caller_of(event: Event) -> Caller:
    """Return who the token names, by the claims that the settings name, or refuse."""
    claims = event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims", {})
    names = settings()
    tenant, client = claims.get(names.tenant_claim), claims.get("client_id")
    if tenant:
        role, profile = claims.get(names.role_claim, ""), claims.get(names.profile_claim, "")
    elif client and (row := runtime.store().find_client(client)):
        tenant, role, profile = row["tenant"], row["role"], row["profile"]
    else:
        raise Unauthenticated("The token names no tenant.")
    if "#" in tenant:
        raise Unauthenticated("The token names no tenant of this service.")
    subject = str(claims.get("sub", client))
    return Caller(tenant, _role_of(role), str(profile), subject, base_url(event))


def _role_of(claim: object) -> Role | None:
    """Return the role of ours that a claim names; API Gateway writes a list in brackets."""
    name = str(claim).strip("[] ")
    return Role(name) if name in set(Role) else None


def body_of(event: Event) -> str:
    """Return the body as text, decoded if API Gateway encoded it; refuse what is none."""
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
    """
    Return the address under which this deployment is reached.

    API Gateway's word, not a header's.
    """
    return settings().public_url or f"https://{event['requestContext']['domainName']}"
