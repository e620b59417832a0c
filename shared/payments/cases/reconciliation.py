"""Compare Stripe's money with ours, heal what was missed, and name what cannot be healed."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import StripeRefused, ValidationFailed
from payments.facts.account import Account
from payments.facts.payment import Payment
from payments.facts.refund import RefundStatus
from payments.facts.run import PHASES, Break, Run
from payments.facts.stripe_objects import Charge, Intent, StripeDispute, StripeRefund
from payments.steps.applying import Mismatch, NotOurs, OtherConnection, UnknownAttempt, apply_intent
from payments.steps.disputing import apply_dispute
from payments.steps.returning import apply_refund, matching

if TYPE_CHECKING:
    # Not at run time: asking for a run loads no SDK.
    from payments.doors.gateway import Gateway

Told = Intent | StripeRefund | StripeDispute

#: How far a run asked for without a window looks back: as far as Stripe keeps its events.
DEFAULT_WINDOW = timedelta(days=30)
#: A Checkout Session's payment may be made 23 hours after its intent was, so each window
#: overlaps the last by more.
OVERLAP = timedelta(hours=25)
#: Below this a run hands over to the next invocation.
NEEDS_S = 60


@dataclass(slots=True)
class Findings:
    """What one page showed."""

    checked: int = 0
    matched: int = 0
    healed: int = 0
    breaks: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """
    `heal` repairs what is safe to repair; `report` only looks.

    Without `livemode` it is about live money, if the account has live keys.
    """

    account: str
    action: Literal["report", "heal"] = "heal"
    livemode: bool | None = None
    window_from: datetime | None = None
    window_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is to do."""

    trigger: Literal["request", "schedule"]
    action: Literal["report", "heal"]
    mode: str
    since: datetime
    until: datetime


def request_run(request: RunRequest, *, tenant: str, run_id: str, doors: Doors) -> Run:
    """Queue a run and return it. `run_id` is the request's own."""
    account = doors.store.account(tenant, request.account)
    mode = account.main_mode
    if request.livemode is not None:
        mode = "live" if request.livemode else "test"
    account.require_active(mode)
    until = request.window_to or doors.now() + timedelta(seconds=1)
    since = request.window_from or until - DEFAULT_WINDOW
    if since >= until:
        raise ValidationFailed("The window ends before it begins.")
    order = Order("request", request.action, mode, since, until)
    return _queue(account, order, run_id, doors)


def schedule_runs(doors: Doors) -> list[Run]:
    """Queue a run for every active slot of every tenant's accounts."""
    runs = []
    now = doors.now()
    for account in doors.store.due(Account, now):
        for mode in account.active_modes:
            slot = account.slot(mode)
            since = (slot.reconciled_until or slot.created_at) - OVERLAP
            order = Order("schedule", "heal", mode, since, now + timedelta(seconds=1))
            runs.append(_queue(account, order, doors.new_id("run"), doors))
    return runs


def carry_out(tenant: str, run_id: str, doors: Doors) -> Run:
    """
    Carry out a queued run page by page; delivered twice, it goes on where it is.

    Where time runs out it queues itself again: the cursor is saved after each page.
    """
    run = doors.store.run(tenant, run_id)
    account = doors.store.account(tenant, run.account)
    gateway = doors.gateway(tenant, run.account, run.mode)
    while run.status in {"queued", "running"}:
        if doors.time_left() < NEEDS_S:
            doors.reconciliations.send({"tenant": tenant, "run": run_id})
            break
        try:
            page, cursor = _page(run, gateway)
        except StripeRefused as refusal:
            return doors.store.save(run.having(status="failed", status_reason=refusal.detail), run)
        found = _compare(page, run, doors)
        run = doors.store.save(_counted(run, found, cursor, doors.now()), run)
    if run.status == "done":
        _remember(account, run, doors)
    return run


def _queue(account: Account, order: Order, run_id: str, doors: Doors) -> Run:
    run = Run(
        id=run_id,
        tenant=account.tenant,
        account=account.id,
        mode=order.mode,
        action=order.action,
        window_from=order.since,
        window_to=order.until,
        created_at=doors.now(),
        trigger=order.trigger,
    )
    try:
        run = doors.store.save(run)
    except RowChanged:
        run = doors.store.run(account.tenant, run_id)
    doors.reconciliations.send({"tenant": run.tenant, "run": run.id})
    return run


def _page(run: Run, gateway: "Gateway") -> tuple[Sequence[Told], str | None]:
    """Return the page of Stripe's list at which the run is, and the next cursor."""
    if run.phase == "payments":
        return gateway.intents(run.window_from, run.window_to, run.cursor)
    if run.phase == "disputes":
        return gateway.disputes(run.window_from, run.window_to, run.cursor)
    return gateway.refunds(run.window_from, run.window_to, run.cursor)


