"""Answer a repeated request as the first one was answered, and go on where one was cut short."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import Declined, IdempotencyInProgress, IdempotencyKeyReused, PaymentsError
from payments.facts.idempotency import IdempotencyRecord
from payments.facts.personal import is_personal

#: Longer than any request can run, so that two never work on one key.
LOCK = timedelta(seconds=60)
#: Kept three times as long as promised; DynamoDB deletes late, and what decides is in the rows
#: themselves.
KEPT = timedelta(days=90)
#: What an answered request leaves behind of its lock: nothing.
_UNLOCKED = {"locked_until": None, "owner": None}


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller sent: digests of their Idempotency-Key, and of path and body."""

    tenant: str
    route: str
    key: str
    fingerprint: str
    prefix: str
    #: The customer, or the object, that it is about.
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller gets: a JSON body and its status."""

    status: int
    body: dict[str, Any]
    replayed: bool = False
    #: An answer that leaves the outcome open is not kept: a repeat goes on and finds out.
    final: bool = True


def once(request: Request, work: Callable[[str], Answer], *, doors: Doors) -> Answer:
    """
    Run `work` once for each key and return its answer, now and every time after.

    `work` gets the id that its outcome is to have, the same one on every run. A decline is an
    answer; a refusal for any other reason is not, and one before anything was begun frees the key.
    """
    record = _lock(request, doors)
    if record.answer:
        return Answer(record.answer["status"], record.answer["body"], replayed=True)
    try:
        answer = work(record.resource)
    except Declined as decline:
        answer = Answer(decline.status, decline.problem())
    except PaymentsError as refusal:
        # What will pass, or what an earlier run began, is still this body's: money may come of it.
        _unlock(record, doors, freed=not (refusal.retryable or record.resumed))
        raise
    if answer.final:
        _keep(record, answer, request.about, doors)
    else:
        _save(record.having(locked_until=record.created_at), record, doors)
    return answer


def _lock(request: Request, doors: Doors) -> IdempotencyRecord:
    """Return the record, owned by this request or already answered."""
    try:
        # Most keys are new, and the write itself says which are not.
        return doors.store.save(_record(request, None, doors))
    except RowChanged:
        known = doors.store.idempotency(request.tenant, request.route, request.key)
    if known and known.fingerprint != request.fingerprint and not known.freed:
        raise IdempotencyKeyReused("This Idempotency-Key was used for another request.")
    if known and known.answer:
        return known
    if known and known.locked_until and known.locked_until > doors.now():
        left = int((known.locked_until - doors.now()).total_seconds())
        raise IdempotencyInProgress(
            "The first request with this key is still running.", retry_after_s=min(left, 5)
        )
    try:
        return doors.store.save(_record(request, known, doors), known)
    except RowChanged:
        raise IdempotencyInProgress(
            "The first request with this key is still running.", retry_after_s=1
        ) from None


def _record(request: Request, known: IdempotencyRecord | None, doors: Doors) -> IdempotencyRecord:
    """Return the record of a run; it goes on with what an earlier run of the same began."""
    same = known is not None and known.fingerprint == request.fingerprint
    return IdempotencyRecord(
        tenant=request.tenant,
        route=request.route,
        key=request.key,
        fingerprint=request.fingerprint,
        resource=known.resource if known and same else doors.new_id(request.prefix),
        resumed=bool(known and same and not known.freed),
        created_at=doors.now(),
        locked_until=doors.now() + LOCK,
        owner=doors.new_id("own"),
        ttl=int((doors.now() + KEPT).timestamp()),
    )


def _unlock(record: IdempotencyRecord, doors: Doors, *, freed: bool) -> None:
    """Let the request be sent again; a key that is `freed` may come with another body too."""
    update = {"locked_until": record.created_at, "freed": freed}
    _save(record.having(**update), record, doors)


def _keep(record: IdempotencyRecord, answer: Answer, about: str | None, doors: Doors) -> None:
    kept = {"answer": {"status": answer.status, "body": answer.body}}
    found = {"about": about} if is_personal(answer.body) else {}
    _save(record.having(**_UNLOCKED, **kept, **found), record, doors)


def _save(new: IdempotencyRecord, old: IdempotencyRecord, doors: Doors) -> None:
    try:
        doors.store.save(new, old)
    except RowChanged:
        # The lock ran out and a repeat took over with the same resource: it answers the same.
        return
