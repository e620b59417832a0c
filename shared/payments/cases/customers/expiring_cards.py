"""Tell owners of saved cards that a card expires, while they can still save another one."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from payments.doors.doors import Doors
from payments.doors.store import change
from payments.doors.table import RowChanged, Unreadable
from payments.errors import PaymentsError, Unavailable
from payments.facts.customer import SavedMethod
from payments.facts.module import MODES, PaymentModule
from payments.facts.notification import Kind
from payments.steps.modules.permissions import require_ready
from payments.steps.notifications.outbox import of_customer

#: At most this many for each shard and run. Cards expire together at a month's end: the next hour
#: takes the rest.
LIMIT = 100
PAGE = 100
#: When a card is looked at again if its owner cannot be told today.
LOOK_EVERY = timedelta(days=1)


@dataclass(slots=True)
class Warned:
    """What a run did; `left` counts the cards that are looked at again tomorrow."""

    told: int = 0
    left: int = 0
    too_late: int = 0


@dataclass(slots=True)
class _Run:
    doors: Doors
    #: Whether a tenant's account and mode charge saved cards; read once in a run.
    charged: dict[tuple[str, str], bool] = field(default_factory=dict)


def warn_due(doors: Doors) -> Warned:
    """Tell the owner of each card that expires within a month, once for each expiry."""
    done, run = Warned(), _Run(doors)
    for card in doors.store.due(SavedMethod, doors.now(), limit=LIMIT):
        if not doors.may_write:
            break
        if card.sweep_at is None or card.sweep_at > doors.now():
            continue
        with suppress(RowChanged):
            try:
                _warn(card, done, run)
            except (PaymentsError, Unreadable):
                doors.store.save(card.having(put_off_until=doors.now() + LOOK_EVERY), card)
                done.left += 1
    return done


def _warn(card: SavedMethod, done: Warned, run: _Run) -> None:
    doors = run.doors
    if card.expires_at and card.expires_at <= doors.now():
        doors.store.save(card.having(warned_for=card.expiry), card)
        done.too_late += 1
    elif not _has_reader(card, doors) or not _is_charged(card, run):
        doors.store.save(card.having(put_off_until=doors.now() + LOOK_EVERY), card)
        done.left += 1
    else:
        done.told += _tell(card, doors)


def _tell(card: SavedMethod, doors: Doors) -> bool:
    """Write the owner's notice, and return whether it is a new one."""
    settled = change(card.having(warned_for=card.expiry), card)
    notice = of_customer(
        Kind.CARD_EXPIRING,
        f"{card.id}:{card.expiry}",
        tenant=card.tenant,
        customer=card.customer,
        at=doors.now(),
        payment_method=card.id,
        expiry=card.expiry,
    )
    row = notice.new
    if doors.store.notification(row.tenant, row.about, row.subject, row.id):
        # A renewal was taken back: the owner has been told about this month already.
        doors.store.write(settled)
        return False
    doors.store.write(settled, notice)
    return True


def _has_reader(card: SavedMethod, doors: Doors) -> bool:
    owner = doors.store.find_customer(card.tenant, card.customer)
    return bool(owner and owner.email and owner.online_payment_enabled and not owner.erased_at)


def _is_charged(card: SavedMethod, run: _Run) -> bool:
    slot = (card.tenant, card.slot)
    if slot not in run.charged:
        modules = _modules(card.tenant, run.doors)
        run.charged[slot] = any(_charges(module, card, run.doors) for module in modules)
    return run.charged[slot]


def _charges(module: PaymentModule, card: SavedMethod, doors: Doors) -> bool:
    if module.account != card.account or MODES.get(module.state) != card.mode:
        return False
    try:
        require_ready(module, "charge_saved", doors)
        module.require_card()
    except Unavailable:
        raise
    except PaymentsError:
        return False
    return True


def _modules(tenant: str, doors: Doors) -> Iterator[PaymentModule]:
    cursor = None
    while True:
        found, cursor = doors.store.page(PaymentModule, tenant, limit=PAGE, cursor=cursor)
        yield from found
        if cursor is None:
            return
