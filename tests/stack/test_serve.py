"""`make serve` starts, says where everything is, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest

from local.paths import APP_PYTHON, ROOT
from local.stack.client import Client

READY_S = 60
GONE_S = 60

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts in /proc")


@dataclass
class Serving:
    """A `make serve` as a test sees it."""

    process: subprocess.Popen[str]
    file: Path

    def facts(self) -> dict[str, object]:
        facts: dict[str, object] = json.loads(self.file.read_text())
        return facts


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Give one that tests may ask but not stop."""
    with served(tmp_path_factory.mktemp("serve")) as running:
        yield running


@pytest.fixture
def stoppable(tmp_path: Path) -> Iterator[Serving]:
    with served(tmp_path) as running:
        yield running


@contextmanager
def served(folder: Path) -> Iterator[Serving]:
    file = folder / "stack.json"
    process = start(free_ports(), file)
    try:
        wait_for(file.exists, process)
        yield Serving(process, file)
    finally:
        process.terminate()
        process.communicate()


def test_serve_answers_at_the_addresses_it_wrote_down(serving: Serving) -> None:
    facts = serving.facts()

    assert {"api", "stripe", "docs", "mail", "storefront", "tenants"} <= facts.keys()
    with urlopen(f"{facts['api']}/health", timeout=READY_S) as answer:  # noqa: S310 - loopback
        assert answer.status == 200
    with urlopen(str(facts["docs"]), timeout=READY_S) as page:  # noqa: S310 - loopback
        assert b"/v1/invoices" in page.read()
    with urlopen(str(facts["storefront"]), timeout=READY_S) as goods:  # noqa: S310 - loopback
        assert b"Order ten red tulips" in goods.read()


def test_serve_writes_tokens_and_keys_for_two_tenants(serving: Serving) -> None:
    tenants = serving.facts()["tenants"]

    assert isinstance(tenants, dict)
    assert set(tenants) == {"tulips", "bakery"}
    for parts in tenants.values():
        assert set(parts) == {"admin", "operator", "viewer", "storefront", "stripe"}
        assert set(parts["stripe"]) == {"account", "publishable_key", "secret_key"}


def test_another_tenant_is_written_by_one_command(serving: Serving) -> None:
    command = [APP_PYTHON, "-m", "local.tools.tenant", str(serving.file)]
    asked = {"NAME": "orchids", "ADMIN": "ada@orchids.example", "PATH": os.environ["PATH"]}
    run = partial(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)

    written, again = run(env=asked), run(env=asked)
    refused = run(env=asked | {"NAME": "Orchids & Sons"})

    assert (written.returncode, again.returncode, refused.returncode) == (0, 0, 1), written.stderr
    lines = [line.split() for line in written.stdout.splitlines() if line.startswith("  ")]
    tokens = {line[0]: line[1] for line in lines}
    api = str(serving.facts()["api"])
    accounts = Client(api, tokens["admin"]).get("/v1/accounts")
    assert (accounts.status, accounts.json["data"]) == (200, [])
    # The machine has its role at once, and sees no invoice until a module is granted.
    storefront = Client(api, tokens["storefront"])
    invoices = storefront.get("/v1/invoices")
    assert (invoices.status, invoices.json["code"]) == (403, "permission_denied")
    assert storefront.get("/v1/currencies").status == 200


@needs_proc
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_serve_stops_with_no_process_left(stoppable: Serving, stop: signal.Signals) -> None:
    started = descendants(stoppable.process.pid)

    stoppable.process.send_signal(stop)
    output, _ = stoppable.process.communicate(timeout=READY_S)

    assert stoppable.process.returncode == 0, output
    assert output.endswith("Stopped.\n")
    assert not stoppable.file.exists()
    assert len(started) >= 2
    assert alive(started) == set()


@needs_proc
def test_serve_that_is_killed_takes_its_processes_along(stoppable: Serving) -> None:
    started = descendants(stoppable.process.pid)

    stoppable.process.kill()

    wait_for(lambda: not alive(started))


def test_serve_says_which_port_is_in_use(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        output, _ = start(port, tmp_path / "stack.json").communicate(timeout=READY_S)

    assert f"Port {port} is in use" in output
    assert "Traceback" not in output
    assert not (tmp_path / "stack.json").exists()


def start(port: int, file: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own command
        [APP_PYTHON, "-m", "local.demo.serve", file],
        cwd=ROOT,
        env=os.environ | {"PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_ports() -> int:
    """Find four free ports in a row, below those that the system gives to anybody."""
    return next(first for first in range(20_000, 30_000, 4) if are_free(first))


def are_free(first: int) -> bool:
    def is_free(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    return all(is_free(port) for port in range(first, first + 4))


def wait_for(is_done: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    deadline = time.monotonic() + (READY_S if process else GONE_S)
    while not is_done():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def processes() -> dict[int, int]:
    """Map every process to its parent; the dead that nobody has asked about do not count."""
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = file.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(file.parent.name)] = int(parent)
    return found


def descendants(root: int) -> set[int]:
    parents = processes()
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {root}


def alive(pids: set[int]) -> set[int]:
    return pids & processes().keys()
