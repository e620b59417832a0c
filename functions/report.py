"""/v1/reconciliation, /v1/recoveries and /v1/ledger: compare with Stripe, and read the books."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, BaseModel, Field

from payments.cases.books import reconciliation, trial_balance
from payments.edge import api, runtime
from payments.edge.shapes import RecoveryOut, show_recovery
from payments.facts.ledger import JournalEntry, Posting
from payments.facts.recovery import Recovery, RecoveryStatus
from payments.facts.run import Break, Run

app = api.new_app()
handler = api.lambda_handler(app)

STRIPE_BEGAN = datetime(2010, 1, 1, tzinfo=UTC)


def _require_after_stripe_began(at: datetime) -> datetime:
    """Refuse a time before Stripe existed: no payment can be that old."""
    if at < STRIPE_BEGAN:
        raise ValueError("earlier than any payment")
    return at


Time = Annotated[api.Time, AfterValidator(_require_after_stripe_began)]


class RequestRun(api.Body):
    """
    Without a window, the last 30 days are compared.

    `heal` books what was missed; `report` only looks. Without `livemode` it is about live money, if
    the account has live keys.
    """

    account: api.Name
    mode: Literal["report", "heal"] = "heal"
    livemode: bool | None = None
    window_from: Annotated[Time | None, Field(alias="from")] = None
    window_to: Annotated[Time | None, Field(alias="to")] = None


class RunOut(BaseModel):
    """
    `residual` is the number of breaks that are left.

    0 means that the books agree with Stripe.
    """

    id: str
    account: str
    mode: str
    livemode: bool
    trigger: str
    status: str
    status_reason: str | None
    window_from: datetime
    window_to: datetime
    checked: int
    matched: int
    healed: int
    breaks: dict[str, int]
    residual: int
    created_at: datetime
    finished_at: datetime | None


class RunPage(BaseModel):
    """A page of runs."""

    data: list[RunOut]
    next_cursor: str | None


class BreakOut(BaseModel):
    """A difference that a person has to look at."""

    id: str
    account: str
    run: str
    type: str
    stripe_id: str
    detail: str
    status: str
    resolution: str | None
    note: str | None
    found_at: datetime
    resolved_at: datetime | None


class ResolveBreak(api.Body):
    """`accept` means that it may stay, and `note` says why; no money moves."""

    action: Literal["accept"]
    note: api.Text


class BreakPage(BaseModel):
    """A page of breaks."""

    data: list[BreakOut]
    next_cursor: str | None


class RecoveryPage(BaseModel):
    """A page of recoveries."""

    data: list[RecoveryOut]
    next_cursor: str | None


class EntryOut(BaseModel):
    """One fact as postings in minor units, debits positive; their sum is zero."""

    fact: str
    invoice: str
    at: datetime
    postings: list[Posting]


class EntryPage(BaseModel):
    """A page of the journal."""

    data: list[EntryOut]
    next_cursor: str | None


class AccountBalance(BaseModel):
    """The balance of one account of the ledger, debits positive."""

    account: str
    currency: str
    balance: int


class TrialBalanceOut(BaseModel):
    """`totals` is zero in every currency."""

    entries: int
    data: list[AccountBalance]
    totals: dict[str, int]
    balanced: bool


def show(run: Run) -> RunOut:
    """Return the run as a caller may see it."""
    shown = run.model_dump() | {"mode": run.action, "livemode": run.mode == "live"}
    return RunOut(**shown, residual=run.residual)


@app.post("/v1/reconciliation/runs", status_code=202)
def request_run(body: RequestRun) -> Response[RunOut]:
    """Queue a reconciliation run."""
    caller, doors = api.caller(app), runtime.doors()
    request = reconciliation.RunRequest(
        body.account, body.mode, body.livemode, body.window_from, body.window_to
    )

    def queue(run_id: str) -> RunOut:
        return show(reconciliation.request_run(request, run_id=run_id, caller=caller, doors=doors))

    return api.answer_once(app, "run", 202, queue, moves_money=False)


@app.get("/v1/reconciliation/runs")
def list_runs(
    limit: api.Limit = 20,
    cursor: api.Cursor = None,
) -> RunPage:
    """List the runs, newest first."""
    runs, following = runtime.store().page(Run, api.caller(app).tenant, limit=limit, cursor=cursor)
    return RunPage(data=[show(run) for run in runs], next_cursor=following)


@app.get("/v1/reconciliation/runs/<run_id>")
def get_run(run_id: api.PathName) -> RunOut:
    """Return one run."""
    return show(runtime.store().run(api.caller(app).tenant, run_id))


@app.get("/v1/reconciliation/breaks")
def list_breaks(
    limit: api.Limit = 20,
    cursor: api.Cursor = None,
    status: Annotated[Literal["open", "resolved"] | None, Query()] = None,
) -> BreakPage:
    """List the breaks that need a person, newest first."""
    wanted: dict[str, str] = {"status": status} if status else {}
    breaks, following = runtime.store().page(
        Break, api.caller(app).tenant, limit=limit, cursor=cursor, wanted=wanted
    )
    return BreakPage(
        data=[BreakOut(**found.model_dump()) for found in breaks], next_cursor=following
    )


@app.post("/v1/reconciliation/breaks/<break_id>/resolve")
def resolve_break(break_id: api.PathName, body: ResolveBreak) -> BreakOut:
    """Close a break that may stay; one that is mended closes by itself in the next run."""
    caller, doors = api.caller(app), runtime.doors()
    found = reconciliation.accept_break(break_id, body.note, caller=caller, doors=doors)
    return BreakOut(**found.model_dump())


@app.get("/v1/recoveries")
def list_recoveries(
    limit: api.Limit = 20,
    cursor: api.Cursor = None,
    status: Annotated[RecoveryStatus | None, Query()] = None,
) -> RecoveryPage:
    """List the recoveries of declined cards, newest first."""
    wanted: dict[str, str] = {"status": status} if status else {}
    found, following = runtime.store().page(
        Recovery, api.caller(app).tenant, limit=limit, cursor=cursor, wanted=wanted
    )
    return RecoveryPage(data=[show_recovery(each) for each in found], next_cursor=following)


@app.get("/v1/ledger/entries")
def list_entries(
    limit: api.Limit = 20,
    cursor: api.LongCursor = None,
) -> EntryPage:
    """List the journal, newest first; an entry never changes, a correction reverses it."""
    tenant = api.caller(app).tenant
    found, following = runtime.store().page(JournalEntry, tenant, limit=limit, cursor=cursor)
    return EntryPage(data=[EntryOut(**each.model_dump()) for each in found], next_cursor=following)


@app.get("/v1/ledger/trial-balance")
def get_trial_balance(until: Annotated[Time | None, Query()] = None) -> TrialBalanceOut:
    """Return the balance of every account; the sum is zero in each currency."""
    found = trial_balance.trial_balance(api.caller(app).tenant, until, doors=runtime.doors())
    return TrialBalanceOut(
        entries=found.entries,
        data=[
            AccountBalance(account=account, currency=currency, balance=balance)
            for (account, currency), balance in sorted(found.balances.items())
        ],
        totals=found.totals,
        balanced=not any(found.totals.values()),
    )
