"""The whole stack as one context manager, for the commands and the tests alike."""

import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.paths import RUN, TEMPLATE
from local.stack.adapting import API_ID
from local.stack.client import Client
from local.stack.deploying import Deployment, deploy, expanding
from local.stack.emulator import FAULTS, Emulator, running_emulator
from local.stack.front import MAIL, Front
from local.stack.issuer import AUDIENCE, TENANTS, Issuer, client_row
from local.stack.loopback import port_in_use, serving
from local.stack.processes import free_port, listens, running, runs, wait_until

STAGE = "local"
PLATFORM = "receivable"
SENDER = "billing@receivable.example"
KEY_REPEATS = 4
LOGS_KEPT_S = 24 * 3600


@dataclass(frozen=True)
class Ports:
    """Where to listen; 0 takes a free port."""

    api: int = 0
    stripe: int = 0
    issuer: int = 0
    aws: int = 0


@dataclass(frozen=True)
class Stack:
    """A stack that answers."""

    api: str
    stripe: str
    issuer: Issuer
    emulator: Emulator
    deployment: Deployment
    folder: Path

    @property
    def docs(self) -> str:
        return f"{self.api}/docs"

    @property
    def mail(self) -> str:
        """Return where the stack's caught mails are."""
        return f"{self.api}{MAIL}"

    def mails(self, to: str | None = None) -> list[dict[str, Any]]:
        """Return the mails that were sent, to one address or to all."""
        sent = Client(self.api).get(f"{MAIL}/messages.json").json
        return [mail for mail in sent if to in {None, mail["to"]}]

    def client(self, tenant: str | None = None, role: str = "admin") -> Client:
        """Make a client of the API with the token of one role, or with none."""
        return Client(self.api, self.issuer.tokens(tenant)[role] if tenant else None)

    def aws(self, service: str) -> Any:
        """Make a boto3 client of the emulated AWS, as the account's root."""
        return self.emulator.client(service)

    def register_storefront(self, tenant: str) -> None:
        """Give a tenant's storefront its row, as an administrator does once per machine client."""
        self.aws("dynamodb").put_item(
            TableName=self.deployment.resources["Table"], Item=client_row(tenant)
        )

    def store_platform_keys(self) -> None:
        """Give the platform its own keys at Stripe, as the owner does once for each mode."""
        secrets = self.aws("secretsmanager")
        for mode in ("test", "live"):
            secrets.create_secret(
                Name=f"receivable/{STAGE}/platform/{mode}",
                SecretString=json.dumps(platform_keys(mode)),
                KmsKeyId=self.deployment.resources["Key"],
            )

    def fail_at_aws(self, **services: str) -> None:
        """Have the named services of the emulated AWS refuse everything; without names, none."""
        (self.folder / FAULTS).write_text(json.dumps(services))

    def run_schedule(self, name: str) -> None:
        """Have a schedule's own target invoked now, by a one-time schedule that removes itself."""
        scheduler = self.aws("scheduler")
        schedule = scheduler.get_schedule(Name=self.deployment.resources[name])
        scheduler.create_schedule(
            Name=f"now-{uuid.uuid4().hex[:12]}",
            ScheduleExpression=time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime()),
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=schedule["Target"],
            ActionAfterCompletion="DELETE",
        )


@contextmanager
def running_stack(
    *, auth: bool = False, ports: Ports | None = None, template: Path = TEMPLATE
) -> Iterator[Stack]:
    """Start, deploy, and end everything afterwards; `auth` enforces the functions' policies."""
    RUN.mkdir(exist_ok=True)
    remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"stack-{os.getpid()}-", dir=RUN))
    with ExitStack() as exits:
        exits.push(lambda kind, _error, _trace: remove_unless_failed(folder, kind))
        yield start(exits, ports or Ports(), folder=folder, auth=auth, template=template)


