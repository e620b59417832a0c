"""Deploy a SAM template to the emulated AWS, with plain CloudFormation."""

import hashlib
import io
import json
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from local.paths import APP_PYTHON, AWS_PYTHON, AWS_REQUIREMENTS, ROOT, RUN, TEMPLATE
from local.stack.adapting import Template, adapt
from local.stack.emulator import REGION, Emulator
from local.stack.processes import StackError

STACK = "receivable-local"
BUCKET = "receivable-local-sources"
BOOTSTRAP = "bootstrap.zip"
DEPLOY_S = 60
POLL_S = 0.1
EXECUTABLE = 0o755 << 16


@dataclass(frozen=True)
class Deployment:
    """A stack that was created: its outputs, its resources, and what was left out of it."""

    outputs: dict[str, str]
    resources: dict[str, str]
    left_out: list[str]


@contextmanager
def expanding(template: Path = TEMPLATE, *given: str) -> Iterator[Callable[[], Template]]:
    """Expand the template in the emulator's environment, while the emulator starts."""
    cached = RUN / f"expanded-{fingerprint(template, *given)}.json"
    if cached.exists():
        yield lambda: parsed(cached)
        return
    RUN.mkdir(exist_ok=True)
    command = [str(AWS_PYTHON), "-m", "local.stack.expanding", str(template), str(cached), *given]
    process = subprocess.Popen(
        command, cwd=ROOT, env={"AWS_DEFAULT_REGION": REGION}, stderr=subprocess.PIPE, text=True
    )
    try:
        yield lambda: expanded(process, cached)
    finally:
        process.kill()
        process.wait()


def fingerprint(template: Path, *given: str) -> str:
    """Name what an expansion follows from: the template, the translator, and what is given."""
    if not template.exists():
        raise StackError(f"{template} does not exist: run this in a whole clone.")
    read = [template.read_bytes(), AWS_REQUIREMENTS.read_bytes(), *map(str.encode, given)]
    return hashlib.sha256(b"\0".join(read)).hexdigest()[:16]


def expanded(process: subprocess.Popen[str], result: Path) -> Template:
    _, errors = process.communicate()
    if process.returncode:
        raise StackError(f"template.yaml could not be expanded: {errors.strip().splitlines()[-1]}")
    return parsed(result)


def parsed(path: Path) -> Template:
    template: Template = json.loads(path.read_text())
    return template


def deploy(
    emulator: Emulator, template: Template, parameters: dict[str, str], mail: str = ""
) -> Deployment:
    """
    Create the stack; parameters that the template does not have are not given.

    `mail` is where SES is reached, if its mails are to be caught.
    """
    environment = {"AWS_ENDPOINT_URL": emulator.url, "AWS_ENDPOINT_URL_SESV2": mail or emulator.url}
    adapted, left_out = adapt(template, bucket=BUCKET, key=BOOTSTRAP, environment=environment)
    put_sources(emulator, adapted)
    known = parameters.keys() & template["Parameters"].keys()
    try:
        emulator.client("cloudformation").create_stack(
            StackName=STACK,
            TemplateURL=f"{emulator.url}/{BUCKET}/template.json",
            Parameters=[{"ParameterKey": key, "ParameterValue": parameters[key]} for key in known],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )
    except ClientError as error:
        raise failed(error.response["Error"]["Message"]) from error
    outputs = wait_until_created(emulator)
    return Deployment(outputs, physical_ids(emulator), left_out)


def put_sources(emulator: Emulator, template: Template) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=BOOTSTRAP, Body=bootstrap())
    s3.put_object(Bucket=BUCKET, Key="template.json", Body=json.dumps(template).encode())


def bootstrap() -> bytes:
    """Zip the script that starts a handler under awslambdaric, from the sources as they are."""
    script = (
        f"#!/bin/sh\ncd '{ROOT}/functions' || exit 1\n"
        f"export PYTHONPATH='{ROOT}/functions:{ROOT}/shared'\n"
        f"exec '{APP_PYTHON}' -m awslambdaric \"$_HANDLER\"\n"
    )
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = EXECUTABLE
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(entry, script)
    return packed.getvalue()


def wait_until_created(emulator: Emulator) -> dict[str, str]:
    cloudformation = emulator.client("cloudformation")
    deadline = time.monotonic() + DEPLOY_S
    while time.monotonic() < deadline:
        (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return {pair["OutputKey"]: pair["OutputValue"] for pair in stack.get("Outputs", [])}
        if stack["StackStatus"] != "CREATE_IN_PROGRESS":
            raise failed(first_failure(emulator))
        time.sleep(POLL_S)
    raise StackError(
        f"The deploy took more than {DEPLOY_S} s: run again, or read local/.run/*/aws.log."
    )


def failed(reason: str) -> StackError:
    return StackError(f"The deploy failed: {reason}: correct template.yaml, and run again.")


def first_failure(emulator: Emulator) -> str:
    """Name the first resource that could not be created, and why."""
    pages = emulator.client("cloudformation").get_paginator("describe_stack_events")
    failures = [
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event['ResourceStatusReason']}"
        for page in pages.paginate(StackName=STACK)
        for event in page["StackEvents"]
        if event["ResourceStatus"] == "CREATE_FAILED"
    ]
    return failures[-1] if failures else "the emulator does not say why"


def physical_ids(emulator: Emulator) -> dict[str, str]:
    pages = emulator.client("cloudformation").get_paginator("list_stack_resources")
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=STACK)
        for resource in page["StackResourceSummaries"]
    }
