"""
Every way through the product, one after the other, for the faults that are put at each request.

A flow is prepared without faults; then its own requests are counted, and it is run again for each
of them. What follows a second `yield` is undisturbed again. What a flow leaves behind has to come
to rest with every invariant. A new flow is one more function here, decorated with `flow`.
"""

import json
from collections.abc import Callable, Generator
from typing import Any

from tests.doubles.invocations import Json
from tests.doubles.tenants import publishable_key, secret_key
from tests.simulation.history import FOREVER, Act
from tests.simulation.people import ASKING, BAD, GOOD, People, Sale
from tests.simulation.world import HOUR, MINUTE, World

#: Prepares, yields, does what is to be disturbed, and may yield once more to look at it.
Flow = Callable[["Actor"], Generator[None, None, None]]
FLOWS: dict[str, Flow] = {}
TENANT = "tulips"
#: Tries of one request: these people do not give up.
PATIENT = 12


def flow(do: Flow) -> Flow:
    FLOWS[do.__name__] = do
    return do


class Actor:
    """One merchant and one payer who do one thing at a time, and insist as people do."""

    def __init__(self, world: World, people: People) -> None:
        self.world, self.people = world, people
        self.merchant = world.merchants[TENANT]
        self.broken: list[str] = []
        people.tries = PATIENT

    def sale(self, total: int = 4000) -> Sale:
        body = {
            "number": f"FLOW-{len(self.people.sales)}",
            "module": self.merchant.module,
            "customer": "c-1",
            "currency": "eur",
            "total": total,
            "allow_partial": True,
        }
        answer = self.people._insist(TENANT, "storefront", "/v1/invoices", body)
        assert answer is not None
        assert answer.status == 201, answer.text
        made = Sale(self.merchant, answer.json["id"], total)
        self.people.sales.append(made)
        return made

    def charge(self, sale: Sale, card: int = GOOD, amount: int | None = None) -> None:
        self.people._charge_card(sale, amount, self.merchant.cards[card])

    def ask(self, method: str, path: str, body: Json | None = None, role: str = "admin") -> Any:
        text = None if body is None else json.dumps(body)
        return self.world.ask(method, path, text, who=(TENANT, role))

    def link(self, sale: Sale) -> str:
        path = f"/v1/invoices/{sale.ident}/pay-links"
        answer = self.people._insist(TENANT, "operator", path, {})
        return str(answer.json["url"]).removeprefix("https://api.shop.example") if answer else ""

    def press_pay(self, link: str) -> str:
        """Press until it leads to Stripe's page, or no longer leads anywhere."""
        for _ in range(4):
            answer = self.world.ask("POST", f"{link}/pay")
            to = answer.headers.get("location", "") if answer else ""
            if to:
                return to if "/c/pay/" in to else ""
            self.world.scheduler.pause(3 * MINUTE)
        return ""

    def pay_there(self, sale: Sale, page: str, card: str = "visa") -> None:
        self.people._finish(sale, self.world.payer.press(page, card), certain=True)

    def require(self, holds: object, text: str) -> None:
        if not holds:
            self.broken.append(text)

    def run(self, function: str) -> None:
        self.world.cloud.call(function, {})


@flow
def create_an_invoice(actor: Actor) -> Generator[None, None, None]:
    yield
    actor.sale()


@flow
def charge_in_full(actor: Actor) -> Generator[None, None, None]:
    sale = actor.sale()
    yield
    actor.charge(sale)


@flow
def charge_a_part_and_then_the_rest(actor: Actor) -> Generator[None, None, None]:
    sale = actor.sale()
    yield
    actor.charge(sale, amount=1500)
    actor.charge(sale)


@flow
def charge_a_card_that_the_bank_declines(actor: Actor) -> Generator[None, None, None]:
    sale = actor.sale()
    yield
    actor.charge(sale, BAD)


@flow
def charge_a_card_whose_bank_asks_for_its_holder(actor: Actor) -> Generator[None, None, None]:
    sale = actor.sale()
    yield
    actor.charge(sale, ASKING)


@flow
def create_a_link(actor: Actor) -> Generator[None, None, None]:
    sale = actor.sale()
    yield
    actor.link(sale)


