"""Secrets come from Secrets Manager only; a copy serves for minutes, a stale one only in need."""

from typing import Any

import pytest

from payments.doors.aws.answers import Refused, Unanswered
from payments.doors.aws.botocore_client import Translated
from payments.doors.secrets import SecretMissing, Secrets
from payments.errors import AwsUnavailable

KEYS = {"publishable_key": "pk", "secret_key": "sk"}
NAME = "receivable/dev/keys/tulips/acc_1/test"
DOWN = [
    Refused("InternalServiceError", status=500),
    Refused("ThrottlingException"),
    Unanswered("not_reached", sent=False),
]


class Client:
    """Secrets Manager behind a switch, with a count of the reads."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.reads = 0
        self.failure: Exception | None = None

    def get_secret_value(self, **request: Any) -> Any:
        self.reads += 1
        if self.failure:
            raise self.failure
        return self._client.get_secret_value(**request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class Stopwatch:
    at = 1_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def client(session: Any) -> Client:
    real = Translated(session.create_client("secretsmanager", region_name="eu-central-1"))
    for secret in real.list_secrets()["SecretList"]:
        real.delete_secret(SecretId=secret["Name"], ForceDeleteWithoutRecovery=True)
    return Client(real)


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def secrets(client: Client, watch: Stopwatch) -> Secrets:
    return Secrets(lambda: client, "dev", kms_key="alias/receivable", monotonic=watch)


def read(secrets: Secrets) -> dict[str, str]:
    return secrets.keys("tulips", "acc_1", "test")


def test_what_was_put_is_what_is_read(secrets: Secrets) -> None:
    secrets.put_keys("tulips", "acc_1", "test", KEYS)

    assert read(secrets) == KEYS


def test_every_secret_is_encrypted_with_the_projects_own_key(
    secrets: Secrets, client: Client
) -> None:
    secrets.put_keys("tulips", "acc_1", "test", KEYS)

    assert client.describe_secret(SecretId=NAME)["KmsKeyId"] == "alias/receivable"


def test_a_secret_put_again_replaces_the_first_at_once(secrets: Secrets) -> None:
    secrets.put_keys("tulips", "acc_1", "test", KEYS)
    read(secrets)

    secrets.put_keys("tulips", "acc_1", "test", {**KEYS, "secret_key": "sk2"})

    assert read(secrets)["secret_key"] == "sk2"


def test_no_other_tenant_account_or_mode_has_the_secret(secrets: Secrets) -> None:
    secrets.put_keys("tulips", "acc_1", "test", KEYS)

    for other in (("bakery", "acc_1", "test"), ("tulips", "acc_2", "test")):
        with pytest.raises(SecretMissing):
            secrets.keys(*other)
    with pytest.raises(SecretMissing):
        secrets.keys("tulips", "acc_1", "live")
    with pytest.raises(SecretMissing):
        secrets.webhook("acc_1", "test")


def test_keys_and_webhook_secrets_stand_under_prefixes_of_their_own(
    secrets: Secrets, client: Client
) -> None:
    secrets.put_keys("tulips", "acc_1", "test", KEYS)
    secrets.put_webhook("acc_1", "test", {"tenant": "tulips", "current": "whsec"})

    names = {secret["Name"] for secret in client.list_secrets()["SecretList"]}
    assert names == {NAME, "receivable/dev/webhooks/acc_1/test"}


def test_a_secret_is_read_again_only_after_five_minutes(
    secrets: Secrets, client: Client, watch: Stopwatch
) -> None:
    secrets.put_keys("tulips", "acc_1", "test", KEYS)

    read(secrets)
    watch.at += 299
    read(secrets)
    assert client.reads == 1

    watch.at += 1
    read(secrets)
    assert client.reads == 2


def test_a_webhook_secret_that_did_not_fit_is_read_anew_but_not_for_every_forgery(
    secrets: Secrets, client: Client, watch: Stopwatch
) -> None:
    secrets.put_webhook("acc_1", "test", {"tenant": "tulips", "current": "whsec"})
    secrets.webhook("acc_1", "test")
    watch.at += 10

    for _ in range(5):
        secrets.webhook_again("acc_1", "test")

    assert client.reads == 2


@pytest.mark.parametrize("failure", DOWN, ids=lambda failure: type(failure).__name__)
def test_a_stale_secret_serves_for_an_hour_while_secrets_manager_fails(
    failure: Exception, secrets: Secrets, client: Client, watch: Stopwatch
) -> None:
    secrets.put_keys("tulips", "acc_1", "test", KEYS)
    read(secrets)
    client.failure = failure

    watch.at += 3600
    assert read(secrets) == KEYS
    watch.at += 1
    with pytest.raises(AwsUnavailable):
        read(secrets)


@pytest.mark.parametrize("failure", DOWN, ids=lambda failure: type(failure).__name__)
def test_whether_a_signature_is_of_a_new_secret_is_not_said_while_secrets_manager_fails(
    failure: Exception, secrets: Secrets, client: Client, watch: Stopwatch
) -> None:
    secrets.put_webhook("acc_1", "test", {"current": "whsec"})
    secrets.webhook("acc_1", "test")
    client.failure = failure

    assert secrets.webhook_again("acc_1", "test") == {"current": "whsec"}
    watch.at += 11
    with pytest.raises(AwsUnavailable):
        secrets.webhook_again("acc_1", "test")


def test_a_stale_secret_is_given_up_as_soon_as_secrets_manager_answers(
    secrets: Secrets, client: Client, watch: Stopwatch
) -> None:
    secrets.put_keys("tulips", "acc_1", "test", KEYS)
    read(secrets)
    client.put_secret_value(SecretId=NAME, SecretString='{"secret_key": "rotated"}')

    client.failure = DOWN[0]
    watch.at += 400
    assert read(secrets) == KEYS
    client.failure = None
    assert read(secrets) == {"secret_key": "rotated"}


def test_a_secret_that_was_never_read_does_not_hide_that_secrets_manager_fails(
    secrets: Secrets, client: Client
) -> None:
    client.failure = DOWN[0]

    with pytest.raises(AwsUnavailable):
        read(secrets)


def test_a_deleted_secret_is_missing_and_not_stale(
    secrets: Secrets, client: Client, watch: Stopwatch
) -> None:
    secrets.put_keys("tulips", "acc_1", "test", KEYS)
    read(secrets)
    client.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)

    watch.at += 300
    with pytest.raises(SecretMissing):
        read(secrets)
