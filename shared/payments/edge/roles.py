"""
Who may call which route: nobody by default, one line for each route.

A role says which routes a caller may call at all. Most acts also need a grant of the module for the
caller's profile; where a role alone is enough, the line says why.
"""

from dataclasses import dataclass

from payments.cases.modules.access import Ask, Subject
from payments.facts.caller import Role
from payments.facts.module import Permission

EVERYBODY = frozenset(Role)

_ADMINS = frozenset({Role.ADMIN})
_STAFF = frozenset({Role.ADMIN, Role.OPERATOR})
_READERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.VIEWER})
_SELLERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.STOREFRONT})
_NOBODY: frozenset[Role] = frozenset()

_SETS_UP = "Administrators set the tenant up: it is about no module, or about all."
_GRANTS = "Administrators keep the books of every module; to collect, they need a grant as well."
_READS = "The books are one: staff who may read them read those of every module."
_TABLE = "It shows nothing of the tenant."


@dataclass(frozen=True, slots=True)
class Row:
    """
    Who may call a route.

    A role that is not `free` needs the grant that `ask` names for its profile. `why` says in words
    why a role alone is enough for the others.
    """

    roles: frozenset[Role]
    ask: Ask | None = None
    free: frozenset[Role] = _NOBODY
    why: str = ""

    def ask_of(self, role: Role) -> Ask | None:
        """Return the grant that a role's profile needs, or None where the role is enough."""
        return None if role in self.free else self.ask


def _by_role(roles: frozenset[Role], why: str) -> Row:
    return Row(roles, free=roles, why=why)


def _granted(
    roles: frozenset[Role], permission: Permission | None, of: Subject, *, admins: bool
) -> Row:
    """Return a row that asks for a grant; with `admins`, an admin needs one, too."""
    ask = Ask(permission, of)
    return Row(roles, ask) if admins else Row(roles, ask, _ADMINS, _GRANTS)


def _read(of: Subject, *asked: Role) -> Row:
    """Return a row for callers who read by their role; `asked` roles see only what is granted."""
    return Row(EVERYBODY, Ask(None, of), EVERYBODY - set(asked), _READS)


_ADMINISTER = _by_role(_ADMINS, _SETS_UP)
_READ = _by_role(_READERS, _READS)
_KEEP = _granted(_SELLERS, "invoice.*", Subject.INVOICE, admins=False)
_END = _granted(_STAFF, "invoice.*", Subject.INVOICE, admins=False)
_CHECK_OUT = _granted(_SELLERS, "paylink.send", Subject.INVOICE, admins=True)
_USE_LINK = _granted(_STAFF, "paylink.send", Subject.LINK, admins=True)
_ANSWER = _granted(_STAFF, "refund.create", Subject.DISPUTE, admins=False)
_USE_CARD = _granted(_STAFF, "charge.create", Subject.CARD, admins=False)

