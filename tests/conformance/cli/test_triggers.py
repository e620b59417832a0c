"""The fixtures of Stripe's own CLI, which nobody here wrote, run against the stand-in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from local.paths import ROOT

PACKAGES = ROOT / "local" / "stripe_cli" / "node_modules" / "@stripe"
TRIGGERS = (
    "customer.created", "payment_method.attached", "setup_intent.succeeded",
    "setup_intent.setup_failed", "payment_intent.created", "payment_intent.succeeded",
    "payment_intent.payment_failed", "payment_intent.requires_action", "payment_intent.canceled",
    "payment_intent.amount_capturable_updated", "charge.succeeded", "charge.failed",
    "charge.captured", "charge.refunded", "charge.dispute.created", "charge.dispute.closed",
    "checkout.session.completed", "checkout.session.expired",
    "checkout.session.async_payment_succeeded", "payment_link.created", "payout.created",
    "account.updated", "balance.available", "product.created", "price.created",
)  # fmt: skip
#: Their event is the connected account's own, as at Stripe; all others are the platform's.
OF_CONNECTED_ACCOUNTS = {"account.updated"}
AT_A_TIME = 2
#: A port on which nothing listens: the CLI reaches the stand-in and nothing else.
NOWHERE = "http://127.0.0.1:9"


class Run(NamedTuple):
    key: str
    code: int
    output: str


Runs = dict[str, "Future[Run]"]


@pytest.fixture(scope="session")
def cli() -> Path:
    found = next(PACKAGES.glob("cli-*/bin/stripe"), None)
    if found is None:
        pytest.skip(
            "Stripe's CLI is missing: install the packages nodejs and npm, run make conformance"
        )
    return found


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest,
    cli: Path,
    base: str,
    keys: Iterator[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Runs]:
    """Start each trigger that a test asks for, in an account of its own."""
    home = tmp_path_factory.mktemp("home")
    here = [item for item in request.session.items if item.path == Path(__file__)]
    events = dict.fromkeys(item.callspec.params["event"] for item in here)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield {
            event: pool.submit(trigger, cli, event, base, key, home)
            for event, key in zip(events, keys, strict=False)
        }


def trigger(cli: Path, event: str, base: str, key: str, home: Path) -> Run:
    surroundings = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1",
    }
    given = ["--api-base", base, "--api-key", key, "--config", str(home / f"{event}.toml")]
    ended = subprocess.run(  # noqa: S603 - the CLI of the lock file
        [cli, "trigger", event, *given],
        env=surroundings, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=30, check=False,
    )  # fmt: skip
    return Run(key, ended.returncode, ended.stdout)


@pytest.mark.parametrize("event", TRIGGERS)
def test_a_trigger_succeeds(runs: Runs, event: str) -> None:
    run = runs[event].result()

    assert run.code == 0, run.output
    assert "Trigger succeeded" in run.output


@pytest.mark.parametrize("event", TRIGGERS)
def test_a_trigger_leaves_its_event(runs: Runs, connect: Callable[..., Any], event: str) -> None:
    v1 = connect(runs[event].result().key).v1
    owners: list[Any] = [None]
    if event in OF_CONNECTED_ACCOUNTS:
        owners = [account.id for account in v1.accounts.list().data]
    left = [
        found.type
        for owner in owners
        for found in v1.events.list({"type": event}, options={"stripe_account": owner}).data
    ]

    assert set(left) == {event}
