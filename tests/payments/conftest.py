"""AWS in process, and a clock that stands still until it is told otherwise."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import botocore.session
import pytest
from hypothesis import settings
from moto import mock_aws

from payments.doors.aws.botocore_client import Translated
from payments.doors.store import Store
from payments.doors.table import Table
from tests.doubles.dynamo import definition
from tests.payments.examples import Clock

# A busy machine makes an example slow, not wrong.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

NUMBERS = count(1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def session() -> Iterator[Any]:
    with mock_aws():
        yield botocore.session.get_session()


@pytest.fixture(scope="session")
def dynamodb(session: Any) -> Any:
    return Translated(session.create_client("dynamodb", region_name="eu-central-1"))


@pytest.fixture
def table_name(dynamodb: Any) -> str:
    """Name an empty table with the keys, indexes and projections of template.yaml."""
    name = f"table-{next(NUMBERS)}"
    dynamodb.create_table(**definition(name))
    return name


@pytest.fixture
def table(dynamodb: Any, table_name: str) -> Table:
    return Table(dynamodb, table_name, sleep=lambda _: None, jitter=lambda: 0)


@pytest.fixture
def store(table: Table) -> Store:
    return Store(table)
