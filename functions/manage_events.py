"""/v1/audit, /v1/subscriptions and /v1/notifications: what was done, and who was told."""

from datetime import datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel

from payments.cases.audit import read_trail
from payments.edge import api, runtime
from payments.edge.routes import notifications, subscriptions
from payments.facts.audit import Phase

app = api.new_app()
app.include_router(subscriptions.router)
app.include_router(notifications.router)
handler = api.lambda_handler(app)


class AuditOut(BaseModel):
    """
    One record of the trail: `intent` before an act, `outcome` after it, or `refusal` of permission.

    An intent without an outcome was cut short. `digest` covers the record and the one before it in
    its chain. One refusal a minute is recorded for a subject; `repeats` counts the others since the
    last record.
    """

    id: str
    at: datetime
    phase: Phase
    request: str
    actor: str
    machine: bool
    role: str
    profile: str
    route: str
    objects: list[str]
    network: str | None
    status: int | None
    code: str | None
    repeats: int | None
    chain: int
    number: int
    digest: str


class ChainBreakOut(BaseModel):
    """The first record of a chain that is missing, changed or moved."""

    chain: int
    number: int


class TrailOut(BaseModel):
    """
    The result of computing the digests again.

    A schedule computes them. An answer adds a limited number of newer records, and `unchecked` says
    how many are left. `whole_at` is when all records were last checked from the first one on.
    """

    intact: bool
    records: int
    breaks: list[ChainBreakOut]
    unchecked: int
    whole_at: datetime | None


class AuditPage(BaseModel):
    """A page of the trail; only the first page has `trail`."""

    data: list[AuditOut]
    next_cursor: str | None
    trail: TrailOut | None


@app.get("/v1/audit")
def list_audit(  # noqa: PLR0917 - each query parameter is one of its arguments
    limit: api.Limit = 20,
    cursor: api.Cursor = None,
    object_id: Annotated[str | None, Query(alias="object", min_length=1, max_length=64)] = None,
    actor: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    since: Annotated[api.Time | None, Query(alias="from")] = None,
    until: Annotated[api.Time | None, Query(alias="to")] = None,
) -> AuditPage:
    """List the audit trail, newest first. A page may be short and still have a next one."""
    tenant, doors = api.caller(app).tenant, runtime.doors()
    search = read_trail.Search(object=object_id, actor=actor, since=since, until=until)
    found, following = read_trail.records(search, tenant, limit=limit, cursor=cursor, doors=doors)
    return AuditPage(
        data=[AuditOut.model_validate(record.model_dump()) for record in found],
        next_cursor=following,
        trail=None if cursor else _trail(read_trail.verify(tenant, doors)),
    )


def _trail(verdict: read_trail.Verdict) -> TrailOut:
    breaks = [ChainBreakOut(chain=chain, number=number) for chain, number in verdict.breaks]
    return TrailOut(
        intact=not breaks,
        records=verdict.records,
        breaks=breaks,
        unchecked=verdict.unchecked,
        whole_at=verdict.whole_at,
    )
