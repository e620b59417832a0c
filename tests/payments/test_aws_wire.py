"""The wire to AWS: botocore judges what is sent, and faults on loopback what comes back."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as TheirCredentials
from botocore.exceptions import ClientError
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import config
from payments.doors.aws import wire
from payments.doors.aws.answers import Refused, Unanswered
from payments.doors.aws.services import SERVICES
from payments.doors.aws.signing import Credentials, Scope, signed
from payments.edge import runtime
from tests.doubles import wire as doubles
from tests.doubles.scripted import Reply, breaks_off, hangs_up, says, says_nothing, scripted
from tests.doubles.wire import CREDENTIALS, REGION, wired

Json = dict[str, Any]
ITEM = {"pk": {"S": "a"}, "sk": {"S": "s"}, "version": {"N": "1"}, "of": {"L": [{"NULL": True}]}}
PUT = {
    "TableName": "t",
    "Item": ITEM,
    "ConditionExpression": "version = :seen",
    "ExpressionAttributeValues": {":seen": {"N": "1"}},
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}
MAIL = {
    "FromEmailAddress": "Tulips <billing@shop.example>",
    "Destination": {"ToAddresses": ["ada@buyer.example"]},
    "Content": {
        "Simple": {
            "Subject": {"Data": "Rechnung für Ada", "Charset": "UTF-8"},
            "Body": {"Text": {"Data": "Guten Tag", "Charset": "UTF-8"}},
            "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
            "Attachments": [
                {
                    "FileName": "i.pdf",
                    "ContentType": "application/pdf",
                    "RawContent": b"%PDF\x00\xff",
                }
            ],
        }
    },
    "EmailTags": [{"Name": "tenant", "Value": "dHVsaXBz"}],
}
#: One request of every operation that is asked for.
REQUESTS: dict[tuple[str, str], Json] = {
    ("dynamodb", "get_item"): {
        "TableName": "t",
        "Key": {"pk": {"S": "é"}, "sk": {"S": "s"}},
        "ConsistentRead": True,
    },
    ("dynamodb", "batch_get_item"): {
        "RequestItems": {"t": {"Keys": [{"pk": {"S": "a"}, "sk": {"S": "s"}}]}}
    },
    ("dynamodb", "put_item"): PUT,
    ("dynamodb", "query"): {
        "TableName": "t",
        "KeyConditionExpression": "#pk = :pk",
        "ExpressionAttributeNames": {"#pk": "list_key"},
        "ExpressionAttributeValues": {":pk": {"S": "a"}},
        "IndexName": "list",
        "ScanIndexForward": False,
        "Limit": 3,
    },
    ("dynamodb", "transact_write_items"): {"TransactItems": [{"Put": PUT}]},
    ("secretsmanager", "get_secret_value"): {"SecretId": "receivable/x"},
    ("secretsmanager", "create_secret"): {
        "Name": "receivable/x",
        "SecretString": "{}",
        "KmsKeyId": "arn:aws:kms:eu-central-1:1:key/1",
    },
    ("secretsmanager", "put_secret_value"): {"SecretId": "receivable/x", "SecretString": "{}"},
    ("sqs", "change_message_visibility_batch"): {
        "QueueUrl": "https://sqs.eu-central-1.amazonaws.com/1/q",
        "Entries": [{"Id": "0", "ReceiptHandle": "r", "VisibilityTimeout": 50}],
    },
    ("sqs", "send_message"): {
        "QueueUrl": "https://sqs.eu-central-1.amazonaws.com/1/q",
        "MessageBody": '{"a": "b"}',
    },
    ("events", "put_events"): {
        "Entries": [
            {"EventBusName": "b", "Source": "receivable", "DetailType": "t", "Detail": "{}"}
        ]
    },
    ("sesv2", "send_email"): MAIL,
}
EVERY = pytest.mark.parametrize(("service", "method"), REQUESTS)
OK = {
    "Responses": {},
    "SecretString": "{}",
    "MessageId": "1",
    "FailedEntryCount": 0,
    "Items": [],
    "Successful": [],
    "Failed": [],
}


def refusal(code: str, status: int = 400, **members: Any) -> Reply:
    return says({"__type": f"com.amazonaws.x#{code}", "message": "why", **members}, status)


def asked(service: str, method: str) -> Json:
    return dict(REQUESTS[service, method])


def their_client(service: str, address: str) -> Any:
    session = Session()
    session.set_credentials(CREDENTIALS.key_id, CREDENTIALS.secret, CREDENTIALS.token)
    once = Config(retries={"total_max_attempts": 1})
    return session.create_client(service, region_name=REGION, endpoint_url=address, config=once)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close what a test has opened."""
    yield
    while doubles.OPENED:
        doubles.OPENED.pop().close()


