"""Who may call what: deny by default, one line a route."""

from payments.facts.caller import Role

EVERYBODY = frozenset(Role)

_ADMINS = frozenset({Role.ADMIN})
_STAFF = frozenset({Role.ADMIN, Role.OPERATOR})
_READERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.VIEWER})
_SELLERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.STOREFRONT})

ROUTES: dict[str, frozenset[Role]] = {
    "POST /v1/accounts": _ADMINS,
    "POST /v1/accounts/onboarding-sessions": _ADMINS,
    "POST /v1/accounts/oauth-sessions": _ADMINS,
    "POST /v1/accounts/{id}/onboarding-link": _ADMINS,
    "GET /v1/accounts": _READERS,
    "GET /v1/accounts/{id}": _READERS,
    "GET /v1/accounts/permissions": _READERS,
    "GET /v1/accounts/{id}/health": _STAFF,
    "PATCH /v1/accounts/{id}": _ADMINS,
    "POST /v1/accounts/{id}/disconnect": _ADMINS,
    "POST /v1/accounts/{id}/verify": _ADMINS,
    "POST /v1/accounts/{id}/credentials": _ADMINS,
    "POST /v1/accounts/{id}/webhook-secret/rotate": _ADMINS,
    "POST /v1/payment-modules": _ADMINS,
    "GET /v1/payment-modules": _READERS,
    "GET /v1/payment-modules/{id}": _READERS,
    "PATCH /v1/payment-modules/{id}": _ADMINS,
    "POST /v1/payment-modules/{id}/state": _ADMINS,
    "GET /v1/payment-modules/{id}/capabilities": _READERS,
    "POST /v1/payment-modules/{id}/certify": _ADMINS,
    "GET /v1/payment-modules/{id}/certification": _READERS,
    "GET /v1/profiles/{id}": _READERS,
    "PUT /v1/profiles/{id}/modules/{mid}": _ADMINS,
    "DELETE /v1/profiles/{id}/modules/{mid}": _ADMINS,
    "GET /v1/currencies": EVERYBODY,
    "GET /v1/settings": _ADMINS,
    "PATCH /v1/settings": _ADMINS,
    "GET /v1/customers": _READERS,
    "PUT /v1/customers/{ref}": _STAFF,
    "GET /v1/customers/{ref}": EVERYBODY,
    "POST /v1/customers/{ref}/setup-sessions": _SELLERS,
    "GET /v1/customers/{ref}/payment-methods": EVERYBODY,
    "POST /v1/customers/{ref}/payment-methods/{pm}/default": _STAFF,
    "DELETE /v1/customers/{ref}/payment-methods/{pm}": _STAFF,
    "GET /v1/customers/{ref}/credit": _READERS,
    "GET /v1/customers/{ref}/data-export": _ADMINS,
    "POST /v1/customers/{ref}/erase": _ADMINS,
    "GET /v1/customers/{ref}/erasure": _ADMINS,
    "POST /v1/invoices": _SELLERS,
    "GET /v1/invoices": EVERYBODY,
    "GET /v1/invoices/{id}": EVERYBODY,
    "PATCH /v1/invoices/{id}": _SELLERS,
    "POST /v1/invoices/{id}/finalize": _SELLERS,
    "POST /v1/invoices/{id}/void": _STAFF,
    "POST /v1/invoices/{id}/uncollectible": _STAFF,
    "POST /v1/invoices/{id}/offline-payments": _STAFF,
    "GET /v1/invoices/{id}/timeline": _READERS,
    "GET /v1/invoices/{id}/explain": _READERS,
    "POST /v1/invoices/{id}/pay-links": _STAFF,
    "GET /v1/invoices/{id}/pay-links": _STAFF,
    "POST /v1/pay-links/{id}/send": _STAFF,
    "POST /v1/pay-links/{id}/revoke": _STAFF,
    "POST /v1/invoices/{id}/checkout-sessions": _SELLERS,
    "POST /v1/invoices/{id}/payment-intents": _SELLERS,
    "GET /v1/attempts/{id}": EVERYBODY,
    "POST /v1/attempts/{id}/refresh": _SELLERS,
    "POST /v1/attempts/{id}/cancel": _SELLERS,
    "GET /v1/payment-modules/{id}/public-config": EVERYBODY,
    "POST /v1/invoices/{id}/charges": _STAFF,
    "POST /v1/invoices/{id}/recovery/stop": _STAFF,
    "GET /v1/recoveries": _READERS,
    "GET /v1/payments": _READERS,
    "GET /v1/payments/{id}": _READERS,
    "POST /v1/payments/{id}/allocations": _STAFF,
    "POST /v1/payments/{id}/refunds": _STAFF,
    "GET /v1/refunds": _READERS,
    "GET /v1/refunds/{id}": _READERS,
    "POST /v1/charges": _STAFF,
    "GET /v1/ledger/entries": _READERS,
    "GET /v1/ledger/trial-balance": _READERS,
    "GET /v1/audit": _ADMINS,
    "POST /v1/subscriptions": _ADMINS,
    "GET /v1/subscriptions": _ADMINS,
    "DELETE /v1/subscriptions/{id}": _ADMINS,
    "POST /v1/subscriptions/{id}/secret/rotate": _ADMINS,
    "GET /v1/subscriptions/{id}/deliveries": _ADMINS,
    "POST /v1/subscriptions/{id}/deliveries/{did}/redeliver": _ADMINS,
    "GET /v1/notifications": _READERS,
    "POST /v1/notifications/lift-suppression": _STAFF,
    "GET /v1/disputes": _READERS,
    "GET /v1/disputes/{id}": _READERS,
    "POST /v1/disputes/{id}/evidence": _STAFF,
    "POST /v1/disputes/{id}/submit": _STAFF,
    "POST /v1/disputes/{id}/accept": _STAFF,
    "POST /v1/reconciliation/runs": _STAFF,
    "GET /v1/reconciliation/runs": _READERS,
    "GET /v1/reconciliation/runs/{id}": _READERS,
    "GET /v1/reconciliation/breaks": _READERS,
    "POST /v1/reconciliation/breaks/{id}/resolve": _ADMINS,
}

#: What is recorded before and after: whatever only an administrator may change, so that a new route
#: of that kind is recorded without a word, and what else is named here.
AUDITED = frozenset(
    route for route, roles in ROUTES.items() if roles == _ADMINS and not route.startswith("GET ")
) | {"GET /v1/customers/{ref}/data-export", "POST /v1/notifications/lift-suppression"}


def may_call(role: Role, route: str) -> bool:
    """Say whether `role` may call `route` (method and path template, as API Gateway names it)."""
    return role in ROUTES.get(route, frozenset())
