"""Was the caller's profile granted the modules that a request is about? Asked before all else."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from payments.doors.doors import Doors
from payments.facts.attempt import Attempt
from payments.facts.caller import Caller, Role
from payments.facts.dispute import Dispute
from payments.facts.invoice import Invoice
from payments.facts.link import PayLink
from payments.facts.module import Permission
from payments.facts.payment import Payment
from payments.steps.modules.permissions import require_grant, require_some_grant


class Subject(StrEnum):
    """How the modules are found that have to be granted; every one of them has to be."""

    INVOICE = "the invoice's own module, and the one that is named"
    INVOICES = "the own module of every invoice, and the one that is named"
    NEW = "the module that is named"
    LINK = "the link's module"
    LINKS = "the invoice's own module, and those of its links"
    ATTEMPT = "the attempt's module"
    PAYMENT = "the module it came through, and the own module of every invoice that it paid"
    CREDIT = "the same, and the own module of the invoice that is to be paid"
    DISPUTE = "those of the payment that is disputed"
    RECOVERY = "the module whose charge is recovered"
    MODULE = "the module"
    CARD = "any module of the account in which the card is saved"
    ACCOUNT = "any module of the account"
    LISTED = "the invoice's own module; what has another one is left out"
    ANY = "any module"


#: Those that a request's body names.
IN_BODY = frozenset(
    {Subject.INVOICE, Subject.INVOICES, Subject.NEW, Subject.CREDIT, Subject.ACCOUNT}
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a profile has to be granted: a permission, or any use at all where it is None."""

    permission: Permission | None
    of: Subject


@dataclass(frozen=True, slots=True)
class Named:
    """What a request names, in its path and in its body, as far as it can be a name."""

    path: Mapping[str, str]
    body: Mapping[str, Any]
    #: Whether all that is named can be a name; the route refuses the others by itself.
    readable: bool = True


@dataclass(frozen=True, slots=True)
class _Scope:
    """All of these modules; without any, some module, of the account if there is one."""

    modules: frozenset[str] = frozenset()
    account: str | None = None


def require(ask: Ask, named: Named, caller: Caller, doors: Doors) -> None:
    """
    Let the caller go on whose profile was granted what the request takes, or raise.

    NotFound for what the tenant does not have; PermissionDenied for the rest.
    """
    scope = _FINDERS[ask.of](named, caller.tenant, doors) if named.readable else _Scope()
    for module in sorted(scope.modules):
        require_grant(caller, module, ask.permission, doors)
    # Of an administrator no grant is asked for what is of no module.
    if not scope.modules and not (caller.is_admin and not scope.account):
        require_some_grant(caller, scope.account, ask.permission, doors)


def shown(invoices: Iterable[Invoice], caller: Caller, doors: Doors) -> list[Invoice]:
    """Return those that the caller is shown: a storefront, those of modules it was granted."""
    if caller.role is not Role.STOREFRONT:
        return list(invoices)
    grants = doors.store.grants(caller.tenant, caller.profile)
    granted = {None} | {grant.module for grant in grants if grant.allows(None)}
    return [invoice for invoice in invoices if invoice.module in granted]


def _named(named: Named, tenant: str, doors: Doors) -> _Scope:
    del tenant, doors
    return _scope(named.body.get("module"))


def _of_invoice(named: Named, tenant: str, doors: Doors) -> _Scope:
    invoice = doors.store.invoice(tenant, named.path["id"])
    return _scope(invoice.module, named.body.get("module"))


def _of_invoices(named: Named, tenant: str, doors: Doors) -> _Scope:
    parts = named.body.get("allocations", ())
    found = doors.store.invoices(tenant, *dict.fromkeys(part["invoice"] for part in parts))
    return _scope(named.body.get("module"), *(invoice.module for invoice in found))


def _of_link(named: Named, tenant: str, doors: Doors) -> _Scope:
    return _scope(doors.store.named(PayLink, tenant, named.path["id"]).module)


def _of_links(named: Named, tenant: str, doors: Doors) -> _Scope:
    invoice = doors.store.invoice(tenant, named.path["id"])
    links = doors.store.links(tenant, invoice.id)
    return _scope(invoice.module, *(link.module for link in links))


def _of_attempt(named: Named, tenant: str, doors: Doors) -> _Scope:
    return _scope(doors.store.named(Attempt, tenant, named.path["id"]).module)


def _of_payment(named: Named, tenant: str, doors: Doors) -> _Scope:
    payment = doors.store.named(Payment, tenant, named.path["id"])
    return _scope(*_modules_of(payment, doors))


def _of_credit(named: Named, tenant: str, doors: Doors) -> _Scope:
    payment = doors.store.named(Payment, tenant, named.path["id"])
    asked = [named.body["invoice"]] if named.body.get("invoice") else []
    invoices = doors.store.invoices(tenant, *asked)
    return _scope(*(invoice.module for invoice in invoices), *_modules_of(payment, doors))


def _of_dispute(named: Named, tenant: str, doors: Doors) -> _Scope:
    dispute = doors.store.named(Dispute, tenant, named.path["id"])
    payment = doors.store.payment(tenant, dispute.invoice, dispute.charge)
    if payment:
        return _scope(*_modules_of(payment, doors))
    return _scope(doors.store.invoice(tenant, dispute.invoice).module)


def _of_recovery(named: Named, tenant: str, doors: Doors) -> _Scope:
    recovery = doors.store.recovery(tenant, named.path["id"])
    return _scope(recovery.module) if recovery else _of_invoice(named, tenant, doors)


def _of_module(named: Named, tenant: str, doors: Doors) -> _Scope:
    del tenant, doors
    return _scope(named.path["id"])


def _of_card(named: Named, tenant: str, doors: Doors) -> _Scope:
    card = doors.store.card(tenant, named.path["ref"], named.path["pm"])
    # A caller who names a missing card is told so by the route.
    return _Scope(account=card.account if card else None)


def _of_account(named: Named, tenant: str, doors: Doors) -> _Scope:
    name = named.body.get("account")
    return _Scope(account=doors.store.account(tenant, name).id if name else None)


def _of_any(named: Named, tenant: str, doors: Doors) -> _Scope:
    del named, tenant, doors
    return _Scope()


def _modules_of(payment: Payment, doors: Doors) -> set[str | None]:
    """Return through what a payment came, and the own modules of all that it paid."""
    paid = (part.invoice for part in payment.allocations)
    names = dict.fromkeys((payment.invoice, *paid))
    asked, invoices = doors.store.begun(payment.tenant, payment.attempt or "none", *names)
    return {invoice.module for invoice in invoices} | {asked.module if asked else None}


def _scope(*modules: str | None) -> _Scope:
    return _Scope(frozenset(module for module in modules if module))


_FINDERS: dict[Subject, Callable[[Named, str, Doors], _Scope]] = {
    Subject.INVOICE: _of_invoice,
    Subject.INVOICES: _of_invoices,
    Subject.NEW: _named,
    Subject.LINK: _of_link,
    Subject.LINKS: _of_links,
    Subject.ATTEMPT: _of_attempt,
    Subject.PAYMENT: _of_payment,
    Subject.CREDIT: _of_credit,
    Subject.DISPUTE: _of_dispute,
    Subject.RECOVERY: _of_recovery,
    Subject.MODULE: _of_module,
    Subject.CARD: _of_card,
    Subject.ACCOUNT: _of_account,
    Subject.LISTED: _of_any,
    Subject.ANY: _of_any,
}
