"""One stack for all the tests that need one, on which a function may do what its policy says."""

import os
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from local.stack.stack import Stack, running_stack
from tests.stack.shop import Shop, control, open_shop

# While working on one test: STACK_AUTH=false starts sooner, and lets every function do anything.
AUTH = os.environ.get("STACK_AUTH") != "false"
NUMBERS = count(1)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Give a running stack."""
    with running_stack(auth=AUTH) as running:
        yield running


@pytest.fixture
def tenant(stack: Stack) -> str:
    """Give a tenant of the test's own, with its storefront registered."""
    name = f"shop{next(NUMBERS):04}"
    stack.register_storefront(name)
    return name


@pytest.fixture(scope="session")
def shop(stack: Stack) -> Shop:
    """Give a merchant ready to be paid, shared by the tests: each makes invoices of its own."""
    return open_shop(stack, "tulips")


@pytest.fixture(scope="session")
def other(stack: Stack) -> Shop:
    """Give a second merchant, whom nothing of the first concerns."""
    return open_shop(stack, "bakery")


@pytest.fixture
def deliver(stack: Stack) -> Iterator[Callable[[str], None]]:
    """Give what sets how the stand-in delivers webhooks, until the test ends."""
    yield lambda mode: control(stack, "webhooks", {"mode": mode})
    control(stack, "webhooks", {"mode": "deliver"})
