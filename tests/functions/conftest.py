"""The handlers under test: moto is AWS, the stand-in is Stripe, and the clock is the test's."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

import boto3
import pytest
from moto import mock_aws

from payments import config
from payments.doors.aws.botocore_client import Translated
from payments.edge import api, runtime
from tests.doubles.dynamo import Dynamo
from tests.doubles.tenants import storefront_row
from tests.functions.confirming import ASKING
from tests.functions.platform import configure as give_platform_keys
from tests.functions.shop import Shop
from tests.functions.world import REGION, Gate, Guarded, World

NUMBERS = count(1)


@pytest.fixture(scope="module")
def aws() -> Iterator[Callable[[str], Any]]:
    """Give a maker of AWS clients; each test has queues and a stage of its own."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield cache(lambda service: boto3.client(service, region_name=REGION))


@pytest.fixture(scope="module")
def encryption(aws: Callable[[str], Any]) -> str:
    """Give the key that encrypts secrets."""
    return str(aws("kms").create_key()["KeyMetadata"]["Arn"])


@contextmanager
def a_world(aws: Callable[[str], Any], encryption: str) -> Iterator[World]:
    """Give a world with a table, queues and a stage of its own."""
    resources, gate = create_queues(aws, f"t{next(NUMBERS)}"), Gate()
    made = World(aws, resources, gate)
    doors = {"dynamodb": made.dynamo, "sesv2": made.post, "events": made.post}
    for tenant in ("tulips", "bakery"):
        seed_storefront(made.dynamo, tenant)
    key = f"receivable/{resources['stage']}/keys/pay-links"
    aws("secretsmanager").create_secret(Name=key, SecretString=json.dumps({"key": "k" * 64}))

    def client(name: str) -> Guarded:
        return Guarded(doors.get(name) or Translated(aws(name)), gate)

    with pytest.MonkeyPatch.context() as patch:
        configure(patch, resources, encryption)
        patch.setattr(runtime, "_client", client)
        patch.setattr(runtime, "_stripe_connections", lambda: made.stripe_client)
        patch.setattr(runtime, "now", made.now)
        patch.setattr(runtime, "new_id", made.new_id)
        patch.setattr(api.logger.registered_handler, "stream", made.log)
        forget()
        yield made
        forget()
    made.standin.close()


@pytest.fixture
def world(aws: Callable[[str], Any], encryption: str) -> Iterator[World]:
    """Give two tenants whose storefronts are known and who have nothing else yet."""
    with a_world(aws, encryption) as made:
        yield made


@pytest.fixture
def shop(world: World) -> Shop:
    """Give the tulips' shop: connected, its module in Sandbox, a customer who may pay online."""
    return Shop.open(world, "tulips")


@pytest.fixture
def platform(world: World) -> World:
    """Give a world whose platform has Stripe keys of its own."""
    give_platform_keys(world)
    return world


@pytest.fixture
def asking(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Give a shop whose customer has one card, of a bank that wants to hear them."""
    monkeypatch.setenv("PUBLIC_URL", "https://pay.shop.example")
    config.settings.cache_clear()
    shop.save_card(ASKING)
    return shop


@pytest.fixture(scope="module")
def showroom(aws: Callable[[str], Any], encryption: str) -> Iterator[Shop]:
    """Give a shop to look at: the tests that share it are refused whatever they ask."""
    with a_world(aws, encryption) as made:
        yield Shop.open(made, "tulips")


def forget() -> None:
    """Make the next invocation a cold start."""
    config.settings.cache_clear()
    for made in (
        "table",
        "secret_store",
        "event_queue",
        "reconcile_queue",
        "mailer",
        "store",
        "doors",
    ):
        getattr(runtime, made).cache_clear()


def configure(patch: pytest.MonkeyPatch, resources: dict[str, str], encryption: str) -> None:
    names = {
        "STAGE": resources["stage"],
        "TABLE_NAME": "receivable",
        "EVENT_QUEUE_URL": resources["events"],
        "RECONCILE_QUEUE_URL": resources["reconciliations"],
        "KMS_KEY_ARN": encryption,
        "EVENT_BUS": "receivable-test",
        "MAIL_FROM": "billing@receivable.example",
    }
    for name, value in names.items():
        patch.setenv(name, value)
    claims = ("TENANT_CLAIM", "ROLE_CLAIM", "PROFILE_CLAIM", "MFA_CLAIM")
    for name in ("STRIPE_API_BASE", "PUBLIC_URL", "CLIENT_IP_HEADER", *claims):
        patch.delenv(name, raising=False)


def create_queues(aws: Callable[[str], Any], stage: str) -> dict[str, str]:
    urls = {
        name: str(aws("sqs").create_queue(QueueName=f"{stage}-{name}")["QueueUrl"])
        for name in ("events", "reconciliations")
    }
    return {"stage": stage, **urls}


def seed_storefront(dynamo: Dynamo, tenant: str) -> None:
    dynamo.put_item(Item=storefront_row(tenant), ConditionExpression="attribute_not_exists(pk)")


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Callable[[str], dict[str, Any]]:
    """Give a reader of the sample events."""
    folder = request.config.rootpath / "events"
    return lambda function: dict(json.loads((folder / f"{function}.json").read_text()))


@pytest.fixture
def pool_claims(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the claims that the template's own user pool puts into a token, as the samples do."""
    monkeypatch.setenv("TENANT_CLAIM", "custom:tenant")
    monkeypatch.setenv("ROLE_CLAIM", "cognito:groups")
    monkeypatch.setenv("PROFILE_CLAIM", "custom:profile")
