"""/v1/accounts: connect a Stripe account by its keys, read its state, verify it again."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, Field

from payments.cases.accounts import connect_by_keys, disconnect
from payments.edge import api, runtime
from payments.edge.routes import connections, doctor
from payments.facts.account import EMAILS_MAX, Account, Check, Slot
from payments.steps.accounts.key_probes import Keys

app = api.new_app()
app.include_router(connections.router)
app.include_router(doctor.router)
handler = api.lambda_handler(app)


Mode = Literal["test", "live"]
Key = Annotated[str, Field(min_length=8, max_length=255)]


class ConnectAccount(api.Body):
    """Keys from Stripe's Dashboard; a restricted key (rk_...) is the better secret key."""

    name: api.Text
    mode: Mode
    publishable_key: Key
    secret_key: Key
    error_emails: Annotated[tuple[api.Email, ...], Field(max_length=EMAILS_MAX)] = ()


class PutCredentials(api.Body):
    """The keys of one mode: its first ones, or a replacement of those in use."""

    mode: Mode
    publishable_key: Key
    secret_key: Key


class ChangeAccount(api.Body):
    """Members that are given replace the stored ones."""

    name: api.Text | None = None
    error_emails: Annotated[tuple[api.Email, ...], Field(max_length=EMAILS_MAX)] | None = None


class RotateSecret(api.Body):
    """
    Without `mode`, the live endpoint, if there is one.

    Use no `overlap` for a secret that leaked.
    """

    mode: Mode | None = None
    overlap: bool = True


class Webhook(BaseModel):
    """The endpoint at Stripe; until `previous_until` the former secret is valid, too."""

    url: str
    api_version: str
    previous_until: str | None


class PreviousKey(BaseModel):
    """The former secret key; from `until` on it may be deleted at Stripe."""

    last4: str
    until: str


class SlotOut(BaseModel):
    """What the account has in one mode; of its secret key, only the last four characters."""

    status: str
    status_reason: str | None
    publishable_key: str | None
    secret_key_last4: str | None
    checks: list[Check]
    webhook: Webhook | None
    previous_key: PreviousKey | None
    verified_at: str | None


class AccountOut(SlotOut):
    """
    An account, with the `credentials` of each connected mode.

    The other members are those of `mode`: live, once it has live keys.
    """

    id: str
    name: str
    mode: str
    method: str
    stripe_account: str | None
    error_emails: list[str]
    created_at: str
    credentials: dict[str, SlotOut]


class AccountPage(BaseModel):
    """A page of accounts."""

    data: list[AccountOut]
    next_cursor: str | None


SHOWN = {"id", "name", "method", "stripe_account", "error_emails", "created_at"}


def show(account: Account) -> AccountOut:
    """Return the account as a caller may see it."""
    credentials = {mode: _show_slot(slot) for mode, slot in account.slots.items()}
    fields = account.model_dump(mode="json", include=SHOWN)
    main = credentials[account.main_mode].model_dump()
    return AccountOut(**main, **fields, mode=account.main_mode, credentials=credentials)


def _show_slot(slot: Slot) -> SlotOut:
    fields = slot.model_dump(mode="json")
    return SlotOut(**fields, webhook=fields.pop("endpoint"))


@app.post("/v1/accounts", status_code=201)
def connect_account(body: ConnectAccount) -> Response[AccountOut]:
    """Connect an account: test its keys, store them, create the webhook endpoint."""
    caller, doors = api.caller(app), runtime.doors()
    keys = Keys(body.mode, body.publishable_key, body.secret_key)
    request = connect_by_keys.ConnectRequest(body.name, keys, body.error_emails)

    def connect(account_id: str) -> AccountOut:
        return show(
            connect_by_keys.connect(request, account_id=account_id, caller=caller, doors=doors)
        )

    return api.answer_once(app, "acc", 201, connect)


@app.get("/v1/accounts")
def list_accounts(
    limit: api.Limit = 20,
    cursor: api.Cursor = None,
) -> AccountPage:
    """List the accounts, newest first."""
    accounts, following = runtime.store().page(
        Account, api.caller(app).tenant, limit=limit, cursor=cursor
    )
    return AccountPage(data=[show(account) for account in accounts], next_cursor=following)


@app.get("/v1/accounts/<account_id>")
def get_account(account_id: api.PathName) -> AccountOut:
    """Return one account."""
    return show(runtime.store().account(api.caller(app).tenant, account_id))


@app.patch("/v1/accounts/<account_id>")
def change_account(account_id: api.PathName, body: ChangeAccount) -> AccountOut:
    """Change an account's name, or the addresses for its errors."""
    return show(
        connect_by_keys.change_account(
            account_id, body.name, body.error_emails, caller=api.caller(app), doors=runtime.doors()
        )
    )


@app.post("/v1/accounts/<account_id>/disconnect")
def disconnect_account(account_id: api.PathName) -> AccountOut:
    """
    Disconnect an account: close what is open, delete its endpoint and its keys.

    New keys connect it again.
    """
    return show(disconnect.disconnect(account_id, caller=api.caller(app), doors=runtime.doors()))


@app.post("/v1/accounts/<account_id>/verify")
def verify_account(account_id: api.PathName) -> AccountOut:
    """Test the keys again, and repair the webhook endpoint if it is gone."""
    return show(
        connect_by_keys.verify_account(account_id, caller=api.caller(app), doors=runtime.doors())
    )


@app.post("/v1/accounts/<account_id>/credentials")
def put_credentials(account_id: api.PathName, body: PutCredentials) -> Response[AccountOut]:
    """Add the keys of another mode, or replace those of one; the old keys work until then."""
    caller, doors = api.caller(app), runtime.doors()
    keys = Keys(body.mode, body.publishable_key, body.secret_key)

    def put(_: str) -> AccountOut:
        return show(connect_by_keys.put_credentials(account_id, keys, caller=caller, doors=doors))

    return api.answer_once(app, "key", 200, put, moves_money=False)


@app.post("/v1/accounts/<account_id>/webhook-secret/rotate")
def rotate_webhook_secret(
    account_id: api.PathName, body: RotateSecret | None = None
) -> Response[AccountOut]:
    """Have Stripe sign with a new secret; the former one is valid for three days more."""
    caller, doors, asked = api.caller(app), runtime.doors(), body or RotateSecret()

    def rotate(_: str) -> AccountOut:
        return show(
            connect_by_keys.rotate_webhook_secret(
                account_id, asked.mode, overlap=asked.overlap, caller=caller, doors=doors
            )
        )

    return api.answer_once(app, "key", 200, rotate, moves_money=False)
