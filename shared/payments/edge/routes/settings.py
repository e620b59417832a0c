"""/v1/settings: a tenant's own settings."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import AfterValidator, BaseModel, Field

from payments import config
from payments.cases.modules import configure
from payments.edge import api, runtime
from payments.facts.mailing import MailLimits
from payments.facts.settings import Settings
from payments.facts.time_zone import UTC
from payments.money import MAXIMUM_TOTAL, require_currency

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

_LIMITS = MailLimits()
Days = Annotated[int, Field(strict=True, ge=1, le=30)]
Address = Annotated[str, Field(max_length=2000)]


#: A time zone of the IANA database.
Zone = Annotated[str, Field(min_length=1, max_length=64)]


class LimitIn(api.Body):
    """Minor units; with 0, only an admin may refund in the currency."""

    amount: Annotated[int, Field(strict=True, ge=0, le=MAXIMUM_TOTAL)]
    currency: api.Currency


def _one_each(limits: tuple[LimitIn, ...]) -> tuple[LimitIn, ...]:
    if len({each.currency for each in limits}) < len(limits):
        raise ValueError("one limit for each currency")
    return limits


class MailLimitsIn(api.Body):
    """
    How many mails may be sent in 24 hours; what is left out is the default.

    They limit one payer's `address`, one `invoice` to that address because Send was pressed, and
    the whole `tenant`. A `tenant` limit of 0 ends all mails except those about accounts and
    disputes.
    """

    address: Annotated[int, Field(strict=True, ge=1, le=1000)] = _LIMITS.address
    invoice: Annotated[int, Field(strict=True, ge=1, le=50)] = _LIMITS.invoice
    tenant: Annotated[int, Field(strict=True, ge=0, le=50_000)] = _LIMITS.tenant


class ChangeSettings(api.Body):
    """
    What is left out stays; null removes the name, the logo, the colour or the address.

    In `time_zone` begin the days that payers read; in UTC, they are labelled so. `return_origins`
    are where a payer may be sent back to. Only an admin may refund more than `refund_limit` of one
    payment. `retry_schedule` is in days from one try to the next. Money for a void invoice
    (`late_payment`) and excess money from Stripe (`overpayment`) becomes credit or goes back to the
    payer. Money from outside Stripe always becomes credit.
    """

    name: api.Text | None = None
    logo: Address | None = None
    colour: Annotated[str | None, Field(pattern=r"^#[0-9a-f]{6}$")] = None
    seller_email: api.Email | None = None
    time_zone: Zone = UTC
    return_origins: Annotated[tuple[Address, ...], Field(max_length=20)] = ()
    refund_limit: Annotated[
        tuple[LimitIn, ...], Field(max_length=50), AfterValidator(_one_each)
    ] = ()
    late_payment: Literal["credit", "refund"] = "credit"
    overpayment: Literal["credit", "refund"] = "credit"
    retry_schedule: Annotated[tuple[Days, ...], Field(max_length=8)] = ()
    mail_limits: MailLimitsIn = MailLimitsIn()


class SettingsOut(BaseModel):
    """The ETag is the version; 0 means that the tenant has decided nothing yet."""

    name: str | None
    logo: str | None
    colour: str | None
    seller_email: str | None
    time_zone: str
    return_origins: list[str]
    refund_limit: list[dict[str, Any]]
    late_payment: str
    overpayment: str
    retry_schedule: list[int]
    mail_limits: dict[str, int]
    version: int


@router.get("/v1/settings")
def get_settings() -> Response[SettingsOut]:
    """Return the tenant's settings, with the defaults of the rest."""
    return _answer(runtime.store().settings(api.caller(router).tenant))


@router.patch("/v1/settings")
def change_settings(body: ChangeSettings) -> Response[SettingsOut]:
    """Change the settings; If-Match names the version that was seen."""
    changed = body.model_dump(exclude_unset=True)
    for limit in changed.get("refund_limit", ()):
        require_currency(limit["currency"])
    local = config.settings().stage == "local"
    return _answer(
        configure.decide(
            changed,
            seen=api.if_match(router),
            local=local,
            caller=api.caller(router),
            doors=runtime.doors(),
        )
    )


def _answer(settings: Settings) -> Response[SettingsOut]:
    shown = SettingsOut(**settings.model_dump(mode="json", exclude={"tenant"}))
    return api.answer(200, shown, api.etag(settings.version))
