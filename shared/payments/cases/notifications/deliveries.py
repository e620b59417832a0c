"""Send events to those who have subscribed, at least once, and later each time that fails."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from payments.doors.doors import Doors
from payments.doors.outbound import TIMEOUT_S, NotDelivered
from payments.doors.table import RowChanged
from payments.facts.subscription import (
    DELAYS,
    DISABLED_AFTER,
    Delivery,
    DeliveryStatus,
    Subscription,
    SubscriptionStatus,
)

#: For each shard and run.
LIMIT = 25
#: Longer than a try can take; whoever dies meanwhile leaves it to the next run.
LEASE = timedelta(minutes=2)
NEEDS_S = TIMEOUT_S + 5
#: Where one has just failed, the rest waits: nobody else's events wait for a slow receiver.
POSTPONED = timedelta(minutes=5)
#: Why nothing is sent where nobody waits for it.
CLOSED = {f"subscription_{status}" for status in SubscriptionStatus}


@dataclass(slots=True)
class Delivered:
    """What a run did."""

    delivered: int = 0
    failed: int = 0
    postponed: int = 0


def deliver_due(doors: Doors) -> Delivered:
    """Send what is due."""
    done, stuck = Delivered(), set()
    for found in doors.store.due(Delivery, doors.now(), limit=LIMIT):
        if doors.time_left() < NEEDS_S:
            break
        home, now = (found.tenant, found.subscription), doors.now()
        if not found.sweep_at or found.sweep_at > now:
            continue
        try:
            if home in stuck:
                doors.store.save(found.having(sweep_at=now + POSTPONED), found)
                done.postponed += 1
            elif not (error := _deliver(found, doors)):
                done.delivered += 1
            else:
                done.failed += 1
                if error not in CLOSED:
                    stuck.add(home)
        except RowChanged:
            # Somebody else has it.
            continue
    return done


def _deliver(found: Delivery, doors: Doors) -> str | None:
    """Claim it, send it, and write what became of it; return why it was not taken, if so."""
    now = doors.now()
    counted = {"attempts": found.attempts + 1, "last_attempt_at": now}
    claimed = doors.store.save(found.having(**counted, sweep_at=now + LEASE), found)
    target = doors.store.subscription(found.tenant, found.subscription)
    if _is_closed(target, claimed):
        closed = f"subscription_{target.status}"
        _end(claimed, doors, DeliveryStatus.FAILED, error=closed)
        return closed
    status, error = _send(target, claimed, doors)
    if error:
        _retry(claimed, doors, status, error)
        _failing(target, doors)
    else:
        _end(claimed, doors, DeliveryStatus.DELIVERED, status)
        _works(target, doors)
    return error


def _is_closed(target: Subscription, claimed: Delivery) -> bool:
    asked = claimed.asked and target.status is SubscriptionStatus.DISABLED
    return target.status is not SubscriptionStatus.ENABLED and not asked


def _send(target: Subscription, claimed: Delivery, doors: Doors) -> tuple[int | None, str | None]:
    """Return the answer's status, and in our own words why it is none that takes the event."""
    secret = doors.store.signing_secret(target.tenant, target.id)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Receivable",
        "Receivable-Event-Id": claimed.event,
        "Receivable-Signature": secret.sign(claimed.body, doors.now()),
    }
    try:
        status = doors.outbound.post(target.url, headers, claimed.body)
    except NotDelivered as failed:
        return None, str(failed)
    return status, None if 200 <= status < 300 else "not_accepted"  # noqa: PLR2004


def _end(
    claimed: Delivery,
    doors: Doors,
    ended: DeliveryStatus,
    status: int | None = None,
    error: str | None = None,
) -> None:
    told = {"last_status": status, "last_error": error, "asked": False}
    doors.store.save(claimed.having(**told, status=ended, sweep_at=None), claimed)


def _retry(claimed: Delivery, doors: Doors, status: int | None, error: str) -> None:
    if claimed.attempts > len(DELAYS):
        _end(claimed, doors, DeliveryStatus.FAILED, status, error)
        return
    later = doors.now() + DELAYS[claimed.attempts - 1]
    told = {"last_status": status, "last_error": error}
    doors.store.save(claimed.having(**told, sweep_at=later), claimed)


def _failing(target: Subscription, doors: Doors) -> None:
    since = target.failing_since or doors.now()
    changes: dict[str, object] = {"failing_since": since}
    if doors.now() - since >= DISABLED_AFTER:
        reason = "Its receiver has taken nothing for five days."
        changes |= {"status": SubscriptionStatus.DISABLED, "status_reason": reason}
    _change(target, doors, **changes)


def _works(target: Subscription, doors: Doors) -> None:
    changes = {"status": SubscriptionStatus.ENABLED, "status_reason": None, "failing_since": None}
    _change(target, doors, **changes)


def _change(target: Subscription, doors: Doors, **changes: object) -> None:
    changed = target.having(**changes)
    if changed != target:
        # Whoever changed it meanwhile knows better: it was removed, or the next try says the same.
        with suppress(RowChanged):
            doors.store.save(changed, target)
