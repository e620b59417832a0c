"""Every route has its row of who may call it; tests/functions/test_matrix.py walks them all."""

import re

from local.tools import openapi
from payments.edge.roles import ROUTES
from payments.facts.caller import Role
from tests.doubles.invocations import PUBLIC
from tests.doubles.matrix import MATRIX, ROLES


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
