"""
Take in a Stripe webhook: verify the bytes, store the event, queue it, then answer.

This runs for every event, so it imports neither Stripe's SDK nor pydantic.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from payments.doors.keys import SCHEMA, account_pointer, due_shard, partition, stamp
from payments.doors.table import Row, RowChanged, Table
from payments.errors import InvalidSignature, MalformedEvent

#: It holds both ways: a timestamp from the future is as wrong as an old one, though the SDK's own
#: check allows it.
TOLERANCE_S = 300
BODY_MAX = 512 * 1024
#: When the sweep queues an event again that was not applied.
REQUEUE_AFTER = timedelta(minutes=5)
#: The same as in `facts.event`, which is too heavy to be loaded here.
KEPT = timedelta(days=90)
#: Bounded, since anybody may send one: Python refuses an integer of thousands of digits.
_TIME = re.compile("[0-9]{1,11}")
#: Stripe's ids, which become parts of rows' keys and of addresses; an object may have none.
_ID = re.compile("[A-Za-z0-9_-]{1,255}")
_NAMES = {
    "type": re.compile(r"[A-Za-z0-9_.\[\]-]{1,200}"),
    "object_id": re.compile("[A-Za-z0-9_-]{0,255}"),
}


class Sender(Protocol):
    """The queue to which a stored event's address is sent."""

    def send(self, message: dict[str, str]) -> None:
        """Send `message` or raise."""


def verify(body: bytes, header: str, secrets: Mapping[str, str], now: datetime) -> None:
    """
    Raise InvalidSignature unless `header` signs `body` with the current or a previous secret.

    Stripe's scheme is HMAC-SHA256 over `{t}.{body}` in hex, as `v1`; a header may carry several
    signatures.
    """
    entries = [entry.partition("=") for entry in header.split(",")]
    times = [value for name, _, value in entries if name == "t"]
    # Bytes, since a header may hold anything, and only ASCII text is compared in constant time.
    signatures = [value.encode() for name, _, value in entries if name == "v1"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        raise InvalidSignature("no timestamp")
    if abs(now.timestamp() - int(times[0])) > TOLERANCE_S:
        raise InvalidSignature("timestamp outside the tolerance")
    signed = times[0].encode() + b"." + body
    for secret in f"{secrets.get('current', '')} {secrets.get('previous', '')}".split():
        mine = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
        if any(hmac.compare_digest(mine, theirs) for theirs in signatures):
            return
    raise InvalidSignature("no signature fits")


def is_signed(body: bytes, header: str, secrets: Mapping[str, str], now: datetime) -> bool:
    """Whether `verify` accepts the header."""
    try:
        verify(body, header, secrets, now)
    except InvalidSignature:
        return False
    return True


def is_in_use(secrets: Mapping[str, str], account: str, mode: str, table: Table) -> bool:
    """
    Whether the account still has the endpoint of these secrets, or a former one of them.

    The account's row is written before a rotation is answered, so that no cache outlives a secret.
    """
    row = table.get(partition(secrets.get("tenant", ""), "ACC", account), "ACCOUNT") or {}
    slot = row.get("slots", {}).get(mode) or {}
    endpoint = slot.get("endpoint") or {}
    known = endpoint.get("id") == secrets.get("endpoint") and slot.get("status") != "disconnected"
    return known and ("previous_until" in endpoint or "previous" not in secrets)


def told(body: bytes) -> dict[str, Any]:
    """
    Return the used members of a verified event, or raise MalformedEvent.

    Anybody with the secret can sign anything. A member of another type or length would be stored
    and queued, and every sweep would meet it.
    """
    try:
        event = json.loads(body)
        told = event["data"]["object"]
        found = {name: event.get(name) for name in ("id", "type", "livemode", "account")}
        found["object_id"] = told.get("id") or ""
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        raise MalformedEvent("This is no event.") from None
    texts = {name: value for name, value in found.items() if name != "livemode"}
    texts["account"] = found["account"] or "none"
    if not isinstance(found["livemode"], bool) or not all(map(_is_name, texts.items())):
        raise MalformedEvent("A field of this event is not of its type.")
    return found


def _is_name(field: tuple[str, object]) -> bool:
    name, value = field
    return isinstance(value, str) and bool(_NAMES.get(name, _ID).fullmatch(value))


def owner_of(body: bytes, mode: str, table: Table) -> tuple[str, str] | None:
    """
    Return the tenant and the account of a connected account's verified event, or None.

    Only the account that Stripe names counts, never the object's metadata. A live endpoint also
    gets test events: those are ignored.
    """
    event = told(body)
    if event["livemode"] is not (mode == "live"):
        return None
    found = table.get(account_pointer(mode, str(event.get("account") or "")), "POINTER")
    return (found["tenant"], found["account"]) if found else None


def keep(
    body: bytes, *, account: str, mode: str, tenant: str, table: Table, queue: Sender, now: datetime
) -> str:
    """
    Store a verified event, queue it, and return its id.

    An event that was stored before and not applied is queued again: its first queueing may have
    failed.
    """
    row = _row(told(body), account=account, mode=mode, tenant=tenant, now=now)
    try:
        table.put(row)
    except RowChanged:
        kept = table.get(row["pk"], row["sk"])
        if not kept or kept["status"] != "pending":
            return str(row["id"])
    queue.send({"tenant": tenant, "account": account, "mode": mode, "event": row["id"]})
    return str(row["id"])


def _row(event: dict[str, Any], *, account: str, mode: str, tenant: str, now: datetime) -> Row:
    """Return the event's row: ids only, since its object is fetched again before it is used."""
    name = f"{account}:{mode}:{event['id']}"
    due = now + REQUEUE_AFTER
    row = {
        "pk": partition(tenant, "EVT", name),
        "sk": "EVENT",
        "schema_v": SCHEMA,
        "version": 1,
        "due_shard": due_shard("event", event["id"]),
        "due_at": stamp(due),
        "sweep_at": stamp(due),
        "id": event["id"],
        "tenant": tenant,
        "account": account,
        "mode": mode,
        "type": event["type"],
        "object_id": event["object_id"],
        "livemode": event["livemode"],
        "received_at": stamp(now),
        "ttl": int((now + KEPT).timestamp()),
        "status": "pending",
        "stripe_account": event.get("account"),
    }
    return {field: value for field, value in row.items() if value is not None}
