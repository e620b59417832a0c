"""May this caller use this payment module in this way? Read from the rows on every request."""

from dataclasses import dataclass
from typing import Any

from payments.doors.doors import Doors
from payments.errors import PermissionDenied, ValidationFailed
from payments.facts.account import Account
from payments.facts.attempt import Attempt
from payments.facts.caller import Caller
from payments.facts.customer import Customer
from payments.facts.invoice import Invoice
from payments.facts.module import BY_FEATURE, Grant, PaymentModule, Permission
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
        """Refuse a module that is Off, or whose account does not work."""
        account.require_active(module.mode)
        return cls(module, account, module.mode)

    def require_money(self, money: Money, *rests: int) -> None:
        """
        Refuse what the module does not take, or Stripe with what is paid on top of it.

        `rests` are what it would leave of the invoices that it pays.
        """
        self.module.terms.require_money(money)
        on_top = surcharge_of(self.module, self.account, money)
        require_chargeable(Money(money.amount + on_top, money.currency))
        for rest in rests:
            require_rest(rest, money.currency, least_at_once(self.module, money.currency))

    def binds(self, money: Money) -> dict[str, Any]:
        """
        Return what every attempt to collect `money` through the module has from it.

        It stands in the attempt's row, so that a replay asks Stripe for the same. A fee is the
        platform's, which has a part only in payments of accounts that are connected through it.
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
    """Return what a payer of `money` pays on top: nothing where the platform has its own fee."""
    own_keys = account.method == "api_keys"
    return module.fee_policy.fee_of(money) if own_keys and module.features.surcharge else 0


def least_at_once(module: PaymentModule, currency: str) -> int:
    """Return the least that one charge through the module asks for."""
    return max(least_charge(currency), module.terms.bounds(currency)[0])


def most_at_once(module: PaymentModule, account: Account, currency: str) -> int:
    """Return the most that one charge through the module asks for, beside what is paid on top."""
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


def require_grant(
    caller: Caller, module: str, permission: Permission | None, doors: Doors
) -> PaymentModule:
    """
    Return the module if the caller's profile has the permission: in the rows, not in the token.

    They are read anew for each request, so that what is taken away is gone at once.
    """
    found, grant = doors.store.granted(caller.tenant, caller.profile, module)
    return _allowed(found, grant, caller, permission)


def require_grant_and_customer(
    caller: Caller, module: str, permission: Permission, customer: str, doors: Doors
) -> tuple[PaymentModule, Customer]:
    """Return the same, and a customer in the same read."""
    found, grant, known = doors.store.granted_for(caller.tenant, caller.profile, module, customer)
    return _allowed(found, grant, caller, permission), known


def _allowed(
    found: PaymentModule, grant: Grant | None, caller: Caller, permission: Permission | None
) -> PaymentModule:
    if not grant or not grant.allows(permission):
        lacks = f"lacks {permission} for" if grant and not grant.removed_at else "is not granted"
        detail = f"Profile {caller.profile} {lacks} payment module {found.name}."
        raise PermissionDenied(
            detail, module=found.id, profile=caller.profile, permission=permission
        )
    return found


def require_grant_of(attempt: Attempt | None, caller: Caller, doors: Doors) -> None:
    """Let staff give back what came through a module that lets them; an admin, all."""
    if attempt and not caller.is_admin:
        require_grant(caller, attempt.module, "refund.create", doors)


def require_grant_for(invoice: Invoice, caller: Caller, doors: Doors) -> None:
    """Let staff and storefronts change invoices of a module that lets them; an admin, all."""
    if invoice.module and not caller.is_admin:
        require_grant(caller, invoice.module, "invoice.*", doors)


def require_grant_on(account: str, permission: Permission, caller: Caller, doors: Doors) -> None:
    """Let staff work on an account of which they were granted some module so; an admin, on all."""
    doors.store.account(caller.tenant, account)
    if caller.is_admin:
        return
    grants = doors.store.grants(caller.tenant, caller.profile)
    allowed = (grant.module for grant in grants if grant.allows(permission))
    if any(doors.store.module(caller.tenant, module).account == account for module in allowed):
        return
    raise PermissionDenied(
        f"Profile {caller.profile} lacks {permission} for every module of the account.",
        profile=caller.profile,
        permission=permission,
    )


def require_use(
    caller: Caller, module: str, feature: str, customer: str, doors: Doors
) -> tuple[Permitted, Customer]:
    """Return what is needed for a customer to pay through the module's `feature`."""
    found, known = require_grant_and_customer(caller, module, BY_FEATURE[feature], customer, doors)
    return require_ready(found, feature, doors), known


def require_ready(module: PaymentModule, feature: str, doors: Doors) -> Permitted:
    """Refuse a module that is Off, does not offer `feature`, or whose account does not work."""
    module.require(feature)
    return require_permitted(module, doors)


def require_permitted(module: PaymentModule, doors: Doors) -> Permitted:
    """Refuse a module that is Off, or whose account does not work."""
    return Permitted.by(module, doors.store.account(module.tenant, module.account))


def module_of(invoice: Invoice, asked: str | None) -> str:
    """Return which module a request on an invoice is about."""
    module = asked or invoice.module
    if not module:
        raise ValidationFailed("The invoice names no payment module, so the request has to.")
    return module


def require_same_books(invoice: Invoice, permitted: Permitted) -> None:
    """
    Keep an invoice in the Stripe account and mode of its first attempt.

    Test and live never meet.
    """
    first = (invoice.account or permitted.account.id, invoice.mode or permitted.mode)
    if first != (permitted.account.id, permitted.mode):
        raise PermissionDenied(
            f"Invoice {invoice.number} is collected in {invoice.mode} mode of another account."
        )
