"""
Secrets, card numbers and people, through every flow and every failure.

None is in a log, a metric, a queue or the audit trail, nor in any answer but where it is due.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from payments.edge.roles import ROUTES
from tests.doubles.tenants import publishable_key, secret_key
from tests.functions import refusals
from tests.functions.shop import Shop, expect
from tests.functions.signing import a_body, deliver, secret_of
from tests.functions.world import Answer, Json, World

PERSON = {"name": "Canary Nightingale", "email": "canary.nightingale@example.com"}
MESSAGE, LINE = "Dear Canary-Message", "Engraved Canary-Line"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.canary.signature"
#: Whatever a request or Stripe could bring, and that is nobody's business but one's.
SECRETS = (secret_key("tulips"), "whsec_", "_secret_", "sk_live_canary", TOKEN, refusals.PAN)
PERSONAL = (PERSON["name"], PERSON["email"], MESSAGE, LINE)
#: What a failure deep inside may quote.
EVERYTHING = " ".join((*SECRETS, *PERSONAL, "whsec_canary", "seti_1_secret_canary"))
#: Where the person is what is asked for.
ABOUT_PEOPLE = ("/v1/customers", "/v1/invoices", "/p/", "/v1/pay-links")
FUNCTIONS = ("sweep_attempts", "check_accounts", "reconcile_accounts")


class Watch:
    """Reads along: every answer, every message, every line."""

    def __init__(self, world: World, capfd: pytest.CaptureFixture[str]) -> None:
        self.world, self.capfd = world, capfd
        self.answers: list[tuple[str, Answer]] = []
        self.messages: list[str] = []
        invoke, messages = world.invoke, world.messages

        def invoked(event: Json, function: str | None = None) -> Answer:
            answer = invoke(event, function)
            self.answers.append((event["rawPath"], answer))
            return answer

        def heard(queue: str) -> Iterator[Json]:
            for message in messages(queue):
                self.messages.append(json.dumps(message))
                yield message

        world.invoke, world.messages = invoked, heard  # type: ignore[method-assign]

    def leaks(self) -> list[str]:
        """Name each place where a canary sings that may not."""
        printed = "".join(self.capfd.readouterr())
        trail = [row for key, row in self.world.rows().items() if "#AUD#" in key[0]]
        places = {
            "log": self.world.log.getvalue(),
            "output and metrics": printed,
            "queue": "".join(self.messages),
            "audit": json.dumps(trail),
        }
        found = [
            f"{canary} in {place}"
            for place, text in places.items()
            for canary in (*SECRETS, *PERSONAL)
            if canary in text.replace(publishable_key("tulips"), "")
        ]
        return found + list(self._in_answers())

    def _in_answers(self) -> Iterator[str]:
        for path, answer in self.answers:
            due = {"_secret_"} if path.endswith(("setup-sessions", "payment-intents")) else set()
            people = () if path.startswith(ABOUT_PEOPLE) else PERSONAL
            for canary in (*SECRETS, *people):
                # What callers wrote into the address themselves may come back to them.
                if canary in answer.text and canary not in due and canary not in path:
                    yield f"{canary} in the answer of {path}"


@pytest.fixture
def watch(world: World, capfd: pytest.CaptureFixture[str]) -> Watch:
    return Watch(world, capfd)


def live(shop: Shop) -> None:
    """Whatever a merchant does in a year."""
    known = PERSON | {"online_payment_enabled": True}
    expect(200, shop.operator.put("/v1/customers/c-1", known))
    line = {"description": LINE, "quantity": 1, "unit_amount": 4000}
    invoices = [shop.invoice(lines=[line]) for _ in range(6)]
    shop.pay(invoices[0], message=MESSAGE)
    shop.world.deliver()
    card = shop.save_card()
    elements = {"module": shop.module["id"], "ui": "elements"}
    expect(201, shop.storefront.post("/v1/customers/c-1/setup-sessions", elements))
    paid = expect(201, shop.charge(invoices[1], payment_method=card))["payment"]
    shop.charge(invoices[2], payment_method=shop.save_card("chargeCustomerFail"))
    shop.charge(invoices[3], payment_method=shop.save_card("createDispute"))
    shop.world.deliver()
    expect(201, shop.admin.post(f"/v1/payments/{paid['id']}/refunds", {"amount": 700}))
    shop.operator.post(
        f"/v1/invoices/{invoices[4]['id']}/offline-payments", {"amount": 100, "method": "cash"}
    )
    shop.operator.get(f"/v1/invoices/{invoices[0]['id']}/explain")
    shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify", {})
    shop.operator.send("DELETE", f"/v1/customers/c-1/payment-methods/{card}")
    shop.world.advance(minutes=10)
    for function in FUNCTIONS:
        shop.world.run(function, {})
    shop.world.work("reconcile_account", *shop.world.messages("reconciliations"))
    shop.world.deliver()
    expect(200, shop.admin.get("/v1/customers/c-1/data-export"))
    expect(200, shop.admin.get("/v1/audit"))


def test_a_year_of_a_merchant_leaves_no_secret_and_no_person_where_they_do_not_belong(
    world: World, watch: Watch
) -> None:
    shop = Shop.open(world, "tulips")
    live(shop)
    told = deliver(shop, a_body(data={"object": {"id": "pi_1"}, "canary": MESSAGE} | PERSON))
    forged = deliver(shop, a_body(data={"object": {"id": PERSON["email"]}, "canary": MESSAGE}))

    assert (told.status, forged.status) == (200, 400)
    assert len(watch.answers) > 40
    assert watch.messages
    assert secret_of(shop) not in world.log.getvalue()
    assert watch.leaks() == []


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_what_no_route_asks_for_is_told_by_none(shop: Shop, watch: Watch, role: str) -> None:
    """Every route is sent secrets and people where it expects neither."""
    client = shop.world.client("tulips", role)
    nonsense = {"name": PERSON["name"], "surprise": EVERYTHING.replace(refusals.PAN, "")}
    headers = {"authorization": f"Bearer {TOKEN}", "if-match": '"1"', "user-agent": EVERYTHING}
    for route in ROUTES:
        method, path = refusals.path_of(route)
        body = None if method in {"GET", "DELETE"} else nonsense | PERSON
        for address in (path, path.replace("x_nobody", secret_key("tulips"))):
            client.send(method, address, body, headers=headers)
            client.send(method, address, raw=f'{{"pan": "{refusals.PAN}"}}', headers=headers)
            client.send(method, address, raw=EVERYTHING, headers=headers)

    assert watch.leaks() == []


def flows(shop: Shop) -> dict[str, Callable[[], Callable[[], Any]]]:
    """Each flow: what is prepared, and then what fails at one of its requests."""
    module = shop.module["id"]

    def charge() -> Callable[[], Any]:
        card, invoice = shop.save_card(), shop.invoice()
        return lambda: shop.charge(invoice, payment_method=card)

    def press() -> Callable[[], Any]:
        path = f"{shop.link(shop.invoice(), message=MESSAGE)}/pay"
        return lambda: shop.world.public.post(path, key=None)

    def hear() -> Callable[[], Any]:
        shop.pay(shop.invoice())
        shop.world.deliver()
        told = list(shop.world.messages("events"))
        shop.pay(shop.invoice())
        shop.world.standin.deliveries.run_due(shop.world._receive)
        told += shop.world.messages("events")
        return lambda: shop.world.work("apply_event", *told)

    def left_behind() -> Callable[[], Any]:
        shop.session(shop.invoice())
        shop.world.advance(days=2)
        return lambda: shop.world.run("sweep_attempts", {})

    return {
        "connect": lambda: lambda: shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify", {}),
        "put a customer": lambda: lambda: shop.operator.put("/v1/customers/c-1", PERSON),
        "ask for a card": lambda: (
            lambda: shop.operator.post(
                "/v1/customers/c-1/setup-sessions", {"module": module, "ui": "elements"}
            )
        ),
        "charge": charge,
        "press": press,
        "hear": hear,
        "sweep": left_behind,
        "audit": lambda: lambda: shop.admin.get("/v1/audit"),
    }


@pytest.mark.parametrize(
    "flow",
    ["connect", "put a customer", "ask for a card", "charge", "press", "hear", "sweep", "audit"],
)
def test_a_failure_that_quotes_everything_tells_nothing(
    shop: Shop, watch: Watch, monkeypatch: pytest.MonkeyPatch, flow: str
) -> None:
    """A bug, or AWS, fails at each request of a flow with all canaries in its message."""
    known = PERSON | {"online_payment_enabled": True}
    expect(200, shop.operator.put("/v1/customers/c-1", known))
    prepare, gate = flows(shop)[flow], shop.world.gate
    run = prepare()
    gate.arm(None)
    run()
    steps, through = len(gate.passed), gate.through
    assert steps

    for step in range(min(steps, 25)):
        expect(200, shop.operator.put("/v1/customers/c-1", known))
        run, passed = prepare(), []

        def failing(name: str, send: Any, *, step: int = step, passed: list[str] = passed) -> Any:
            passed.append(name)
            if len(passed) == step + 1:
                raise ValueError(EVERYTHING)
            return through(name, send)

        monkeypatch.setattr(gate, "through", failing)
        try:
            run()
        except Exception as error:  # noqa: BLE001 - Lambda logs what a function raises
            shop.world.log.write(repr(error))
        monkeypatch.setattr(gate, "through", through)

    assert watch.leaks() == []
