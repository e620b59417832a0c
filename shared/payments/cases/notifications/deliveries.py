"""Deliver events to their subscribers at least once; each failed try is followed by a later one."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from payments.doors.doors import Doors
from payments.doors.outbound import TIMEOUT_S, Letter, Outcome
from payments.doors.table import RowChanged, Unreadable
from payments.errors import PaymentsError
from payments.facts.subscription import (
    DELAYS,
    DISABLED_AFTER,
    Delivery,
    DeliveryStatus,
    Subscription,
    SubscriptionStatus,
)

#: At most this many for each shard and run.
LIMIT = 25
#: Longer than a try can take; after a crash the next run takes the delivery.
LEASE = timedelta(minutes=2)
NEEDS_S = TIMEOUT_S + 5
#: After a failure, a receiver's other events wait this long, so that they hold up nobody else's.
POSTPONED = timedelta(minutes=5)
#: How many are sent at once, and how many of those for one tenant.
WAVE, SHARE = 24, 4

#: A tenant and its subscription.
Home = tuple[str, str]


@dataclass(slots=True)
class Delivered:
    """What a run did."""

    delivered: int = 0
    failed: int = 0
    postponed: int = 0


def deliver_due(doors: Doors) -> Delivered:
    """
    Send what is due in waves, and return the counts.

    A wave has one event for each receiver, and a limited number for each tenant. A tenant whose
    receiver was slow in an earlier wave comes after all others.
    """
    run, now = Run(doors), doors.now()
    waiting = [found for found in doors.store.due(Delivery, now, limit=LIMIT)
               if found.sweep_at and found.sweep_at <= now]  # fmt: skip
    while waiting and doors.time_left() >= NEEDS_S:
        wave = run.next_wave(waiting)
        waiting = [found for found in waiting if found not in wave]
        run.send(wave)
        run.postpone([found for found in waiting if _home(found) in run.stuck])
        waiting = [found for found in waiting if _home(found) not in run.stuck]
    return run.done


@dataclass(slots=True)
class Run:
    """One run: its counts, the receivers that just failed, and the tenants with a slow receiver."""

    doors: Doors
    done: Delivered = field(default_factory=Delivered)
    stuck: set[Home] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)

    def next_wave(self, waiting: list[Delivery]) -> list[Delivery]:
        """Return the next wave: one for each receiver, and no more of a tenant than its share."""
        quick = [found for found in waiting if found.tenant not in self.slow]
        homes: set[Home] = set()
        places: Counter[str] = Counter()
        wave: list[Delivery] = []
        for found in quick or waiting:
            if _home(found) in homes or places[found.tenant] == SHARE or len(wave) == WAVE:
                continue
            homes.add(_home(found))
            places[found.tenant] += 1
            wave.append(found)
        return wave

    def send(self, wave: list[Delivery]) -> None:
        """Claim each delivery, send all at once, and write each outcome."""
        written = [entry for found in wave if (entry := self._written(found))]
        outcomes = self.doors.outbound.post_all([letter for _, _, letter in written])
        for (target, claimed, _), outcome in zip(written, outcomes, strict=True):
            if outcome.slow:
                self.slow.add(target.tenant)
            with suppress(RowChanged):
                self._note(target, claimed, outcome)

    def postpone(self, rest: list[Delivery]) -> None:
        """Put off the other events of a receiver that just failed, so that nobody else's wait."""
        for found in rest:
            with suppress(RowChanged):
                again = self.doors.now() + POSTPONED
                self.doors.store.save(found.having(sweep_at=again), found)
                self.done.postponed += 1

    def _written(self, found: Delivery) -> tuple[Subscription, Delivery, Letter] | None:
        """
        Return the claimed delivery with its subscription and letter, or None.

        None means that another run has it, or that nobody subscribes any more.
        """
        doors, now = self.doors, self.doors.now()
        counted = {"attempts": found.attempts + 1, "last_attempt_at": now}
        try:
            claimed = doors.store.save(found.having(**counted, sweep_at=now + LEASE), found)
            target = doors.store.subscription(found.tenant, found.subscription)
            if _is_closed(target, claimed):
                closed = f"subscription_{target.status}"
                _end(claimed, doors, DeliveryStatus.FAILED, error=closed)
                self.done.failed += 1
                return None
            return target, claimed, _letter(target, claimed, doors)
        except RowChanged:
            return None
        except (PaymentsError, Unreadable):
            # Its subscription is gone or cannot be read: its lease brings it again.
            self.done.failed += 1
            return None

    def _note(self, target: Subscription, claimed: Delivery, outcome: Outcome) -> None:
        error, status = outcome.error, outcome.status
        if status is not None and not 200 <= status < 300:  # noqa: PLR2004
            error = "not_accepted"
        if error:
            self.done.failed += 1
            self.stuck.add(_home(claimed))
            _retry(claimed, self.doors, status, error)
            _failing(target, self.doors)
        else:
            self.done.delivered += 1
            _end(claimed, self.doors, DeliveryStatus.DELIVERED, status)
            _works(target, self.doors)


def _home(found: Delivery) -> Home:
    return found.tenant, found.subscription


def _is_closed(target: Subscription, claimed: Delivery) -> bool:
    asked = claimed.asked and target.status is SubscriptionStatus.DISABLED
    return target.status is not SubscriptionStatus.ENABLED and not asked


def _letter(target: Subscription, claimed: Delivery, doors: Doors) -> Letter:
    secret = doors.store.signing_secret(target.tenant, target.id)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Receivable",
        "Receivable-Event-Id": claimed.event,
        "Receivable-Signature": secret.sign(claimed.body, doors.now()),
    }
    return Letter(target.url, headers, claimed.body)


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
        # A change that came first stands: it was removed, or the next try ends the same way.
        with suppress(RowChanged):
            doors.store.save(changed, target)
