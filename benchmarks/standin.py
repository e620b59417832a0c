"""
Measure the stand-in for Stripe: `python -m benchmarks.standin [--against FOLDER]`.

Start, memory and requests in a second, over HTTP on loopback. A folder with another checkout is
measured in turns with this one, since machines differ and change by the second.
"""

import argparse
import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from local.paths import ROOT

ROUNDS, REQUESTS = 5, 800
KEY = "sk_test_" + "tulips" * 4
PAYMENT = urlencode(
    {
        "amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true",
        "off_session": "true",
    }
)  # fmt: skip
WORK = {
    "customer made": ("POST", "/v1/customers", "name=Ada"),
    "payment made": ("POST", "/v1/payment_intents", PAYMENT),
    "balance read": ("GET", "/v1/balance_transactions?limit=3", ""),
}
CLIENTS = (1, 4)
Figures = dict[str, float]


def main() -> int:
    """Print one column for each checkout."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.standin", description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout, to be compared with")
    against = parser.parse_args().against
    checkouts = {"now": ROOT} | ({"before": against} if against else {})
    rounds: dict[str, list[Figures]] = {name: [] for name in checkouts}
    for number in range(ROUNDS):
        for name, folder in checkouts.items():
            rounds[name].append(measure(folder))
        print(f"  round {number + 1} of {ROUNDS}", file=sys.stderr, flush=True)
    show({name: medians(found) for name, found in rounds.items()})
    return 0


def medians(found: list[Figures]) -> Figures:
    """Give the middle of each figure."""
    return {name: median(each[name] for each in found) for name in found[0]}


def show(columns: dict[str, Figures]) -> None:
    """Print a table."""
    print(f"{'':<34}" + "".join(f"{name:>10}" for name in columns))
    for figure in next(iter(columns.values())):
        print(f"{figure:<34}" + "".join(f"{found[figure]:>10.0f}" for found in columns.values()))


def measure(folder: Path) -> Figures:
    """Start a stand-in of that checkout, put load on it, end it."""
    started = time.monotonic()
    with running(folder) as (process, port):
        figures = {"start, ms": (time.monotonic() - started) * 1000}
        request(http.client.HTTPConnection("127.0.0.1", port), *WORK["customer made"])
        figures["memory after one request, MiB"] = resident_mib(process)
        for name, work in WORK.items():
            for clients in CLIENTS:
                spoken = f"{name}, {clients} client{'s' if clients > 1 else ''}, /s"
                figures[spoken] = REQUESTS / taken_s(port, work, clients)
        figures["memory after the load, MiB"] = resident_mib(process)
    return figures


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run the stand-in from a folder until the block ends."""
    command = [sys.executable, "-m", "local.standin", "--port", "0"]
    # From its second start on Python finds everything compiled, unless it was told not to keep it.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        ready = process.stdout.readline() if process.stdout else ""
        yield process, int(re.findall(r":(\d+)", ready)[0])
        process.terminate()


def taken_s(port: int, work: tuple[str, str, str], clients: int) -> float:
    """Say how long so many clients need for all requests, each over one connection."""

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(REQUESTS // clients):
            request(connection, *work)
        connection.close()

    started = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        for sent in [pool.submit(send) for _ in range(clients)]:
            sent.result()
    return time.monotonic() - started


def request(connection: http.client.HTTPConnection, method: str, path: str, body: str) -> None:
    """Send one request, and read its answer."""
    headers = {
        "Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"
    }  # fmt: skip
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(answer.read().decode())
    answer.read()


def resident_mib(process: subprocess.Popen[str]) -> float:
    """Give the memory that a process holds, as Linux counts it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


if __name__ == "__main__":
    raise SystemExit(main())
