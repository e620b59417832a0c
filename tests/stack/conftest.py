"""One stack for all the tests that need one: plain, and with the functions' policies enforced."""

import os
from collections.abc import Iterator
from itertools import count

import pytest

from local.stack import Stack, running_stack

# While working on one test: STACK_AUTH=false starts one stack only.
AUTH = {"false": [False], "true": [True]}.get(os.environ.get("STACK_AUTH", ""), [False, True])
NUMBERS = count(1)


@pytest.fixture(scope="session", params=AUTH, ids=lambda auth: "enforced" if auth else "plain")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Give a running stack; with both parameters every test runs on both."""
    with running_stack(auth=request.param) as running:
        yield running


@pytest.fixture
def tenant(stack: Stack) -> str:
    """Give a tenant of the test's own, with its storefront registered."""
    name = f"shop{next(NUMBERS):04}"
    stack.register_storefront(name)
    return name