MATRIX: dict[str, Row] = {
    "POST /v1/accounts": _ADMINISTER,
    "POST /v1/accounts/onboarding-sessions": _ADMINISTER,
    "POST /v1/accounts/oauth-sessions": _ADMINISTER,
    "POST /v1/accounts/{id}/onboarding-link": _ADMINISTER,
    "GET /v1/accounts": _READ,
    "GET /v1/accounts/{id}": _READ,
    "GET /v1/accounts/permissions": _by_role(_READERS, _TABLE),
    "GET /v1/accounts/{id}/health": _by_role(_STAFF, "It asks Stripe, and changes nothing."),
    "PATCH /v1/accounts/{id}": _ADMINISTER,
    "POST /v1/accounts/{id}/disconnect": _ADMINISTER,
    "POST /v1/accounts/{id}/verify": _ADMINISTER,
    "POST /v1/accounts/{id}/credentials": _ADMINISTER,
    "POST /v1/accounts/{id}/webhook-secret/rotate": _ADMINISTER,
    "POST /v1/payment-modules": _ADMINISTER,
    "GET /v1/payment-modules": _READ,
    "GET /v1/payment-modules/{id}": _READ,
    "PATCH /v1/payment-modules/{id}": _ADMINISTER,
    "POST /v1/payment-modules/{id}/state": _ADMINISTER,
    "GET /v1/payment-modules/{id}/capabilities": _READ,
    "POST /v1/payment-modules/{id}/certify": _ADMINISTER,
    "GET /v1/payment-modules/{id}/certification": _READ,
    "GET /v1/payment-modules/{id}/public-config": _granted(
        EVERYBODY, None, Subject.MODULE, admins=True
    ),
    "GET /v1/profiles/{id}": _READ,
    "PUT /v1/profiles/{id}/modules/{mid}": _ADMINISTER,
    "DELETE /v1/profiles/{id}/modules/{mid}": _ADMINISTER,
    "GET /v1/currencies": _by_role(EVERYBODY, _TABLE),
    "GET /v1/settings": _ADMINISTER,
    "PATCH /v1/settings": _ADMINISTER,
    "GET /v1/customers": _READ,
    "PUT /v1/customers/{ref}": _granted(_STAFF, "invoice.*", Subject.ANY, admins=False),
    "GET /v1/customers/{ref}": _read(Subject.ANY, Role.STOREFRONT),
    "POST /v1/customers/{ref}/setup-sessions": _granted(
        _SELLERS, "charge.create", Subject.NEW, admins=True
    ),
    "GET /v1/customers/{ref}/payment-methods": _read(Subject.ANY, Role.STOREFRONT),
    "POST /v1/customers/{ref}/payment-methods/{pm}/default": _USE_CARD,
    "DELETE /v1/customers/{ref}/payment-methods/{pm}": _USE_CARD,
    "GET /v1/customers/{ref}/credit": _READ,
    "GET /v1/customers/{ref}/data-export": _ADMINISTER,
    "POST /v1/customers/{ref}/erase": _ADMINISTER,
    "GET /v1/customers/{ref}/erasure": _ADMINISTER,
    "POST /v1/invoices": _granted(_SELLERS, "invoice.*", Subject.NEW, admins=True),
    "GET /v1/invoices": _read(Subject.LISTED, Role.STOREFRONT),
    "GET /v1/invoices/{id}": _read(Subject.INVOICE, Role.STOREFRONT),
    "PATCH /v1/invoices/{id}": _KEEP,
    "POST /v1/invoices/{id}/finalize": _KEEP,
    "POST /v1/invoices/{id}/void": _END,
    "POST /v1/invoices/{id}/uncollectible": _END,
    "POST /v1/invoices/{id}/offline-payments": _END,
    "GET /v1/invoices/{id}/timeline": _READ,
    "GET /v1/invoices/{id}/explain": _READ,
    "POST /v1/invoices/{id}/pay-links": _granted(
        _STAFF, "paylink.send", Subject.INVOICE, admins=True
    ),
    "GET /v1/invoices/{id}/pay-links": _granted(
        _STAFF, "paylink.send", Subject.LINKS, admins=False
    ),
    "POST /v1/pay-links/{id}/send": _USE_LINK,
    "POST /v1/pay-links/{id}/revoke": _USE_LINK,
    "POST /v1/invoices/{id}/checkout-sessions": _CHECK_OUT,
    "POST /v1/invoices/{id}/payment-intents": _CHECK_OUT,
    "GET /v1/attempts/{id}": _read(Subject.ATTEMPT, Role.OPERATOR, Role.STOREFRONT),
    "POST /v1/attempts/{id}/refresh": _granted(_SELLERS, None, Subject.ATTEMPT, admins=False),
    "POST /v1/attempts/{id}/cancel": _granted(
        _SELLERS, "paylink.send", Subject.ATTEMPT, admins=False
    ),
    "POST /v1/invoices/{id}/charges": _granted(
        _STAFF, "charge.create", Subject.INVOICE, admins=True
    ),
    "POST /v1/invoices/{id}/recovery/stop": _granted(
        _STAFF, "charge.create", Subject.RECOVERY, admins=True
    ),
    "GET /v1/recoveries": _READ,
    "GET /v1/payments": _READ,
    "GET /v1/payments/{id}": _READ,
    "POST /v1/payments/{id}/allocations": _granted(
        _STAFF, "invoice.*", Subject.CREDIT, admins=False
    ),
    "POST /v1/payments/{id}/refunds": _granted(
        _STAFF, "refund.create", Subject.PAYMENT, admins=False
    ),
    "GET /v1/refunds": _READ,
    "GET /v1/refunds/{id}": _READ,
    "POST /v1/charges": _granted(_STAFF, "charge.create", Subject.INVOICES, admins=True),
    "GET /v1/ledger/entries": _READ,
    "GET /v1/ledger/trial-balance": _READ,
    "GET /v1/audit": _ADMINISTER,
    "POST /v1/subscriptions": _ADMINISTER,
    "GET /v1/subscriptions": _ADMINISTER,
    "DELETE /v1/subscriptions/{id}": _ADMINISTER,
    "POST /v1/subscriptions/{id}/secret/rotate": _ADMINISTER,
    "GET /v1/subscriptions/{id}/deliveries": _ADMINISTER,
    "POST /v1/subscriptions/{id}/deliveries/{did}/redeliver": _ADMINISTER,
    "GET /v1/notifications": _READ,
    "POST /v1/notifications/lift-suppression": _granted(
        _STAFF, "paylink.send", Subject.ANY, admins=False
    ),
    "GET /v1/disputes": _READ,
    "GET /v1/disputes/{id}": _READ,
    "POST /v1/disputes/{id}/evidence": _ANSWER,
    "POST /v1/disputes/{id}/submit": _ANSWER,
    "POST /v1/disputes/{id}/accept": _ANSWER,
    "POST /v1/reconciliation/runs": _granted(_STAFF, "recon.run", Subject.ACCOUNT, admins=False),
    "GET /v1/reconciliation/runs": _READ,
    "GET /v1/reconciliation/runs/{id}": _READ,
    "GET /v1/reconciliation/breaks": _READ,
    "POST /v1/reconciliation/breaks/{id}/resolve": _ADMINISTER,
}

ROUTES: dict[str, frozenset[Role]] = {route: row.roles for route, row in MATRIX.items()}

#: What is recorded before and after: every route that only an administrator may change things by,
#: and the routes that are named here. So a new route of that kind is recorded by itself.
AUDITED = frozenset(
    route for route, roles in ROUTES.items() if roles == _ADMINS and not route.startswith("GET ")
) | {"GET /v1/customers/{ref}/data-export", "POST /v1/notifications/lift-suppression"}


def may_call(role: Role, route: str) -> bool:
    """Whether `role` may call `route` (method and path template, as API Gateway names it)."""
    return role in ROUTES.get(route, frozenset())
