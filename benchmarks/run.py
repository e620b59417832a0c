"""
Measure budgets 1 to 6: `python -m benchmarks.run`.

Handlers run from the built layer under the real awslambdaric; AWS and Stripe answer at once, over
TLS on loopback. Machines differ, so times are ratios to an empty handler's in the same run.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import books, certificates, fake_aws, fake_stripe, layer_artefact, verifying
from benchmarks.cold_start import Cost, Function, Place, invoke_cold, prepare, serving_tls
from local.paths import ROOT
from local.stack.processes import StackError
from local.stack.runtime_api import HandlerFailed
from local.tools import layer_here

ROUNDS = 15
#: A figure over its budget is reported; one over this much of it fails the run.
GATE = 1.15


HELLO = Function("hello", "hello.handler", dict, 200)


@dataclass(frozen=True, slots=True)
class Pair:
    """A cold start, and one of the empty handler just before it."""

    cost: Cost
    hello: Cost

    @property
    def ratio(self) -> float:
        """How much more CPU it took."""
        return self.cost.cpu_ms / self.hello.cpu_ms


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `context` says what the figure was in absolute terms."""

    budget: str
    value: float
    most: float
    unit: str
    context: str = ""

    @property
    def verdict(self) -> str:
        """Say whether it is within its budget, over it, or over what is let pass."""
        if self.value <= self.most:
            return "met"
        return "over" if self.value <= GATE * self.most else "FAILED"


def main() -> int:
    """Print the table; 1 if a gate failed."""
    reason = layer_here.reason_against()
    if reason:
        print(f"Nothing was measured: {reason}.")
        return 0
    started = time.monotonic()
    print(f"Building the layer; the machine's load is {_load()}", flush=True)
    layer_here.build()
    with tempfile.TemporaryDirectory() as folder:
        figures = _measure(Path(folder))
    _print(figures)
    print(f"\n{time.monotonic() - started:.0f} s; the machine's load is {_load()}")
    return int(any(figure.verdict == "FAILED" for figure in figures))


def _measure(folder: Path) -> list[Figure]:
    issued = certificates.issue(folder)
    place = prepare(folder, issued.root)
    stripe = fake_stripe.Stripe()
    body = stripe.event()
    secret = {
        "tenant": books.TENANT,
        "current": verifying.SECRET,
        "secret_key": fake_stripe.SECRET_KEY,
    }
    aws = fake_aws.Aws(books.rows(stripe.customer, stripe.payment_method), secret)
    with ExitStack() as stack:
        serve = stack.enter_context
        aws_address = serve(serving_tls(fake_aws.routes(aws), issued.server))
        stripe_address = serve(serving_tls(fake_stripe.routes(stripe), issued.server))
        env = _environment(aws_address, stripe_address)
        pairs = _rounds(_functions(body, stripe.payment_method), place, env, aws)
    return [*_cold(pairs), *_memory(pairs), _layer(place), _verification(body)]


def _environment(aws: str, stripe: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws,
        "STRIPE_API_BASE": stripe,
        "EVENT_QUEUE_URL": f"{aws}/1/events",
        "RECONCILE_QUEUE_URL": f"{aws}/1/reconciliations",
        "TABLE_NAME": "receivable",
        "STAGE": "local",
        "TENANT_CLAIM": "custom:tenant",
        "ROLE_CLAIM": "cognito:groups",
        "PROFILE_CLAIM": "custom:profile",
    }


def _functions(body: bytes, payment_method: str) -> list[Function]:
    charge = json.dumps({"amount": 1500, "payment_method": payment_method})

    def webhook() -> dict[str, Any]:
        event = _event("receive_webhook") | {"body": body.decode()}
        event["headers"]["stripe-signature"] = verifying.sign(body, datetime.now(UTC))
        return event

    return [
        Function("webhook", "receive_webhook.handler", webhook, 200),
        Function(
            "charge", "charge_token.handler", lambda: _event("charge_token") | {"body": charge}, 201
        ),
        Function("invoice", "manage_invoices.handler", lambda: _event("manage_invoices"), 201),
    ]


def _event(name: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / "events" / f"{name}.json").read_text()))


def _rounds(
    functions: list[Function], place: Place, env: Mapping[str, str], aws: fake_aws.Aws
) -> dict[str, list[Pair]]:
    """Start the empty handler before each of the others: a machine is busy by the second."""
    pairs: dict[str, list[Pair]] = {function.name: [] for function in functions}
    for number in range(ROUNDS):
        for function in functions:
            aws.reset()
            hello = invoke_cold(HELLO, place, env)
            pairs[function.name].append(Pair(invoke_cold(function, place, env), hello))
        taken = ", ".join(f"{name} {found[-1].ratio:.1f}" for name, found in pairs.items())
        print(f"  cold starts, round {number + 1} of {ROUNDS}: {taken} x hello", flush=True)
    return pairs


def _cold(pairs: Mapping[str, list[Pair]]) -> list[Figure]:
    budgets = (
        ("1 webhook intake, cold", "webhook", 3.5),
        ("2 route that calls Stripe, cold", "charge", 8.0),
        ("3 route that does not, cold", "invoice", 7.0),
    )
    return [_cold_figure(budget, most, pairs[name]) for budget, name, most in budgets]


def _cold_figure(budget: str, most: float, pairs: list[Pair]) -> Figure:
    ratio = median(pair.ratio for pair in pairs)
    ours, hello = median(pair.cost.cpu_ms for pair in pairs), _hello_ms(pairs)
    return Figure(budget, ratio, most, "x hello", f"{ours:.0f} CPU ms; hello {hello:.0f}")


def _hello_ms(pairs: list[Pair]) -> float:
    return median(pair.hello.cpu_ms for pair in pairs)


def _memory(pairs: Mapping[str, list[Pair]]) -> list[Figure]:
    most = {name: median(pair.cost.memory_mb for pair in found) for name, found in pairs.items()}
    hello = median(pair.hello.memory_mb for found in pairs.values() for pair in found)
    return [
        Figure("4 memory, webhook", most["webhook"], 40, "MB", f"hello {hello:.0f} MB"),
        Figure("4 memory, API that calls Stripe", most["charge"], 50, "MB"),
        Figure("4 memory, API that does not", most["invoice"], 45, "MB"),
    ]


def _layer(place: Place) -> Figure:
    loaded, compiled = layer_artefact.count_loaded(place)
    if compiled or not loaded:
        raise StackError(f"{compiled} of {loaded} modules of the layer were not loaded as .pyc.")
    context = f"{loaded} modules loaded, all of them .pyc"
    return Figure("5 layer, zipped", layer_artefact.zipped_mb(), 9, "MB", context)


def _verification(body: bytes) -> Figure:
    found, microseconds = verifying.ratio(body)
    context = f"{microseconds:.0f} us for an event of {len(body)} bytes"
    return Figure("6 verify and parse an event, warm", found, 1.1, "x hmac + json", context)


def _print(figures: list[Figure]) -> None:
    print(f"\n{'budget':<36}{'figure':>8}{'most':>7}  {'unit':<14}{'verdict':<9}measured")
    for figure in figures:
        print(
            f"{figure.budget:<36}{figure.value:>8.2f}{figure.most:>7.1f}  {figure.unit:<14}"
            f"{figure.verdict:<9}{figure.context}"
        )


def _load() -> str:
    return ", ".join(f"{load:.1f}" for load in os.getloadavg())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (StackError, HandlerFailed) as error:
        sys.exit(str(error))
