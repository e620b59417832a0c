"""/v1/accounts: connect a Stripe account by its keys, see its state, verify it again."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, Field

from payments.cases import onboarding
from payments.edge import api, runtime
from payments.facts.account import Account, Check

app = api.new_app()
handler = api.lambda_handler(app)


class ConnectAccount(api.Body):
    """Keys as Stripe's Dashboard shows them; restricted keys (rk_...) are the better secret key."""

    name: api.Text
    mode: Literal["test", "live"]
    publishable_key: Annotated[str, Field(min_length=8, max_length=255)]
    secret_key: Annotated[str, Field(min_length=8, max_length=255)]
    error_emails: Annotated[tuple[api.Email, ...], Field(max_length=10)] = ()


class Webhook(BaseModel):
    """The endpoint at Stripe."""

    url: str
    api_version: str


class AccountOut(BaseModel):
    """An account; of its secret key only the last four characters."""

    id: str
    name: str
    mode: str
    method: str
    stripe_account: str | None
    status: str
    status_reason: str | None
    publishable_key: str | None
    secret_key_last4: str | None
    error_emails: list[str]
    checks: list[Check]
    webhook: Webhook | None
    created_at: str
    verified_at: str | None


class AccountPage(BaseModel):
    """A page of accounts."""

    data: list[AccountOut]
    next_cursor: str | None


def show(account: Account) -> AccountOut:
    """Return what a caller may see."""
    webhook = account.endpoint and Webhook(
        url=account.endpoint.url, api_version=account.endpoint.api_version
    )
    fields = account.model_dump(
        mode="json", exclude={"endpoint", "tenant", "version", "reconciled_until"}
    )
    return AccountOut(**fields, webhook=webhook)


@app.post("/v1/accounts", status_code=201)
def connect_account(body: ConnectAccount) -> Response[AccountOut]:
    """Try the keys at Stripe, keep them, create the webhook endpoint."""
    caller, doors = api.caller(app), runtime.doors()
    request = onboarding.ConnectRequest(
        body.name, body.mode, body.publishable_key, body.secret_key, body.error_emails
    )

    def connect(account_id: str) -> AccountOut:
        return show(onboarding.connect(request, account_id=account_id, caller=caller, doors=doors))

    return api.answer_once(app, "acc", 201, connect)


@app.get("/v1/accounts")
def list_accounts(
    limit: Annotated[int, Query(ge=1, le=api.PAGE_MAX)] = 20,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> AccountPage:
    """Newest first."""
    accounts, following = runtime.store().page(
        Account, api.caller(app).tenant, limit=limit, cursor=cursor
    )
    return AccountPage(data=[show(account) for account in accounts], next_cursor=following)


@app.get("/v1/accounts/<account_id>")
def get_account(account_id: api.PathName) -> AccountOut:
    """One account."""
    return show(runtime.store().account(api.caller(app).tenant, account_id))


@app.post("/v1/accounts/<account_id>/verify")
def verify_account(account_id: api.PathName) -> AccountOut:
    """Probe the keys again, and repair the webhook endpoint if it is gone."""
    return show(onboarding.verify(account_id, caller=api.caller(app), doors=runtime.doors()))
