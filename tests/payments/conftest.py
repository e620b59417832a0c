"""AWS in process, and a clock that stands still until it is told otherwise."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import botocore.session
import pytest
from hypothesis import settings
from moto import mock_aws

from payments.doors.store import Store
from payments.doors.table import Table
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
    return session.create_client("dynamodb", region_name="eu-central-1")


@pytest.fixture
def table_name(dynamodb: Any) -> str:
    """Name an empty table with the keys, indexes and projections of template.yaml."""
    name = f"table-{next(NUMBERS)}"
    keys = ("pk", "sk", "list_key", "list_sort", "due_shard", "due_at")
    listed = ["status", "customer", "order_ref", "number", "due", "paid_at"]
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=schema("pk", "sk"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "list",
                "KeySchema": schema("list_key", "list_sort"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": listed},
            },
            {
                "IndexName": "due",
                "KeySchema": schema("due_shard", "due_at"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
    )
    return name


def schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


@pytest.fixture
def table(dynamodb: Any, table_name: str) -> Table:
    return Table(dynamodb, table_name, sleep=lambda _: None, jitter=lambda: 0)


@pytest.fixture
def store(table: Table) -> Store:
    return Store(table)
