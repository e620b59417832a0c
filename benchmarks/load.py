"""
Load, outages and kills on the local stack: `make load`.

Everything stays on this machine. Each measure is told with p50, p95 and p99. After each part the
books are compared with what the stand-in for Stripe knows: nothing is lost or counts twice.
"""

import hashlib
import hmac
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count, cycle, islice
from pathlib import Path

from local.demo.compare_books import compare_books
from local.stack.client import Answer, Client
from local.stack.stack import Stack, running_stack
from tests.stack.shop import Shop, control, open_shop, required, table_rows

AT_ONCE = (12, 60)
WEBHOOKS, CHARGES, PRESSES = 300, 100, 200
#: How many of these are sent, in percent: SHARE=20 is for a machine that others use.
SHARE = int(os.environ.get("SHARE", "100"))
CUSTOMERS = 10
#: While something is out, so many of each are sent in each second.
PACE = 2
#: A sweep looks every two minutes, at what is two minutes old; longer, and it would not end.
REST_S = 900
#: What nobody has decided yet. A page that is open to pay is at rest.
UNDECIDED = {"created", "submitted", "unknown"}
NUMBERS = count(1)


@dataclass
class Timed:
    """How long requests took, and how they were answered."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def at(self, part: float) -> str:
        """Return a percentile in seconds."""
        found = sorted(self.seconds)
        return f"{found[min(len(found) - 1, int(part * len(found)))]:.2f}"

    def told(self) -> str:
        """Return the percentiles and the statuses."""
        answers = ", ".join(f"{number} x {status}" for status, number in self.statuses.items())
        return f"p50 {self.at(0.5)}  p95 {self.at(0.95)}  p99 {self.at(0.99)} s   {answers}"


def send_all(requests: Sequence[Callable[[], Answer]], at_once: int) -> Timed:
    """Send requests, so many at once, and time each."""
    timed = Timed()

    def one(request: Callable[[], Answer]) -> None:
        began = time.monotonic()
        try:
            status = request().status
        except OSError:
            status = 0
        timed.seconds.append(time.monotonic() - began)
        timed.statuses[status] += 1

    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(one, requests))
    return timed


@dataclass
class Merchant:
    """A shop with customers who have saved cards, and the secret of its webhooks."""

    shop: Shop
    secret: str
    customers: list[str]
    #: The ids of the events that were answered with 200.
    taken: list[str] = field(default_factory=list)

    def charges(self, number: int) -> list[Callable[[], Answer]]:
        """Charge saved cards, each for an invoice of its own."""
        invoices = self.invoices(number)
        return [lambda invoice=invoice: self.shop.charge(invoice) for invoice in invoices]  # type: ignore[misc]

    def presses(self, number: int) -> list[Callable[[], Answer]]:
        """Press links of invoices of their own, each twice: a press closes the page before."""
        with ThreadPoolExecutor(8) as threads:
            links = list(threads.map(self.shop.link, self.invoices(number // 2)))
        return [lambda link=link: self.shop.press_pay(link) for link in links * 2]  # type: ignore[misc]

    def webhooks(self, number: int) -> list[Callable[[], Answer]]:
        """Tell of intents that there are: each event is fetched again and applied."""
        intents = [intent["id"] for intent in self.shop.truth()["payment_intents"]]
        return [
            lambda name=name: self.webhook(name)  # type: ignore[misc]
            for name in islice(cycle(intents), number)
        ]

    def webhook(self, intent: str) -> Answer:
        """Send one signed event."""
        event = {
            "id": f"evt_load{next(NUMBERS)}",
            "object": "event",
            "type": "payment_intent.succeeded",
            "livemode": False,
            "data": {"object": {"id": intent, "object": "payment_intent"}},
        }
        body, at = json.dumps(event).encode(), int(time.time())
        made = hmac.new(self.secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"stripe-signature": f"t={at},v1={made}", "content-type": "application/json"}
        path = f"/webhooks/stripe/{self.shop.account}/test"
        answer = Client(self.shop.stack.api).send("POST", path, body, headers=headers)
        if answer.status == HTTPStatus.OK:
            self.taken.append(str(event["id"]))
        return answer

    def invoices(self, number: int) -> list[str]:
        """Make invoices, of each customer in turn."""
        with ThreadPoolExecutor(8) as threads:
            owners = (self.customers[index % len(self.customers)] for index in range(number))
            return list(threads.map(self.shop.invoice, owners))


def open_merchant(stack: Stack) -> Merchant:
    """Connect a merchant, and save the cards."""
    stack.register_storefront("tulips")
    shop = open_shop(stack, "tulips")
    path = f"/v1/payment-modules/{shop.module}"
    # All payers of this machine have one address, and its cards are few.
    free = [{"scope": scope, "counts": "attempts", "limit": None, "minutes": 60}
            for scope in ("ip", "card", "customer")]  # fmt: skip
    version = required(shop.client("admin").get(path), 200)["version"]
    changed = shop.client("admin").patch(path, {"velocity": free}, if_match=f'"{version}"')
    required(changed, 200)
    customers = [shop.customer() for _ in range(CUSTOMERS)]
    for customer in customers:
        shop.save_card(customer)
    name = f"receivable/local/webhooks/{shop.account}/test"
    kept = stack.aws("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    return Merchant(shop, json.loads(kept)["current"], customers)


def at_rest(merchant: Merchant) -> bool:
    """Whether every event that was kept is dealt with, and every charge decided."""
    for row in table_rows(merchant.shop.stack):
        kind, status = row["sk"]["S"].partition("#")[0], row.get("status", {}).get("S")
        if (kind, status) == ("EVENT", "pending") or (kind == "ATTEMPT" and status in UNDECIDED):
            return False
    return True


def judge(merchant: Merchant) -> str:
    """Wait for rest, compare the books, and say what is lost or counts twice."""
    began = time.monotonic()
    while not at_rest(merchant) and time.monotonic() - began < REST_S:
        time.sleep(1)
    rested = time.monotonic() - began
    shop = merchant.shop
    found = compare_books(shop.client("admin"), Client(shop.stack.stripe), shop.stripe_account)
    lost = len(found.theirs - found.ours) + len(unapplied(merchant))
    double = len(found.ours - found.theirs) + len(charged_twice(shop))
    verdict = f"at rest after {rested:.0f} s: lost {lost}, double {double}"
    if lost or double or rested >= REST_S:
        FAILED.append(verdict)
    return verdict


FAILED: list[str] = []


def unapplied(merchant: Merchant) -> set[str]:
    """Return the events that were answered with 200 and are not dealt with."""
    rows = table_rows(merchant.shop.stack)
    done = {row["id"]["S"] for row in rows
            if row["sk"]["S"] == "EVENT" and row["status"]["S"] != "pending"}  # fmt: skip
    return set(merchant.taken) - done


def charged_twice(shop: Shop) -> list[str]:
    """Return the invoices for which Stripe took money more than once: each is charged in full."""
    truth = shop.truth()
    paid = {charge["payment_intent"] for charge in truth["charges"] if charge["paid"]}
    owners = Counter(
        intent["metadata"].get("invoice") for intent in truth["payment_intents"]
        if intent["id"] in paid
    )  # fmt: skip
    return [invoice for invoice, number in owners.items() if number > 1]


def measure(merchant: Merchant) -> None:
    """Send each kind at each level, and compare the books after each level."""
    for at_once in AT_ONCE:
        # Webhooks tell of what was charged before.
        kinds = ((merchant.charges, CHARGES), (merchant.webhooks, WEBHOOKS),
                 (merchant.presses, PRESSES))  # fmt: skip
        for make, most in kinds:
            number = max(1, most * SHARE // 100)
            told = send_all(make(number), at_once).told()
            print(f"{number} {make.__name__} at {at_once} at once: {told}", flush=True)
        print(f"  {judge(merchant)}", flush=True)


@contextmanager
def stripe_out(stack: Stack) -> Iterator[None]:
    """Stripe answers 500 to everything and does nothing."""
    control(stack, "faults", {"method": "*", "path": "*", "kind": "500", "times": 1_000_000})
    yield
    Client(stack.stripe).delete("/_control/faults")


@contextmanager
def aws_out(stack: Stack, **services: str) -> Iterator[None]:
    """Services of AWS refuse everything."""
    stack.fail_at_aws(**services)
    yield
    stack.fail_at_aws()


@contextmanager
def killing(_: Stack) -> Iterator[None]:
    """Kill the functions' processes, one every half second."""
    over = False

    def kill() -> int:
        number = 0
        while not over:
            for process in functions()[:1]:
                os.kill(process, signal.SIGKILL)
                number += 1
            time.sleep(0.5)
        return number

    with ThreadPoolExecutor(1) as thread:
        killed = thread.submit(kill)
        yield
        over = True
    print(f"  {killed.result()} processes of functions killed", flush=True)


