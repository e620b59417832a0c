"""Lists: newest first, cursors both ways, `created` ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.conditions import Condition
from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json

if TYPE_CHECKING:
    from local.standin.engine.call import Call

LIMIT_DEFAULT = 10
LIMIT_MAX = 100
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def limit_of(params: Json) -> int:
    limit = int(params.get("limit", LIMIT_DEFAULT))
    if limit < 1:
        raise out_of_range("greater than or equal to 1")
    if limit > LIMIT_MAX:
        raise out_of_range(f"less than or equal to {LIMIT_MAX}")
    return limit


def out_of_range(bound: str) -> InvalidRequest:
    return InvalidRequest(
        f"This value must be {bound}.", code="parameter_invalid_integer", param="limit"
    )


def created_conditions(params: Json, name: str = "created") -> list[Condition]:
    created = params.get(name)
    if created is None:
        return []
    if isinstance(created, dict):
        return [(name, COMPARISONS[bound], value) for bound, value in created.items()]
    return [(name, "=", created)]


def cursor(call: Call, kind: str, param: str) -> int | None:
    ident = call.params.get(param)
    if not ident:
        return None
    seq = call.store.seq_of(call.scope, kind, ident)
    if seq is None:
        call.get(kind, ident, param=param)
    return seq


def answer_list(
    call: Call,
    kind: str,
    *filters: str,
    conditions: list[Condition] | None = None,
) -> Json:
    """Give a page of a kind; a filter is a parameter of the same name as the object's key."""
    limit = limit_of(call.params)
    wanted = list(conditions or []) + created_conditions(call.params)
    wanted += [(name, "=", call.params[name]) for name in filters if name in call.params]
    older_than = cursor(call, kind, "starting_after")
    newer_than = None if older_than else cursor(call, kind, "ending_before")
    backwards = newer_than is not None
    found = call.store.select(
        call.scope, kind, wanted,
        after=newer_than, before=older_than, limit=limit + 1, ascending=backwards,
    )  # fmt: skip
    page = found[:limit]
    return as_list(call.url, page[::-1] if backwards else page, has_more=len(found) > limit)


def as_list(url: str, objects: list[Json], *, has_more: bool = False) -> Json:
    return {"object": "list", "data": objects, "has_more": has_more, "url": url}
