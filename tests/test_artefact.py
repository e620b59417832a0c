"""What is deployed, as it is deployed: the built layer, and handlers started from it alone."""

import hashlib
import hmac
import json
import os
import re
import ssl
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.paths import ROOT
from local.stack import loopback, runtime_api
from local.tools import layer_here
from payments.doors.table import to_attributes

pytestmark = pytest.mark.skipif(
    layer_here.reason_against() is not None, reason=str(layer_here.reason_against())
)

# A megabyte of it is Babel with the languages of the payers, and Jinja; payments itself is 0.8.
ZIPPED_MAX = 9_000_000
SIGNING_SECRET = "whsec_" + "alpha" * 5
# Bits 0 and 1 of a bytecode file's flags: made from a hash, and never compared with the source.
UNCHECKED_HASH = 0b01

IMPORT_ALL = """
import importlib, pathlib, sys
sys.path[:0] = {paths!r}
for handler in {handlers!r}:
    importlib.import_module(handler)
import botocore.session
for service in ("dynamodb", "events", "secretsmanager", "sesv2", "sqs"):
    botocore.session.get_session().create_client(service, region_name="eu-central-1")
from payments.doors.gateway import Gateway
from payments.doors.stripe_api.transport import connections
from payments.errors import StripeUnavailable
key = "sk_test_" + "alpha" * 5
gateway = Gateway(key, api_base="http://127.0.0.1:9", http_client=connections())
try:
    gateway.intent("pi_1")
except StripeUnavailable:
    pass
"""


IMPORT_CLIENTS = """
import json, sys
sys.path.insert(0, {path!r})
import botocore.session
from botocore import xform_name
session, names = botocore.session.get_session(), []
for service in ("dynamodb", "events", "secretsmanager", "sesv2", "sqs"):
    model = session.get_service_model(service)
    names += [xform_name(name) for name in model.operation_names]
    for name in model.operation_names:
        model.operation_model(name).input_shape.members, model.operation_model(name).error_shapes
print(json.dumps(names))
"""


@pytest.fixture(scope="session")
def layer() -> Path:
    layer_here.build()
    return layer_here.LAYER


def handlers() -> list[str]:
    return sorted(path.stem for path in (ROOT / "functions").glob("*.py"))


def event_of(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text())
    return event


def test_the_layer_zipped_is_nine_megabytes_at_most(layer: Path, tmp_path: Path) -> None:
    archive = tmp_path / "layer.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(layer.rglob("*")):
            packed.write(path, path.relative_to(layer))

    assert archive.stat().st_size <= ZIPPED_MAX


def test_the_layer_is_bytecode_that_is_never_compared_with_its_source(layer: Path) -> None:
    compiled = list((layer / "python").rglob("*.pyc"))
    sources = {path.relative_to(layer / "python").parts[0] for path in layer.rglob("*.py")}

    assert len(compiled) > 900
    assert sources == {"payments"}
    assert {int.from_bytes(path.read_bytes()[4:8], "little") for path in compiled} == {
        UNCHECKED_HASH
    }


def asked_of_aws() -> set[str]:
    """Return the methods that the doors call on AWS's clients."""
    called = set()
    for door in ("bus", "mail", "queue", "secrets", "table"):
        source = (ROOT / "shared" / "payments" / "doors" / f"{door}.py").read_text()
        called |= set(re.findall(r"self\._client(?:\(\))?\.(\w+)\(", source))
    return called


def test_the_layers_clients_can_do_all_that_the_doors_ask_and_nothing_else(layer: Path) -> None:
    script = IMPORT_CLIENTS.format(path=str(layer / "python"))
    done = subprocess.run(  # noqa: S603 - our own script
        [runtime_api.python(), "-S", "-c", script], capture_output=True, text=True, check=True
    )

    assert set(json.loads(done.stdout)) == asked_of_aws()


def test_the_layer_brings_neither_boto3_nor_anything_for_tests(layer: Path) -> None:
    packages = {path.name for path in (layer / "python").iterdir()}

    assert not packages & {"boto3", "moto", "pytest", "aws_xray_sdk", "awslambdaric"}
    assert not list((layer / "python").rglob("tests"))