def functions() -> list[int]:
    """Return the processes below this one in which a function runs, the newest first."""
    parents, found = {}, []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            parents[int(entry.name)] = int(
                (entry / "stat").read_text().rpartition(")")[2].split()[1]
            )
            if b"awslambdaric" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return sorted((each for each in found if is_below(each, parents)), reverse=True)


def is_below(process: int, parents: dict[int, int]) -> bool:
    """Whether this process has started it, or what has."""
    while process in parents:
        process = parents[process]
        if process == os.getpid():
            return True
    return False


def break_things(merchant: Merchant, outage_s: int) -> None:
    """Take away one thing after the other under load, and see that all comes to rest."""
    stack = merchant.shop.stack
    outages = {
        "Stripe out": stripe_out(stack),
        "DynamoDB throttled": aws_out(stack, dynamodb="ProvisionedThroughputExceededException"),
        "Secrets Manager out": aws_out(stack, secretsmanager="InternalServiceError"),
        "kill -9 of functions": killing(stack),
    }
    for name, outage in outages.items():
        each = PACE * outage_s // 3
        requests = [
            *merchant.charges(each), *merchant.presses(each), *merchant.webhooks(each)
        ]  # fmt: skip
        with outage:
            began = time.monotonic()
            timed = send_all(paced(requests, outage_s), 12)
            time.sleep(max(0.0, outage_s - (time.monotonic() - began)))
        print(f"{name} for {outage_s} s: {timed.told()}", flush=True)
        print(f"  {judge(merchant)}", flush=True)


def paced(requests: list[Callable[[], Answer]], seconds: int) -> list[Callable[[], Answer]]:
    """Spread requests over a time, charges, presses and webhooks mixed."""
    third = len(requests) // 3
    mixed = [each for row in zip(*(requests[at::third] for at in range(third)), strict=False)
             for each in row] if third else requests  # fmt: skip
    began, step = time.monotonic(), seconds / max(1, len(mixed))

    def at(moment: float, request: Callable[[], Answer]) -> Answer:
        time.sleep(max(0.0, began + moment - time.monotonic()))
        return request()

    return [
        lambda moment=index * step, request=request: at(moment, request)  # type: ignore[misc]
        for index, request in enumerate(mixed)
    ]


def main() -> None:
    """Measure, and fail if something is lost, counts twice, or never rests."""
    outage_s = int(os.environ.get("OUTAGE_S", "30"))
    print(f"Outages last {outage_s} s here: one of five minutes is compressed to that.", flush=True)
    with running_stack() as stack:
        merchant = open_merchant(stack)
        measure(merchant)
        break_things(merchant, outage_s)
    if FAILED:
        sys.exit("Something was lost, counted twice, or never came to rest.")


if __name__ == "__main__":
    main()
