"""Start the emulated AWS and make clients for it."""

import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import boto3

from local.paths import AWS_PYTHON
from local.stack.processes import running, wait_until

REGION = "us-east-1"
# An access key of twelve digits is the account's root.
FAULTS = "faults.json"
CREDENTIALS = {"aws_access_key_id": "000000000000", "aws_secret_access_key": "local"}


class Emulator:
    """An emulated AWS that answers."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.session = boto3.Session(region_name=REGION, **CREDENTIALS)
        self.client = cache(self._client)

    def _client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.url)


@contextmanager
def running_emulator(port: int, *, folder: Path, auth: bool) -> Iterator[Callable[[], None]]:
    """Start it, and give the function that waits until it answers."""
    log = folder / "aws.log"
    command = [str(AWS_PYTHON), "-m", "local.stack.emulated_aws"]
    name, env = "The emulated AWS", environment(port, folder, auth=auth)
    with running(command, env=env, log=log, name=name) as process:
        yield lambda: wait_until(lambda: answers(port), process, name=name, log=log)


def environment(port: int, folder: Path, *, auth: bool) -> dict[str, str]:
    """Nothing of this machine's AWS settings reaches the emulator or the functions it starts."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "WARNING",
        "AUTH": "true" if auth else "false",
        "FAULTS_FILE": str(folder / FAULTS),
    }


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/_ministack/ready", timeout=2
        ) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False