@given(
    body=st.binary(max_size=200),
    service=st.sampled_from(sorted(SERVICES)),
    token=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001 - in UTC below
)
@settings(max_examples=200)
def test_a_signature_is_the_one_that_botocore_makes(
    body: bytes, service: str, token: str, moment: datetime
) -> None:
    described, at = SERVICES[service], moment.replace(tzinfo=UTC, microsecond=0)
    headers = {"host": "aws.example", "content-type": "application/x-amz-json-1.0"}
    if described.target:
        headers["x-amz-target"] = f"{described.target}Do"
    ours = signed(
        described.path,
        headers,
        body,
        credentials=Credentials("AKEY", "not-a-secret", token),
        scope=Scope(REGION, described.scope),
        at=at,
    )

    request = AWSRequest("POST", f"https://aws.example{described.path}", dict(headers), body)
    named = TheirCredentials("AKEY", "not-a-secret", token or None)
    with patch("botocore.auth.get_current_datetime", lambda: at.replace(tzinfo=None)):
        SigV4Auth(named, described.scope, REGION).add_auth(request)
    assert ours["authorization"] == request.headers["Authorization"]


@pytest.mark.parametrize(
    ("headers", "body", "signature"),
    [
        ({}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            {"content-type": "application/x-www-form-urlencoded"},
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
    ids=["post-vanilla", "post-x-www-form-urlencoded"],
)
def test_a_signature_is_the_one_of_the_vectors_that_aws_publishes(
    headers: dict[str, str], body: bytes, signature: str
) -> None:
    # The example of the vectors, in parts: it opens nothing, and looks like a key.
    secret = "wJalrXUtnFEMI" + "/K7MDENG+bPx" + "RfiCYEXAMPLEKEY"
    sent = signed(
        "/",
        {"host": "example.amazonaws.com", **headers},
        body,
        credentials=Credentials("AKID" + "EXAMPLE", secret),
        scope=Scope("us-east-1", "service"),
        at=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )

    assert sent["authorization"].endswith(signature)


@EVERY
def test_an_operation_is_sent_as_botocore_sends_it(service: str, method: str) -> None:
    with scripted(says(OK), says(OK)) as server:
        getattr(wired(service, server.address), method)(**asked(service, method))
        with closing(their_client(service, server.address)) as botocore:
            getattr(botocore, method)(**asked(service, method))
        ours, theirs = server.heard

    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    for name in ("content-type", "x-amz-target", "host"):
        assert ours.headers.get(name) == theirs.headers.get(name)
    assert without_token(ours.json) == without_token(theirs.json)
    assert set(ours.json) == set(theirs.json)


def without_token(members: Json) -> Json:
    return {name: value for name, value in members.items() if name != "ClientRequestToken"}


def test_every_operation_that_the_layer_carries_is_compared() -> None:
    known = {(name, each) for name, service in SERVICES.items() for each in service.operations}
    assert set(REQUESTS) == known


@pytest.mark.parametrize(
    ("service", "method", "reply"),
    [
        ("dynamodb", "put_item", refusal("ConditionalCheckFailedException", Item=ITEM)),
        (
            "dynamodb",
            "transact_write_items",
            refusal(
                "TransactionCanceledException",
                CancellationReasons=[
                    {"Code": "None"},
                    {"Code": "ConditionalCheckFailed", "Item": ITEM},
                ],
            ),
        ),
        ("dynamodb", "query", refusal("ValidationException")),
        ("secretsmanager", "get_secret_value", refusal("ResourceNotFoundException")),
        ("secretsmanager", "create_secret", refusal("ResourceExistsException")),
        ("events", "put_events", refusal("InternalException", 500)),
        (
            "sesv2",
            "send_email",
            says({"message": "no"}, 400, x_amzn_errortype="MessageRejected:http://aws.example/"),
        ),
        (
            "sesv2",
            "send_email",
            says({"message": "no"}, 429, x_amzn_errortype="TooManyRequestsException"),
        ),
        ("dynamodb", "get_item", says(b"<html>", 503)),
    ],
)
def test_a_refusal_is_read_as_botocore_reads_it(service: str, method: str, reply: Reply) -> None:
    with scripted(reply, reply) as server:
        with pytest.raises(Refused) as ours:
            getattr(wired(service, server.address, tries=1), method)(**asked(service, method))
        client = their_client(service, server.address)
        with closing(client), pytest.raises(ClientError) as theirs:
            getattr(client, method)(**asked(service, method))

    told = theirs.value.response
    assert ours.value.code == told["Error"]["Code"]
    assert ours.value.status == told["ResponseMetadata"]["HTTPStatusCode"]
    for name in ("Item", "CancellationReasons"):
        assert ours.value.answer.get(name) == told.get(name)


PASSES = [
    hangs_up,
    breaks_off,
    says({"Item": ITEM}, total=1),
    says(b"<html>"),
    says([]),
    refusal("InternalServerError", 500),
    says(b"", 502),
    says(b"<html>", 503),
    refusal("ProvisionedThroughputExceededException"),
    refusal("ThrottlingException"),
]


@pytest.mark.parametrize("trouble", PASSES)
def test_what_may_pass_is_tried_again_and_then_the_answer_comes(trouble: Reply) -> None:
    pauses: list[float] = []
    with scripted(trouble, trouble, says({"Item": ITEM})) as server:
        client = wired("dynamodb", server.address, pauses=pauses)
        answer = client.get_item(**asked("dynamodb", "get_item"))

    assert answer == {"Item": ITEM}
    assert pauses == [0.25, 0.5]


@pytest.mark.parametrize("trouble", PASSES)
def test_after_three_tries_it_is_said(trouble: Reply) -> None:
    with scripted(*[trouble] * 4) as server:
        client = wired("dynamodb", server.address)
        with pytest.raises((Refused, Unanswered)):
            client.get_item(**asked("dynamodb", "get_item"))

    assert len(server.heard) == 3


def test_what_does_not_pass_is_asked_once() -> None:
    with scripted(*[refusal("ValidationException")] * 2) as server:
        client = wired("dynamodb", server.address)
        with pytest.raises(Refused, match="ValidationException"):
            client.get_item(**asked("dynamodb", "get_item"))

    assert len(server.heard) == 1


def test_a_mail_is_never_sent_a_second_time() -> None:
    with scripted(hangs_up, says(OK)) as server, pytest.raises(Unanswered) as lost:
        wired("sesv2", server.address, tries=1).send_email(**MAIL)

    assert lost.value.sent
    assert len(server.heard) == 1


def test_silence_is_a_timeout_after_which_it_may_have_happened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "READ_S", 0.05)
    with scripted(says_nothing, says_nothing, says_nothing) as server:
        client = wired("dynamodb", server.address)
        with pytest.raises(Unanswered, match="timeout") as lost:
            client.put_item(**PUT)

    assert lost.value.sent
    assert server.connections == 3


@pytest.mark.parametrize(
    ("service", "method"),
    [key for key in REQUESTS if SERVICES[key[0]].operations[key[1]].once],
)
def test_every_try_of_a_write_carries_the_same_token(service: str, method: str) -> None:
    with scripted(hangs_up, says(OK), says(OK)) as server:
        client = wired(service, server.address)
        getattr(client, method)(**asked(service, method))

    first, second = server.heard
    assert first.json["ClientRequestToken"] == second.json["ClientRequestToken"]


def test_nobody_there_is_not_reached_and_surely_not_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unanswered, match="not_reached") as lost:
            wired("dynamodb", address).put_item(**PUT)

    assert not lost.value.sent


