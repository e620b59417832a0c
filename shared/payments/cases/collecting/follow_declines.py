"""Follow declined charges of saved cards until the money is there or nobody can get it."""

from contextlib import suppress
from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.doors.table import RowChanged, Unreadable
from payments.errors import NotFound, PaymentsError
from payments.facts.attempt import SWEEP_AFTER, Attempt, AttemptStatus, Channel, Decline
from payments.facts.caller import Caller
from payments.facts.customer import SavedMethod
from payments.facts.invoice import Invoice, InvoiceStatus
from payments.facts.outcome import OutcomeUnknown
from payments.facts.recovery import LOOK_EVERY, PATIENCE, SOON, Course, Recovery, RecoveryStatus
from payments.money import least_charge, part_within
from payments.steps.collecting.claims import claim
from payments.steps.collecting.saved_card import charge
from payments.steps.modules.permissions import require_ready, require_same_books
from payments.steps.retry import retrying

_A, _R = AttemptStatus, RecoveryStatus
#: At most this many for each shard and run; the next run takes the rest.
LIMIT = 25


@dataclass(slots=True)
class Followed:
    """What a run did; `left` counts recoveries that wait for something else."""

    tries: int = 0
    recovered: int = 0
    ended: int = 0
    left: int = 0


def follow_up(doors: Doors) -> Followed:
    """Take every recovery that is due one step further, and return the counts."""
    done = Followed()
    for recovery in doors.store.due(Recovery, doors.now(), limit=LIMIT):
        if not doors.may_write:
            break
        if not recovery.is_open:
            continue
        try:
            found = _step(recovery, done, doors)
        except (PaymentsError, OutcomeUnknown, RowChanged, Unreadable):
            found = recovery.having(sweep_at=doors.now() + SOON)
            done.left += 1
        except Exception:
            # A bug ends this run, which reports it; the next run begins with the others.
            _save(recovery.having(sweep_at=doors.now() + SOON), recovery, doors)
            raise
        _save(found, recovery, doors)
        done.recovered += found.status is _R.RECOVERED
        done.ended += not found.is_open
    return done


def stop(invoice: str, *, caller: Caller, doors: Doors) -> Recovery:
    """End a recovery at a person's request and return it; an ended one stays as it is."""

    def step() -> Recovery:
        recovery = doors.store.recovery(caller.tenant, invoice)
        if not recovery:
            raise NotFound("No charge of this invoice is being recovered.")
        if not recovery.is_open:
            return recovery
        return doors.store.save(recovery.end(_R.STOPPED, "asked_to", doors.now()), recovery)

    return retrying(step, doors, detail="The recovery kept changing; it was not stopped.")


def _save(new: Recovery, old: Recovery, doors: Doors) -> None:
    with suppress(RowChanged):
        doors.store.save(new, old)


def _step(recovery: Recovery, done: Followed, doors: Doors) -> Recovery:
    invoice = doors.store.invoice(recovery.tenant, recovery.invoice)
    attempt = doors.store.attempt(recovery.tenant, recovery.invoice, recovery.next_attempt)
    if attempt and attempt.status is _A.FAILED:
        return _declined(recovery, attempt, doors)
    under_way = attempt is not None and attempt.is_open
    if not under_way and (ended := _ended(recovery, invoice, attempt, doors)):
        return ended
    if under_way or invoice.claim or invoice.open_disputes:
        # A payer may pay at this moment, and disputed money is not asked for.
        done.left += 1
        return recovery.having(sweep_at=doors.now() + SOON)
    if recovery.status is _R.ASKED:
        return recovery.having(sweep_at=doors.now() + LOOK_EVERY)
    if attempt:
        # The attempt ended before the bank was asked: the same try is made under a new name.
        return recovery.having(next_attempt=doors.new_id("att"), sweep_at=doors.now())
    return _try(recovery, done, doors)


def _ended(
    recovery: Recovery, invoice: Invoice, attempt: Attempt | None, doors: Doors
) -> Recovery | None:
    """Return the recovery with its end, or None while there is something left to collect."""
    now, came = doors.now(), min(recovery.amount, max(0, recovery.owed - invoice.outstanding))
    if attempt and attempt.status is _A.SUCCEEDED:
        return recovery.end(_R.RECOVERED, recovery.reason, now, attempt.amount)
    if invoice.status in {InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE}:
        return recovery.end(_R.STOPPED, f"invoice_{invoice.status}", now, came)
    if came >= recovery.amount or not invoice.outstanding:
        return recovery.end(_R.RECOVERED, recovery.reason, now, came)
    if now - recovery.started_at > PATIENCE:
        return recovery.end(_R.GIVEN_UP, recovery.reason, now, came)
    return None


def _try(recovery: Recovery, done: Followed, doors: Doors) -> Recovery:
    customer = doors.store.customer(recovery.tenant, recovery.customer)
    if not customer.online_payment_enabled:
        return recovery.end(_R.STOPPED, "customer_not_enabled", doors.now())
    card = doors.store.card(recovery.tenant, recovery.customer, recovery.payment_method)
    if not card or not card.is_active:
        return recovery.ask(Course.NEW_CARD, "card_removed", doors.now())
    done.tries += 1
    attempt = _collect(recovery, card, doors)
    if attempt.status is _A.FAILED:
        return _declined(recovery, attempt, doors)
    if attempt.waits:
        # It counts as a try, so that a payer who refuses is asked for another card.
        asked = recovery.having(tries=recovery.tries + 1)
        confirm = asked.ask(Course.CONFIRM, "authentication_required", doors.now())
        return confirm.having(next_attempt=attempt.id)
    invoice = doors.store.invoice(recovery.tenant, recovery.invoice)
    ended = _ended(recovery, invoice, attempt, doors)
    return ended or recovery.having(sweep_at=doors.now() + SOON)


def _declined(recovery: Recovery, attempt: Attempt, doors: Doors) -> Recovery:
    decline = attempt.decline or Decline(code="card_declined")
    tried = recovery.having(tries=recovery.tries + 1)
    return tried.follow(decline, doors.now(), doors.new_id("att"))


def _collect(recovery: Recovery, card: SavedMethod, doors: Doors) -> Attempt:
    """Charge the card once more for the tenant's schedule; no profile needs a grant."""
    module = doors.store.module(recovery.tenant, recovery.module)
    permitted = require_ready(module, "charge_saved", doors)
    if card.slot != f"{permitted.account.id}:{permitted.mode}":
        raise NotFound("The card is saved in another mode, or another account.")

    def propose(seen: list[Invoice]) -> Attempt:
        (invoice,) = seen
        require_same_books(invoice, permitted)
        left = invoice.collectable
        part = part_within(left, recovery.amount, least_charge(invoice.currency))
        money = invoice.require_collectable(part)
        return Attempt(
            **permitted.binds(money),
            id=recovery.next_attempt,
            invoice=invoice.id,
            customer=recovery.customer,
            channel=Channel.AUTO,
            created_at=doors.now(),
            stripe_customer=card.stripe_customer,
            payment_method=card.id,
            sweep_at=doors.now() + SWEEP_AFTER,
            on_action_required=permitted.module.on_action_required,
        )

    invoice = doors.store.invoice(recovery.tenant, recovery.invoice)
    return charge(claim([invoice], propose, supersede=False, doors=doors), doors)
