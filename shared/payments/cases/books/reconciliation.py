"""Compare Stripe's money with ours, repair what was missed, and name what cannot be repaired."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import StripeRefused, ValidationFailed, require_found
from payments.facts.account import Account
from payments.facts.caller import Caller
from payments.facts.run import PHASES, Break, Run
from payments.facts.stripe_objects import Intent
from payments.steps.books.comparison import Told, compare
from payments.steps.retry import retrying

if TYPE_CHECKING:
    # Not at run time: a run is requested without loading Stripe's SDK.
    from payments.doors.gateway import Gateway

#: How far a requested run without a window looks back: as far as Stripe keeps its events.
DEFAULT_WINDOW = timedelta(days=30)
#: A Checkout Session's payment may come 23 hours after its intent was made, so each window overlaps
#: the last one by more.
OVERLAP = timedelta(hours=25)
#: How many breaks to check between two saves.
PAGE = 20
#: With less time than this, a run hands over to the next invocation.
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
    `heal` repairs what is safe to repair; `report` only reads.

    Without `livemode` the run is about live money, if the account has live keys.
    """

    account: str
    action: Literal["report", "heal"] = "heal"
    livemode: bool | None = None
    window_from: datetime | None = None
    window_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What a run has to do."""

    trigger: Literal["request", "schedule"]
    action: Literal["report", "heal"]
    mode: str
    since: datetime
    until: datetime


def request_run(request: RunRequest, *, run_id: str, caller: Caller, doors: Doors) -> Run:
    """Queue a run and return it; `run_id` belongs to the request."""
    account = doors.store.account(caller.tenant, request.account)
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
    """Queue a run for every active slot of all accounts, and return the runs."""
    runs = []
    now = doors.now()
    for account in doors.store.working_accounts():
        for mode in account.active_modes:
            slot = account.slot(mode)
            since = (slot.reconciled_until or slot.created_at) - OVERLAP
            order = Order("schedule", "heal", mode, since, now + timedelta(seconds=1))
            runs.append(_queue(account, order, doors.new_id("run"), doors))
    return runs


def carry_out(tenant: str, run_id: str, doors: Doors) -> Run:
    """
    Carry out a queued run page by page and return it; a second delivery goes on where it is.

    The cursor is saved after each page. When time runs out, the run queues itself again.
    """
    run = doors.store.run(tenant, run_id)
    account = doors.store.account(tenant, run.account)
    gateway = doors.gateway(tenant, run.account, run.mode)
    while run.status in {"queued", "running"}:
        if doors.time_left() < NEEDS_S:
            doors.reconciliations.send({"tenant": tenant, "run": run_id})
            break
        try:
            if run.phase == "breaks":
                found, cursor = _look_again(run, gateway, doors)
            else:
                page, cursor = _page(run, gateway)
                found = _compare(page, run, doors)
        except StripeRefused as refusal:
            return doors.store.save(run.having(status="failed", status_reason=refusal.detail), run)
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
    """Return the run's next page of Stripe's list, and the cursor after it."""
    if run.phase == "payments":
        return gateway.intents(run.window_from, run.window_to, run.cursor)
    if run.phase == "disputes":
        return gateway.disputes(run.window_from, run.window_to, run.cursor)
    return gateway.refunds(run.window_from, run.window_to, run.cursor)


def _look_again(run: Run, gateway: "Gateway", doors: Doors) -> tuple[Findings, str | None]:
    """
    Close breaks of earlier runs that no longer exist; return the findings and the next cursor.

    The counts stay with the runs that found the breaks.
    """
    found = Findings()
    named, cursor = doors.store.page(
        Break, run.tenant, limit=PAGE, cursor=run.cursor, wanted={"status": "open"}
    )
    for each in named:
        if not each.is_of(run):
            continue
        kind = compare(_told(each, gateway), run, doors)
        if kind in {"matched", "healed"}:
            found.healed += kind == "healed"
            gone: Literal["agrees", "healed"] = "healed" if kind == "healed" else "agrees"
            with suppress(RowChanged):
                doors.store.save(each.resolve(gone, doors.now(), run.id), each)
    return found, cursor


def _told(named: Break, gateway: "Gateway") -> Told:
    if named.stripe_id.startswith("pi_"):
        return gateway.intent(named.stripe_id)
    if named.stripe_id.startswith("re_"):
        return gateway.refund(named.stripe_id)
    return gateway.dispute(named.stripe_id)


def accept_break(name: str, note: str, *, caller: Caller, doors: Doors) -> Break:
    """Close a break because a person says that it may stay, and return it; no money moves."""

    def step() -> Break:
        found = require_found(doors.store.find_break(caller.tenant, name), "break")
        if found.status == "resolved":
            return found
        done = found.resolve("accepted", doors.now(), caller.subject, note)
        return doors.store.save(done, found)

    return retrying(step, doors, detail="The break kept changing; it is still open.")


def _compare(page: Sequence[Told], run: Run, doors: Doors) -> Findings:
    found = Findings()
    for told in page:
        kind = compare(told, run, doors)
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


def _name(kind: str, told: Told, run: Run, doors: Doors) -> None:
    """Store the break once, however often it is found; a healed one that comes back opens again."""
    name = f"brk_{kind}_{told.id}"
    known = doors.store.find_break(run.tenant, name)
    if known and (known.status == "open" or known.resolution == "accepted"):
        return
    about = told.charge.id if isinstance(told, Intent) else told.charge
    detail = f"{told.id}, {about}: {told.amount} {told.currency}."
    found = Break(
        id=name,
        tenant=run.tenant,
        account=run.account,
        mode=run.mode,
        run=run.id,
        type=kind,
        stripe_id=told.id,
        detail=detail,
        found_at=doors.now(),
    )
    with suppress(RowChanged):
        doors.store.save(found, known)


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
    """Move the account's mark forward; a lost race only makes the next window longer."""
    marked = account.slot(run.mode).reconciled_until or run.window_from
    if run.trigger == "schedule" and marked < run.window_to:
        try:
            doors.store.save(account.having_slot(run.mode, reconciled_until=run.window_to), account)
        except RowChanged:
            return