def test_a_certificate_of_nobody_is_not_trusted(tmp_path: Any) -> None:
    from benchmarks import certificates, cold_start  # noqa: PLC0415 - only here
    from local.stack import loopback  # noqa: PLC0415 - only here

    issued = certificates.issue(tmp_path)
    with cold_start.serving_tls(loopback.Handler, issued.server) as address:
        client = wired("dynamodb", address)
        with pytest.raises(Unanswered, match="certificate_refused") as lost:
            client.put_item(**PUT)

    assert not lost.value.sent


def test_a_connection_is_used_again_while_it_is_open() -> None:
    with scripted(says(OK), says(OK), says(OK, closes=True), says(OK)) as server:
        client = wired("dynamodb", server.address)
        for _ in range(4):
            client.get_item(**asked("dynamodb", "get_item"))

    assert server.connections == 2


def test_a_connection_that_was_closed_while_idle_costs_no_try() -> None:
    def answers_and_leaves(connection: socket.socket) -> None:
        says(OK)(connection)
        connection.shutdown(socket.SHUT_RDWR)

    with scripted(answers_and_leaves, says(OK)) as server:
        client = wired("dynamodb", server.address, tries=1)
        client.get_item(**asked("dynamodb", "get_item"))
        (idle,) = client._pool._idle
        idle.sock.recv(1)  # Until the end of it has come.
        client.get_item(**asked("dynamodb", "get_item"))

    assert server.connections == 2


