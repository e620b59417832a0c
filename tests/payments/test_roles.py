"""Who may call what: a route that nobody decided about is closed to everybody."""

import functools
from pathlib import Path
from typing import Any

import pytest
import yaml

from payments.edge.roles import ROUTES, may_call
from payments.facts.caller import Role

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms (!Ref, !GetAtt ...) as nothing."""


Loader.add_multi_constructor("!", lambda *_: None)


@functools.cache
def deployed() -> dict[str, Any]:
    """Return every route of the template with the authorizer that its own event names."""
    # The loader is a SafeLoader that knows CloudFormation's tags.
    template = yaml.load(TEMPLATE.read_text(), Loader)  # noqa: S506
    events = [
        event["Properties"]
        for resource in template["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]
    return {
        f"{event['Method']} {event['Path']}": event.get("Auth", {}).get("Authorizer")
        for event in events
    }


def test_every_route_behind_the_authorizer_has_its_roles_and_no_other_has() -> None:
    authorized = {route for route, authorizer in deployed().items() if authorizer != "NONE"}

    assert authorized == set(ROUTES)


def test_a_public_route_has_no_roles_that_could_be_mistaken_for_protection() -> None:
    public = {route for route, authorizer in deployed().items() if authorizer == "NONE"}

    assert public
    assert not public & set(ROUTES)
    below = {route for route in public if route.split()[1].startswith("/v1/")}
    # Where Stripe sends a person's browser back to: without a token, and with a state of its own.
    assert below == {
        "GET /v1/accounts/oauth/callback",
        "GET /v1/accounts/onboarding/refresh",
        "GET /v1/accounts/onboarding/return",
    }


@pytest.mark.parametrize("role", ["", "root", "Admin", "admin ", "*"])
def test_an_unknown_role_may_call_nothing(role: str) -> None:
    assert not [route for route in ROUTES if may_call(role, route)]


@pytest.mark.parametrize(
    "route", ["", "GET /v1/nothing", "DELETE /v1/invoices/{id}", "get /v1/invoices", "$default"]
)
def test_an_unknown_route_is_closed_to_every_role(route: str) -> None:
    assert not [role for role in Role if may_call(role, route)]


def test_every_route_is_open_to_somebody_known() -> None:
    for route, allowed in ROUTES.items():
        assert allowed
        assert allowed <= set(Role), route


def test_an_administrator_may_do_all_that_anybody_may() -> None:
    assert all(may_call(Role.ADMIN, route) for route in ROUTES)


def test_a_viewer_only_reads() -> None:
    assert {route.split()[0] for route in ROUTES if may_call(Role.VIEWER, route)} == {"GET"}


def test_a_storefront_sells_and_neither_collects_nor_administers() -> None:
    written = {
        route
        for route in ROUTES
        if may_call(Role.STOREFRONT, route) and not route.startswith("GET")
    }

    assert written == {
        "POST /v1/customers/{ref}/setup-sessions",
        "POST /v1/invoices",
        "PATCH /v1/invoices/{id}",
        "POST /v1/invoices/{id}/finalize",
        "POST /v1/invoices/{id}/checkout-sessions",
        "POST /v1/invoices/{id}/payment-intents",
        "POST /v1/attempts/{id}/refresh",
        "POST /v1/attempts/{id}/cancel",
    }


def test_only_an_administrator_connects_accounts_and_says_who_may_pay_how() -> None:
    closed = {route for route in ROUTES if not may_call(Role.OPERATOR, route)}

    assert closed == {
        "GET /v1/audit",
        "GET /v1/customers/{ref}/data-export",
        "POST /v1/customers/{ref}/erase",
        "GET /v1/customers/{ref}/erasure",
        "POST /v1/accounts",
        "POST /v1/accounts/onboarding-sessions",
        "POST /v1/accounts/oauth-sessions",
        "POST /v1/accounts/{id}/onboarding-link",
        "POST /v1/accounts/{id}/verify",
        "POST /v1/accounts/{id}/credentials",
        "PATCH /v1/accounts/{id}",
        "POST /v1/accounts/{id}/disconnect",
        "POST /v1/accounts/{id}/webhook-secret/rotate",
        "POST /v1/reconciliation/breaks/{id}/resolve",
        "POST /v1/payment-modules",
        "PATCH /v1/payment-modules/{id}",
        "POST /v1/payment-modules/{id}/state",
        "POST /v1/payment-modules/{id}/certify",
        "PUT /v1/profiles/{id}/modules/{mid}",
        "DELETE /v1/profiles/{id}/modules/{mid}",
        "GET /v1/settings",
        "PATCH /v1/settings",
        "POST /v1/subscriptions",
        "GET /v1/subscriptions",
        "DELETE /v1/subscriptions/{id}",
        "POST /v1/subscriptions/{id}/secret/rotate",
        "GET /v1/subscriptions/{id}/deliveries",
        "POST /v1/subscriptions/{id}/deliveries/{did}/redeliver",
    }