def remove_unless_failed(folder: Path, kind: type[BaseException] | None) -> None:
    """Keep the logs of a failure to be read; being interrupted is none."""
    if kind is None or not issubclass(kind, Exception):
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers() -> None:
    """Remove what earlier failures kept, once nobody can be reading it any more."""
    for folder in RUN.glob("stack-*"):
        with suppress(FileNotFoundError):
            old = time.time() - folder.stat().st_mtime > LOGS_KEPT_S
            if old and not runs(int(folder.name.split("-")[1])):
                shutil.rmtree(folder, ignore_errors=True)


def start(exits: ExitStack, ports: Ports, *, folder: Path, auth: bool, template: Path) -> Stack:
    """Start the slow parts first, so that they start side by side."""
    aws_port, stripe_port = unused(ports.aws), unused(ports.stripe)
    wait_for_aws = exits.enter_context(running_emulator(aws_port, folder=folder, auth=auth))
    expansion = exits.enter_context(expanding(template))
    wait_for_stripe = exits.enter_context(running_standin(stripe_port, folder=folder))
    issuer = Issuer(ports.issuer)
    exits.enter_context(serving(issuer.server))
    emulator = Emulator(aws_port)

    def tell(event: dict[str, Any]) -> None:
        emulator.client("events").put_events(Entries=[event])

    front = Front(ports.api, emulator_port=aws_port, api_id=API_ID, tell=tell)
    exits.enter_context(serving(front.server))
    stripe = f"http://127.0.0.1:{stripe_port}"
    wait_for_aws()
    emulator.client("sesv2").create_email_identity(EmailIdentity=SENDER.partition("@")[2])
    deployment = deploy(emulator, expansion(), parameters(issuer.url, stripe, front.url), front.url)
    wait_for_stripe()
    stack = Stack(front.url, stripe, issuer, emulator, deployment, folder)
    for tenant in TENANTS:
        stack.register_storefront(tenant)
    stack.store_platform_keys()
    return stack


def unused(port: int) -> int:
    if port and listens(port):
        raise port_in_use(port)
    return port or free_port()


def parameters(issuer: str, stripe: str, public: str) -> dict[str, str]:
    return {
        "Stage": STAGE,
        "JwtIssuer": issuer,
        "JwtAudience": AUDIENCE,
        "TenantClaim": "tenant",
        "RoleClaim": "role",
        "ProfileClaim": "profile",
        "StripeApiBase": stripe,
        "PublicUrl": public,
        "MailFrom": SENDER,
        "MailIdentity": SENDER.partition("@")[2],
    }


@contextmanager
def running_standin(port: int, *, folder: Path) -> Iterator[Callable[[], None]]:
    """Start the stand-in for Stripe, and give the function that waits until it listens."""
    log = folder / "stripe.log"
    command = [
        sys.executable,
        "-m",
        "local.stack.leash",
        "local.standin",
        "--port",
        str(port),
        "--control",
    ]
    name, env = "The stand-in", {"PATH": os.environ["PATH"]}
    with running(command, env=env, log=log, name=name) as process:
        yield lambda: wait_until(lambda: listens(port), process, name=name, log=log)


def stripe_keys(tenant: str) -> dict[str, str]:
    """Make the keys of a tenant's account at the stand-in, which takes any that are well formed."""
    marker = tenant * KEY_REPEATS
    return {"publishable_key": "pk_test_" + marker, "secret_key": "sk_test_" + marker}


def platform_keys(mode: str = "test") -> dict[str, str]:
    """Make the platform's own keys, and the client id with which it asks for consents."""
    mark = "standin" if mode == "live" else ""
    keys = {
        name: key.replace("_test_", f"_{mode}_{mark}")
        for name, key in stripe_keys(PLATFORM).items()
    }
    return {**keys, "client_id": f"ca_{PLATFORM * KEY_REPEATS}"}


def stripe_account(stripe: str, tenant: str) -> dict[str, str]:
    """Ask the stand-in whose keys they are; it makes the account when it first sees them."""
    keys = stripe_keys(tenant)
    answer = Client(stripe, keys["secret_key"]).get("/v1/account")
    return {"account": answer.json["id"], **keys}
