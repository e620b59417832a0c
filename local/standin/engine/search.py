"""Stripe's search query language: `metadata["order"]:"1" AND amount>100`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.lists import limit_of
from local.standin.engine.messages import Json

if TYPE_CHECKING:
    from local.standin.engine.call import Call

QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
CLAUSE = re.compile(
    rf"\s*(?P<not>-?)(?P<field>\w+(?:\.\w+)*)(?:\[(?P<key>{QUOTED})\])?\s*"
    rf"(?P<operator>>=|<=|[:~><])\s*(?P<value>{QUOTED}|-?\d+(?:\.\d+)?|null|true|false)\s*"
)
# What Stripe searches each kind by, as its pages on search list it.
SEARCHABLE = {
    kind: frozenset(fields.split())
    for kind, fields in {
        "charge": "amount billing_details.address.postal_code created currency customer disputed"
        " metadata payment_method_details.card.brand payment_method_details.card.exp_month"
        " payment_method_details.card.exp_year payment_method_details.card.fingerprint"
        " payment_method_details.card.last4 refunded status",
        "customer": "created email metadata name phone",
        "payment_intent": "amount created currency customer metadata status",
        "price": "active currency lookup_key metadata product type",
        "product": "active description metadata name shippable url",
    }.items()
}
JOINT = re.compile(r"\s*(AND|OR)\s+", re.IGNORECASE)


def unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[:1] in {"'", '"'} else text


def clauses(query: str) -> tuple[list[re.Match[str]], str]:
    found: list[re.Match[str]] = []
    joints: set[str] = set()
    position = 0
    while match := CLAUSE.match(query, position):
        found.append(match)
        position = match.end()
        if (joint := JOINT.match(query, position)) is None:
            break
        joints.add(joint[1].upper())
        position = joint.end()
    if not found or position != len(query) or len(joints) > 1:
        raise InvalidRequest(
            "We were unable to parse your search query. Try using the format "
            '`metadata["key"]:"value"` to query for metadata or key:"value" to query for other '
            "fields.",
            param="query",
        )
    return found, next(iter(joints), "AND")


def require_searchable(kind: str, found: list[re.Match[str]]) -> None:
    """Refuse a field that Stripe does not search by: what is asked for so is never found."""
    for match in found:
        if match["field"] not in SEARCHABLE[kind] or (
            match["key"] is None and match["field"] == "metadata"
        ):
            raise InvalidRequest(
                f"Field `{match['field']}` is an unsupported search field for resource "
                f"`{kind}s`. See http://stripe.com/docs/search#query-fields-for-{kind}s for a list "
                "of supported fields.",
                param="query",
            )


def value_at(obj: Json, match: re.Match[str]) -> Any:
    here: Any = obj
    for step in match["field"].split("."):
        here = here.get(step) if isinstance(here, dict) else None
    if match["key"] and isinstance(here, dict):
        return here.get(unquoted(match["key"]))
    return here


def holds(obj: Json, match: re.Match[str]) -> bool:
    actual, wanted, operator = value_at(obj, match), unquoted(match["value"]), match["operator"]
    if wanted == "null" and match["value"] == "null":
        found = actual is None
    elif actual is None:
        found = False
    elif operator == "~":
        found = wanted.lower() in str(actual).lower()
    elif operator == ":":
        found = str(actual).lower() == wanted.lower()
    else:
        found = compare(float(actual), operator, float(wanted))
    return found != bool(match["not"])


def compare(actual: float, operator: str, wanted: float) -> bool:
    outcomes = {
        ">": actual > wanted, ">=": actual >= wanted, "<": actual < wanted, "<=": actual <= wanted,
    }  # fmt: skip
    return outcomes[operator]


def answer_search(call: Call, kind: str) -> Json:
    found, joint = clauses(call.params["query"])
    require_searchable(kind, found)
    every = all if joint == "AND" else any
    hits = [
        obj
        for obj in call.store.select(call.scope, kind)
        if not obj.get("deleted") and every(holds(obj, match) for match in found)
    ]
    start, limit = int(call.params.get("page", 0) or 0), limit_of(call.params)
    more = len(hits) > start + limit
    return {
        "object": "search_result", "data": hits[start : start + limit], "has_more": more,
        "next_page": str(start + limit) if more else None, "url": call.url,
    }  # fmt: skip
