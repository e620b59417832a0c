"""
Send the notices of the outbox, each message once.

A row is claimed before anything is sent, and SES knows no idempotency key. After a crash between
sending and marking, the message is `unsure` and is not sent again. A missing mail is shown in the
invoice's timeline; a second mail would say that money was taken twice.
"""

from contextlib import suppress
from dataclasses import dataclass

from payments.doors.bus import NotTaken
from payments.doors.doors import Doors
from payments.doors.mail import Mail, NotSent, Unsure, tags_of
from payments.doors.table import RowChanged, Unreadable
from payments.errors import NotFound, PaymentsError
from payments.facts.notification import (
    GIVE_UP_AFTER,
    LEASE,
    LEFT_OVER_AFTER,
    Notification,
    Part,
    PartStatus,
)
from payments.steps.notifications.domain_events import events_of
from payments.steps.notifications.fan_out import dispatch
from payments.steps.notifications.mail_limits import Withheld, count_mail
from payments.steps.notifications.mail_problems import not_taken, tell_of_limit
from payments.steps.notifications.mail_scene import Nobody
from payments.steps.notifications.mails import compose, readers_of

#: At most this many for each shard and run; the next run, two minutes later, takes the rest.
LIMIT = 25
#: The part of a notice that other systems get.
BUS = "bus"


@dataclass(slots=True)
class Told:
    """What a run did."""

    done: int = 0
    left: int = 0


def notify_due(doors: Doors) -> Told:
    """Send the notices that the table's stream did not bring, or that could not be sent then."""
    told = Told()
    for found in doors.store.due(Notification, doors.now(), limit=LIMIT):
        if not doors.may_write:
            break
        try:
            is_done = notify(found, doors).is_done
        except (PaymentsError, Unreadable):
            is_done = False
            _put_off(found, doors)
        told.done += is_done
        told.left += not is_done
    return told


def _put_off(found: Notification, doors: Doors) -> None:
    """Look again later: what it tells of is not to be had, or cannot be read."""
    waited = doors.now() - found.created_at
    with suppress(RowChanged):
        again = doors.now() + max(LEFT_OVER_AFTER, waited)
        doors.store.save(found.having(sweep_at=again), found)


def notify_at(key: tuple[str, str, str, str], doors: Doors) -> str:
    """Send the notice that the stream brought, and return how it went."""
    found = doors.store.notification(*key)
    if not found:
        msg = "The stream told of a row that is not there."
        raise LookupError(msg)
    return "done" if notify(found, doors).is_done else "left"


def notify(found: Notification, doors: Doors) -> Notification:
    """
    Send what has not been sent, and return the row; another sender's lease is respected.

    A notice's readers and its events need the same rows, and each row is read once.
    """
    if found.is_done or found.is_leased(doors.now()):
        return found
    doors = doors.remembering()
    try:
        found = _mark_unsure(found, doors)
        for reader in readers_of(found.kind):
            found = _tell(reader, found, doors)
        found = _announce(found, doors)
        return doors.store.save(_closed(found, doors), found)
    except RowChanged:
        # Another sender has claimed it.
        return found


def _mark_unsure(found: Notification, doors: Doors) -> Notification:
    """Mark the messages whose sender is gone as `unsure`: nobody knows how far it came."""
    for name, part in found.parts.items():
        if part.status is PartStatus.SENDING:
            found = found.telling(name, _part(PartStatus.UNSURE, doors, reason="sender_died"))
    return found


def _announce(found: Notification, doors: Doors) -> Notification:
    """Put the fact's events on the bus; they carry ids, so that a repeat does no harm."""
    if BUS in found.parts:
        return found
    events = events_of(found, doors)
    dispatch(found.tenant, events, doors)
    if not doors.bus.is_set_up:
        return found
    try:
        if events:
            doors.bus.put(*events)
    except NotTaken:
        return found
    return found.telling(BUS, _part(PartStatus.SENT if events else PartStatus.SKIPPED, doors))


def _tell(reader: str, found: Notification, doors: Doors) -> Notification:
    if reader in found.parts:
        return found
    if not doors.mail.is_set_up:
        return found.telling(reader, _part(PartStatus.SKIPPED, doors, reason="mail_not_set_up"))
    try:
        mail = compose(reader, found, doors)
        count_mail(mail, reader, found, doors)
    except Withheld as withheld:
        tell_of_limit(withheld, found, doors)
        return found.telling(reader, _part(withheld.status, doors, reason=str(withheld)))
    except Nobody as nobody:
        return found.telling(reader, _part(PartStatus.SKIPPED, doors, reason=str(nobody)))
    except NotFound:
        return found.telling(reader, _part(PartStatus.SKIPPED, doors, reason="gone"))
    sending = found.telling(reader, _part(PartStatus.SENDING, doors))
    claim = sending.having(sweep_at=doors.now() + LEASE, sender=doors.new_id("own"))
    claimed = doors.store.save(claim, found)
    return _send(reader, mail, claimed, doors)


def _send(reader: str, mail: Mail, claimed: Notification, doors: Doors) -> Notification:
    """Send the mail of a claimed row; its outcome is written with the next step."""
    try:
        message = doors.mail.send(mail, **_tags(reader, claimed))
    except NotSent as refused:
        if not refused.again or doors.now() - claimed.created_at > GIVE_UP_AFTER:
            not_taken(claimed, reader, refused.reason, doors)
            return claimed.telling(reader, _part(PartStatus.FAILED, doors, reason=refused.reason))
        parts = {name: part for name, part in claimed.parts.items() if name != reader}
        return claimed.having(parts=parts)
    except Unsure:
        return claimed.telling(reader, _part(PartStatus.UNSURE, doors, reason="no_answer"))
    return claimed.telling(reader, _part(PartStatus.SENT, doors, message=message))


def _closed(found: Notification, doors: Doors) -> Notification:
    """Return the row as it is left: done, or to be looked at again, later each time."""
    announced = BUS in found.parts or not doors.bus.is_set_up
    if announced and all(reader in found.parts for reader in readers_of(found.kind)):
        # The address that a link was sent to is not needed any more.
        kept = {name: value for name, value in found.refs.items() if name != "email"}
        return found.having(sweep_at=None, refs=kept)
    waited = doors.now() - found.created_at
    return found.having(sweep_at=doors.now() + max(LEFT_OVER_AFTER, waited))


def _part(
    status: PartStatus, doors: Doors, *, reason: str | None = None, message: str | None = None
) -> Part:
    return Part(status=status, at=doors.now(), reason=reason, message=message)


def _tags(reader: str, found: Notification) -> dict[str, str]:
    """Return the tags that name the message to SES, which reports them back."""
    return tags_of(
        tenant=found.tenant,
        about=found.about,
        subject=found.subject,
        notice=found.id,
        reader=reader,
    )