def test_nothing_is_begun_that_could_not_end_before_the_invocation_does() -> None:
    with scripted(says(OK)) as server:
        client = wired("dynamodb", server.address, time_left=0.4)
        with pytest.raises(Unanswered, match="no_time") as lost:
            client.put_item(**PUT)

    assert not lost.value.sent
    assert server.heard == []


def test_what_was_not_answered_is_not_tried_again_without_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = iter([1.0, 1.0, 0.1])
    with scripted(hangs_up, says(OK)) as server:
        client = wired("dynamodb", server.address)
        client._around = wire.Surroundings(
            client._around.now, lambda _: None, lambda: 1.0, str, lambda: next(left)
        )
        with pytest.raises(Unanswered, match="broken_off"):
            client.put_item(**PUT)

    assert len(server.heard) == 1


def test_an_operation_that_nobody_listed_is_a_bug() -> None:
    with pytest.raises(AttributeError, match="delete_item"):
        getattr(wired("dynamodb", "http://127.0.0.1:1"), "delete_item")  # noqa: B009 - asked for


def test_the_keys_stand_in_no_text() -> None:
    client = wired("dynamodb", "http://127.0.0.1:1")
    with pytest.raises(Unanswered) as lost:
        client.put_item(**PUT)

    for text in (repr(CREDENTIALS), repr(lost.value), str(lost.value), repr(client)):
        assert CREDENTIALS.secret not in text
        assert CREDENTIALS.token not in text


LAMBDA = {
    "AWS_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "AKEY",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_SESSION_TOKEN": "a-token",
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., config.AwsAccess]]:
    """Read what an environment says of AWS."""

    def read(**more: str) -> config.AwsAccess:
        with monkeypatch.context() as patch_:
            for name in [name for name in config.os.environ if name.startswith(("AWS_", "HTTP"))]:
                patch_.delenv(name)
            for name, value in (LAMBDA | more).items():
                patch_.setenv(name, value)
            config.aws_access.cache_clear()
            return config.aws_access()

    yield read
    config.aws_access.cache_clear()


def test_a_function_on_lambda_takes_the_own_wire(told: Callable[..., config.AwsAccess]) -> None:
    assert told().is_plain
    assert told().address("email", "SESV2") == "https://email.eu-central-1.amazonaws.com"
    beijing = told(AWS_REGION="cn-north-1")
    assert beijing.address("sqs", "SQS") == "https://sqs.cn-north-1.amazonaws.com.cn"


@pytest.mark.parametrize(
    "more",
    [
        {"AWS_WIRE": "botocore"},
        {"AWS_ACCESS_KEY_ID": ""},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"HTTPS_PROXY": "http://127.0.0.1:1"},
        {"AWS_REGION": "us-iso-east-1"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_only_botocore_can_do_is_left_to_it(
    told: Callable[..., config.AwsAccess], more: dict[str, str]
) -> None:
    assert not told(**more).is_plain


def test_an_address_of_a_service_comes_before_that_of_all(
    told: Callable[..., config.AwsAccess],
) -> None:
    access = told(
        AWS_ENDPOINT_URL="http://127.0.0.1:1/", AWS_ENDPOINT_URL_SESV2="http://127.0.0.1:2"
    )

    assert access.address("dynamodb", "DYNAMODB") == "http://127.0.0.1:1"
    assert access.address("email", "SESV2") == "http://127.0.0.1:2"


def test_the_runtime_makes_each_kind_of_client(
    told: Callable[..., config.AwsAccess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    made = runtime._client.__wrapped__
    for more, kind in (({}, "Client"), ({"AWS_WIRE": "botocore"}, "Translated")):
        access = told(**more)
        with patch.object(runtime, "aws_access", lambda access=access: access):
            assert type(made("sesv2")).__name__ == kind
