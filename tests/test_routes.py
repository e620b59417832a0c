"""Every route has its row of who may call it; tests/functions/test_matrix.py walks them all."""

import re

from local.tools import openapi
from payments.edge import roles
from payments.edge.roles import ROUTES
from payments.facts.caller import Role
from tests.doubles.invocations import PUBLIC
from tests.doubles.matrix import GRANTS, MATRIX, ROLES


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    paths = openapi.document()["paths"]
    published = {
        f"{verb.upper()} {re.sub('{[^}]*}', '{}', path)}" for path in paths for verb in paths[path]
    }
    public = {re.sub("{[^}]*}", "{}", route) for route in PUBLIC}

    assert set(MATRIX) == set(ROUTES)
    assert {re.sub("{[^}]*}", "{}", route) for route in MATRIX} == published - public
    assert {role[0] for role in ROLES} == {role[0] for role in Role}


def test_the_table_that_is_deployed_says_what_is_written_here() -> None:
    deployed = {
        route: "".join(role[0] for role in ROLES if role in allowed)
        for route, allowed in ROUTES.items()
    }

    assert deployed == MATRIX


def test_the_grants_that_are_asked_for_are_the_ones_written_here() -> None:
    deployed = {}
    for route, row in roles.MATRIX.items():
        asked = "".join(role[0] for role in ROLES if role in row.roles and row.ask_of(role))
        if row.ask:
            deployed[route] = (asked, row.ask.permission, row.ask.of.name)

    assert deployed == GRANTS


def test_a_route_says_in_words_why_a_role_alone_is_enough_for_somebody() -> None:
    silent = [route for route, row in roles.MATRIX.items() if row.roles & row.free and not row.why]

    assert silent == []