def _compare(page: Sequence[Told], run: Run, doors: Doors) -> Findings:
    found = Findings()
    for told in page:
        kind = _compare_one(told, run, doors)
        if kind is None:
            continue
        found.checked += 1
        if kind == "matched":
            found.matched += 1
        elif kind == "healed":
            found.healed += 1
        else:
            found.breaks[kind] += 1
            _name(kind, told, run, doors)
    return found


def _compare_one(told: Told, run: Run, doors: Doors) -> str | None:
    """Return `matched`, `healed`, the type of the break, or None if it is none of this run's."""
    intent = told if isinstance(told, Intent) else told.payment_intent
    if not isinstance(intent, Intent) or intent.status != "succeeded":
        return None
    if intent.metadata.get("tenant") != run.tenant:
        return None
    payment = doors.store.payment(run.tenant, intent.metadata.get("invoice", ""), intent.charge.id)
    if isinstance(told, Intent):
        return _compare_payment(told, payment, run, doors)
    if isinstance(told, StripeDispute):
        return _compare_dispute(told, intent.metadata.get("invoice", ""), run, doors)
    return _compare_refund(told, payment, run, doors)


def _compare_payment(intent: Intent, payment: Payment | None, run: Run, doors: Doors) -> str | None:
    if payment is None or _lacks_fee(payment, intent):
        if run.action == "report":
            return "missing_payment" if payment is None else "missing_fee"
        return _heal(apply_intent, intent, run, doors, otherwise="contradiction")
    return _difference(payment, intent.charge) or "matched"


def _compare_refund(
    told: StripeRefund, payment: Payment | None, run: Run, doors: Doors
) -> str | None:
    known = matching(told, doors.store.refunds_of(payment) if payment else ())
    if known and known.status == told.status:
        return "matched" if known.amount == told.amount else "refund_mismatch"
    if known and not known.may_become(RefundStatus(told.status)):
        return "refund_mismatch"
    if run.action == "report":
        return "missing_refund"
    return _heal(apply_refund, told, run, doors, otherwise="refund_mismatch")


def _compare_dispute(told: StripeDispute, home: str, run: Run, doors: Doors) -> str | None:
    known = doors.store.dispute(run.tenant, home, told.id)
    if known and known.agrees(told):
        return "matched"
    if run.action == "report":
        return "dispute_not_booked"

    def apply(found: StripeDispute, **books: Any) -> object:
        return apply_dispute(found.id, **books)

    return _heal(apply, told, run, doors, otherwise="dispute_mismatch")


def _heal(
    apply: Callable[..., object], told: Told, run: Run, doors: Doors, *, otherwise: str
) -> str | None:
    """Book what was missed, or return why that cannot be."""
    try:
        apply(told, tenant=run.tenant, account=run.account, mode=run.mode, doors=doors)
    except OtherConnection:
        return None
    except (NotOurs, UnknownAttempt):
        return "unknown_attempt"
    except Mismatch:
        return otherwise
    return "healed"


def _difference(payment: Payment, charge: Charge) -> str | None:
    return "amount_mismatch" if payment.gross != charge.amount else None


def _lacks_fee(payment: Payment, intent: Intent) -> bool:
    return payment.fee.state == "pending" and not isinstance(
        intent.charge.balance_transaction, str | None
    )


def _name(kind: str, told: Told, run: Run, doors: Doors) -> None:
    """Keep the break once, however often it is found."""
    name = f"brk_{kind}_{told.id}"
    if doors.store.find_break(run.tenant, name):
        return
    about = told.charge.id if isinstance(told, Intent) else told.charge
    detail = f"{told.id}, {about}: {told.amount} {told.currency}."
    found = Break(
        id=name,
        tenant=run.tenant,
        account=run.account,
        run=run.id,
        type=kind,
        stripe_id=told.id,
        detail=detail,
        found_at=doors.now(),
    )
    try:
        doors.store.save(found)
    except RowChanged:
        return


def _counted(run: Run, found: Findings, cursor: str | None, now: datetime) -> Run:
    phases = PHASES[PHASES.index(run.phase) + (cursor is None) :]
    return run.having(
        status="running" if phases else "done",
        phase=phases[0] if phases else run.phase,
        cursor=cursor,
        finished_at=None if phases else now,
        checked=run.checked + found.checked,
        matched=run.matched + found.matched,
        healed=run.healed + found.healed,
        breaks=dict(Counter(run.breaks) + found.breaks),
    )


def _remember(account: Account, run: Run, doors: Doors) -> None:
    """Move the account's mark forward; losing a race only makes the next window longer."""
    marked = account.slot(run.mode).reconciled_until or run.window_from
    if run.trigger == "schedule" and marked < run.window_to:
        try:
            doors.store.save(account.having_slot(run.mode, reconciled_until=run.window_to), account)
        except RowChanged:
            return
