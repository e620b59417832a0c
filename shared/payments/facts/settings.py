"""A tenant's settings; without a row, the defaults."""

from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from payments.errors import PermissionDenied
from payments.facts.caller import Caller
from payments.facts.fact import Fact
from payments.facts.mailing import MailLimits
from payments.facts.time_zone import UTC
from payments.money import Money


class Limit(Fact):
    """`amount` minor units of `currency`."""

    amount: int
    currency: str


class Settings(Fact):
    """
    What a tenant has decided about its money and its payers.

    `late_payment` is for money that came for a void invoice, `overpayment` for money from Stripe
    beyond what is asked for; both exclude cash. `refund_limit` is the most that anybody but an
    admin may refund of one payment. Where there are limits, a currency without one needs an admin.
    `retry_schedule` is in days between two tries of a declined saved card; without it, nothing is
    tried by itself. `mail_limits` keep a fault elsewhere from becoming a flood of mails.
    """

    tenant: str
    name: str | None = None
    logo: str | None = None
    colour: str | None = None
    seller_email: str | None = None
    #: The time zone of the days that its payers and its own people read.
    time_zone: str = UTC
    return_origins: tuple[str, ...] = ()
    refund_limit: tuple[Limit, ...] = ()
    late_payment: Literal["credit", "refund"] = "credit"
    overpayment: Literal["credit", "refund"] = "credit"
    retry_schedule: tuple[int, ...] = ()
    mail_limits: MailLimits = Field(default_factory=MailLimits)
    #: 0 where nothing is stored.
    version: int = 1

    @classmethod
    def undecided(cls, tenant: str) -> "Settings":
        """Return the defaults, for a tenant that has decided nothing yet."""
        return cls(tenant=tenant, version=0)

    def today(self, now: datetime) -> date:
        """Return the merchant's present date."""
        return now.astimezone(ZoneInfo(self.time_zone)).date()

    def require_may_refund(self, money: Money, caller: Caller) -> None:
        """Refuse a refund above the tenant's limit for one payment, unless an admin asks."""
        if caller.is_admin or not self.refund_limit:
            return
        most = next(
            (each.amount for each in self.refund_limit if each.currency == money.currency), 0
        )
        if money.amount > most:
            limit = Money(most, money.currency)
            raise PermissionDenied(
                f"More than {limit} of a payment is given back by an admin.", refund_limit=most
            )

    def having(self, **changes: object) -> "Settings":
        """Return them with `changes`."""
        return Settings.model_validate({**dict(self), **changes})
