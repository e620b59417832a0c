"""Decide who may use a payment module, whether it works now, and which one an invoice has."""

from dataclasses import dataclass
from typing import Any

from payments.doors.doors import Doors
from payments.errors import PermissionDenied, ValidationFailed
from payments.facts.account import Account
from payments.facts.attempt import Attempt
from payments.facts.caller import Caller
from payments.facts.customer import Customer
from payments.facts.invoice import Invoice
from payments.facts.module import PaymentModule, Permission
from payments.money import (
    Money,
    least_charge,
    most_charge,
    require_chargeable,
    require_rest,
    step,
)


@dataclass(frozen=True, slots=True)
class Permitted:
    """A module that may be used, its account, and the mode its state implies."""

    module: PaymentModule
    account: Account
    mode: str

    @classmethod
    def by(cls, module: PaymentModule, account: Account) -> "Permitted":
        """Return the module with its account and mode; refuse if either does not work."""
        account.require_active(module.mode)
        return cls(module, account, module.mode)

    def require_money(self, money: Money, *rests: int) -> None:
        """
        Refuse an amount that the module does not take, or Stripe with the surcharge added.

        `rests` are the amounts that it would leave on the invoices.
        """
        self.module.terms.require_money(money)
        on_top = surcharge_of(self.module, self.account, money)
        require_chargeable(Money(money.amount + on_top, money.currency))
        for rest in rests:
            require_rest(rest, money.currency, least_at_once(self.module, money.currency))

    def binds(self, money: Money) -> dict[str, Any]:
        """
        Return what every attempt to collect `money` through the module takes from the module.

        The attempt's row keeps it, so that a replay asks Stripe for the same. A fee goes to the
        platform, which takes one only from accounts that are connected through it.
        """
        connected = self.account.method != "api_keys"
        fee = self.module.fee_policy.fee_of(money)
        return {
            "tenant": self.module.tenant,
            "amount": money.amount,
            "currency": money.currency,
            "account": self.account.id,
            "mode": self.mode,
            "module": self.module.id,
            "methods": self.module.terms.methods,
            "application_fee": fee if connected and fee else None,
            "surcharge": surcharge_of(self.module, self.account, money),
        }


def surcharge_of(module: PaymentModule, account: Account, money: Money) -> int:
    """Return the surcharge on `money`: nothing where the platform takes a fee of its own."""
    own_keys = account.method == "api_keys"
    return module.fee_policy.fee_of(money) if own_keys and module.features.surcharge else 0


def least_at_once(module: PaymentModule, currency: str) -> int:
    """Return the least amount of one charge through the module."""
    return max(least_charge(currency), module.terms.bounds(currency)[0])


def most_at_once(module: PaymentModule, account: Account, currency: str) -> int:
    """Return the largest amount of one charge through the module, before the surcharge."""
    unit, most = step(currency), most_charge(currency)
    low, high = 0, min(most, module.terms.bounds(currency)[1] or most) // unit

    def fits(units: int) -> bool:
        money = Money(units * unit, currency)
        return money.amount + surcharge_of(module, account, money) <= most

    if fits(high):
        return high * unit
    while low < high:
        tried = (low + high + 1) // 2
        low, high = (tried, high) if fits(tried) else (low, tried - 1)
    return low * unit


def require_grant(caller: Caller, module: str, permission: Permission | None, doors: Doors) -> None:
    """
    Raise PermissionDenied if the caller's profile lacks the permission for the module.

    The grant comes from the rows and not from the token, and is read for each request: a removed
    grant ends at once.
    """
    found, grant = doors.store.granted(caller.tenant, caller.profile, module)
    if grant and grant.allows(permission):
        return
    lacks = f"lacks {permission} for" if grant and not grant.removed_at else "is not granted"
    detail = f"Profile {caller.profile} {lacks} payment module {found.name}."
    raise PermissionDenied(detail, module=found.id, profile=caller.profile, permission=permission)


def require_some_grant(
    caller: Caller, account: str | None, permission: Permission | None, doors: Doors
) -> None:
    """
    Raise PermissionDenied if no grant of the profile has the permission.

    If `account` is named, only the grants of its modules count.
    """
    grants = doors.store.grants(caller.tenant, caller.profile)
    allowed = [grant.module for grant in grants if grant.allows(permission)]
    if any(
        account in {None, doors.store.module(caller.tenant, module).account} for module in allowed
    ):
        return
    of = "every module of the account" if account else "every payment module"
    raise PermissionDenied(
        f"Profile {caller.profile} lacks {permission or 'a grant'} for {of}.",
        profile=caller.profile,
        permission=permission,
    )


def require_use(
    tenant: str, module: str, feature: str, customer: str, doors: Doors
) -> tuple[Permitted, Customer]:
    """Return the module and the customer if the customer may pay through its `feature` now."""
    found, known = doors.store.module_and_customer(tenant, module, customer)
    return require_ready(found, feature, doors), known


def require_ready(module: PaymentModule, feature: str, doors: Doors) -> Permitted:
    """Return the module; refuse one that is Off, lacks `feature`, or has a broken account."""
    module.require(feature)
    return require_permitted(module, doors)


def require_permitted(module: PaymentModule, doors: Doors) -> Permitted:
    """Return the module; refuse one that is Off or has a broken account."""
    return Permitted.by(module, doors.store.account(module.tenant, module.account))


def module_of(invoice: Invoice, asked: str | None) -> str:
    """
    Return the module that collects the invoice: its own or, if it has none, the one asked for.

    Raise ValidationFailed if there is none, or if the request names another one.
    """
    module = invoice.module or asked
    if not module:
        raise ValidationFailed("The invoice names no payment module, so the request has to.")
    if asked not in {None, module}:
        raise ValidationFailed(
            f"Invoice {invoice.number} is of another payment module than the request names.",
            module=module,
        )
    return module


def require_same_books(invoice: Invoice, permitted: Permitted) -> None:
    """
    Keep an invoice in the Stripe account and mode from which money has come for it.

    Test and live never meet. What was only tried, and brought nothing, binds nobody.
    """
    if not invoice.takes(permitted.mode):
        raise PermissionDenied(
            f"Invoice {invoice.number} was paid in {invoice.mode} mode,"
            f" and is not collected in {permitted.mode} mode."
        )
    if invoice.is_bound and invoice.account not in {None, permitted.account.id}:
        raise PermissionDenied(
            f"Invoice {invoice.number} was paid through another Stripe account,"
            " and what is left is collected there."
        )


def require_own_books(attempt: Attempt, permitted: Permitted) -> None:
    """Refuse to go on with an attempt that was begun in another account or mode."""
    if (attempt.account, attempt.mode) != (permitted.account.id, permitted.mode):
        raise PermissionDenied(
            f"The payment was begun in {attempt.mode} mode; begin anew.", attempt_id=attempt.id
        )