def test_the_aws_roots_are_amazons_and_load(layer: Path) -> None:
    roots = ssl.create_default_context(cafile=str(layer / "amazon-roots.pem")).get_ca_certs()
    organisations = {
        field[1]
        for root in roots
        for part in root["subject"]
        for field in part
        if field[0] == "organizationName"
    }

    assert len(roots) == 5
    assert organisations == {"Amazon", "Starfield Technologies, Inc."}


def test_every_handler_loads_from_the_layer_alone_and_compiles_none_of_it(layer: Path) -> None:
    paths = [str(ROOT / "functions"), str(layer / "python")]
    script = IMPORT_ALL.format(paths=paths, handlers=handlers())
    loaded = subprocess.run(  # noqa: S603 - our own script
        [runtime_api.python(), "-S", "-B", "-v", "-c", script],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    code = [
        line.rpartition(" ")[2].strip("'")
        for line in loaded.stderr.splitlines()
        if line.startswith("# code object from ")
    ]
    from_layer = [path for path in code if path.startswith(str(layer))]

    assert loaded.returncode == 0, loaded.stderr.splitlines()[-5:]
    assert len(from_layer) > 300
    assert not [path for path in from_layer if not path.endswith(".pyc")]


def test_the_health_route_answers_from_the_built_artefact(layer: Path, tmp_path: Path) -> None:
    with runtime_api.started("public_docs.handler", layer, tmp_path) as runtime:
        answer = runtime.invoke(event_of("public_docs"))

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {"status": "ok"}


def test_a_route_that_needs_a_token_refuses_one_without_a_tenant(
    layer: Path, tmp_path: Path
) -> None:
    event = event_of("manage_invoices")
    event["requestContext"]["authorizer"]["jwt"]["claims"] = {"sub": "nobody"}

    with runtime_api.started("manage_invoices.handler", layer, tmp_path) as runtime:
        answer = runtime.invoke(event)

    assert answer["statusCode"] == 401
    assert json.loads(answer["body"])["code"] == "unauthenticated"


def test_the_webhook_keeps_and_queues_a_signed_event_from_the_built_artefact(
    layer: Path, tmp_path: Path
) -> None:
    with aws() as (address, asked):
        env = {"AWS_ENDPOINT_URL": address, "STAGE": "test", "TABLE_NAME": "rows"}
        env["EVENT_QUEUE_URL"] = f"{address}/1/events"
        # Set as in the template: over plain HTTP nothing reads it.
        env["AWS_CA_BUNDLE"] = "/opt/amazon-roots.pem"
        with runtime_api.started("receive_webhook.handler", layer, tmp_path, env) as runtime:
            answer = runtime.invoke(signed(event_of("receive_webhook")))

    assert answer["statusCode"] == 200, answer
    assert asked == ["GetSecretValue", "GetItem", "PutItem", "SendMessage"]


def signed(event: dict[str, Any]) -> dict[str, Any]:
    now = str(int(time.time()))
    message = f"{now}.{event['body']}".encode()
    signature = hmac.new(SIGNING_SECRET.encode(), message, hashlib.sha256).hexdigest()
    event["headers"]["stripe-signature"] = f"t={now},v1={signature}"
    return event


@contextmanager
def aws() -> Iterator[tuple[str, list[str]]]:
    """AWS, as far as the webhook goes: every call succeeds and is noted."""
    asked: list[str] = []
    secret = json.dumps({"tenant": "tulips", "current": SIGNING_SECRET, "endpoint": "we_1"})
    account = to_attributes({"slots": {"test": {"endpoint": {"id": "we_1"}}}})
    answers = {
        "GetSecretValue": {"SecretString": secret},
        "GetItem": {"Item": account},
        "SendMessage": {"MessageId": "1"},
    }

    class Services(loopback.Handler):
        def do_POST(self) -> None:  # noqa: N802 - the library's name
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.headers["X-Amz-Target"].rsplit(".", 1)[1])
            self.answer(json.dumps(answers.get(asked[-1], {})).encode(), "application/json")

    with loopback.serving(loopback.bind(0, Services)) as address:
        yield address, asked
