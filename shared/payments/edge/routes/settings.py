"""/v1/settings: what a tenant has decided for itself."""

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


#: Of the IANA database.
Zone = Annotated[str, Field(min_length=1, max_length=64)]


class LimitIn(api.Body):
    """Minor units; 0 leaves every refund in the currency to an admin."""

    amount: Annotated[int, Field(strict=True, ge=0, le=MAXIMUM_TOTAL)]
    currency: api.Currency


def _one_each(limits: tuple[LimitIn, ...]) -> tuple[LimitIn, ...]:
    if len({each.currency for each in limits}) < len(limits):
        raise ValueError("one limit for each currency")
    return limits


class MailLimitsIn(api.Body):
    """
    How many mails are sent in 24 hours; what is left out is the default.

    To one payer's `address`, to it about one `invoice` because Send was pressed, and of the whole
    `tenant`: there, 0 ends all but those about accounts and disputes.
    """

    address: Annotated[int, Field(strict=True, ge=1, le=1000)] = _LIMITS.address
    invoice: Annotated[int, Field(strict=True, ge=1, le=50)] = _LIMITS.invoice
    tenant: Annotated[int, Field(strict=True, ge=0, le=50_000)] = _LIMITS.tenant


class ChangeSettings(api.Body):
    """
    What is left out stays; null takes the name, the logo, the colour or the address away.

    In `time_zone` the days begin that payers read; in UTC, they are labelled so.

    `return_origins` are where a payer may be sent back to. Of one payment, anybody but an admin
    gives back `refund_limit` at most. `retry_schedule` is in days from one try to the next.
    Money for a void invoice (`late_payment`), and what Stripe collected beyond what is owed
    (`overpayment`), is the customer's credit or goes back to the payer. What came outside of Stripe
    is always credit.
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
    """The ETag is the version; 0 is a tenant that has decided nothing yet."""

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
    """Return what the tenant has decided, and the defaults of the rest."""
    return _answer(runtime.store().settings(api.caller(router).tenant))


@router.patch("/v1/settings")
def change_settings(body: ChangeSettings) -> Response[SettingsOut]:
    """Change them; If-Match names the version that was seen."""
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