@flow
def press_pay(actor: Actor) -> Generator[None, None, None]:
    link = actor.link(actor.sale())
    yield
    actor.press_pay(link)


@flow
def press_pay_again_and_pay(actor: Actor) -> Generator[None, None, None]:
    sale = actor.sale()
    link = actor.link(sale)
    actor.press_pay(link)
    yield
    page = actor.press_pay(link)
    if page:
        actor.pay_there(sale, page)


@flow
def pay_and_come_back(actor: Actor) -> Generator[None, None, None]:
    sale = actor.sale()
    page = actor.press_pay(actor.link(sale))
    yield
    actor.pay_there(sale, page)


@flow
def pay_by_bank_debit(actor: Actor) -> Generator[None, None, None]:
    sale = actor.sale()
    page = actor.press_pay(actor.link(sale))
    yield
    actor.people._finish(sale, actor.world.payer.try_card(page, "pm_sepaDebit"), certain=False)


@flow
def charge_beside_an_open_page(actor: Actor) -> Generator[None, None, None]:
    sale = actor.sale()
    actor.press_pay(actor.link(sale))
    yield
    actor.charge(sale)


@flow
def void_beside_an_open_page(actor: Actor) -> Generator[None, None, None]:
    sale = actor.sale()
    actor.press_pay(actor.link(sale))
    yield
    actor.people._void(sale)


@flow
def save_a_card(actor: Actor) -> Generator[None, None, None]:
    """Of a customer whom Stripe does not know yet, and who then pays with it."""
    known = {"name": "Ada", "email": "ada@example.com", "online_payment_enabled": True}
    actor.ask("PUT", "/v1/customers/c-2", known)
    yield
    _ask_for_a_card(actor)
    yield
    actor.world.scheduler.pause(10 * MINUTE)
    actor.require(_ask_for_a_card(actor), "no card can be saved, ten minutes after all faults")


def _ask_for_a_card(actor: Actor) -> bool:
    path, body = "/v1/customers/c-2/setup-sessions", {"module": actor.merchant.module}
    answer = actor.people._insist(TENANT, "operator", path, body)
    if answer is None or answer.status != 201:
        return False
    actor.world.payer.press(answer.json["url"], "visa")
    return True


@flow
def sweep_what_was_left(actor: Actor) -> Generator[None, None, None]:
    """A charge that ended unheard, a page that nobody knows of, an event that was never queued."""
    charged, pressed = actor.sale(), actor.sale()
    link = actor.link(pressed)
    world = actor.world
    for path in ("/v1/payment_intents/*/confirm", "/v1/checkout/sessions"):
        world.lose(path)
    actor.people._charge_card(charged, None, actor.merchant.cards[GOOD])
    world.ask("POST", f"{link}/pay")
    world.standin.faults.clear()
    world.scheduler.pause(4 * MINUTE)
    yield
    actor.run("sweep_attempts")


@flow
def reconcile_what_nobody_told(actor: Actor) -> Generator[None, None, None]:
    sale = actor.sale()
    page = actor.press_pay(actor.link(sale))
    actor.world.webhooks.kept_down_until = actor.world.scheduler.now + 2 * HOUR
    actor.world.payer.press(page, "visa")
    sale.acts.append(Act("pay", actor.world.scheduler.now, FOREVER, sale.total))
    yield
    actor.run("reconcile_accounts")


@flow
def connect_an_account(actor: Actor) -> Generator[None, None, None]:
    yield
    body = {
        "name": "Second",
        "mode": "test",
        "publishable_key": publishable_key(TENANT),
        "secret_key": secret_key(TENANT),
    }
    answer = actor.people._insist(TENANT, "admin", "/v1/accounts", body)
    yield
    actor.world.scheduler.pause(10 * MINUTE)
    if answer is None or answer.status != 201:
        answer = actor.people._insist(TENANT, "admin", "/v1/accounts", body | {"name": "Third"})
    path = f"/v1/accounts/{answer.json['id']}/verify" if answer else ""
    seen = actor.ask("POST", path)
    actor.require(seen and seen.json["status"] == "active", "the account does not become active")
