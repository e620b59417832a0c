"""
What a flow is, and who acts in it.

A flow is prepared without faults; then its own requests are counted, and it is run again for each
of them. What follows a second `yield` is undisturbed again. What a flow leaves behind has to come
to rest with every invariant. A new flow is one more function decorated with `flow`, in one of the
modules that `flows` names.
"""

import json
from collections.abc import Callable, Generator
from typing import Any

from tests.doubles.invocations import Json
from tests.simulation.people import GOOD, People, Sale
from tests.simulation.scheduler import MINUTE
from tests.simulation.world import World

Steps = Generator[None, None, None]
TENANT = "tulips"
#: Tries of one request: these people do not give up.
PATIENT = 12


class Actor:
    """One merchant and one payer who do one thing at a time, and insist as people do."""

    def __init__(self, world: World, people: People) -> None:
        self.world, self.people = world, people
        self.merchant = world.merchants[TENANT]
        self.broken: list[str] = []
        people.tries = PATIENT

    def sale(self, total: int = 4000) -> Sale:
        made = self.people.sell(self.merchant, total)
        assert made is not None
        return made

    def charge(self, sale: Sale, card: int = GOOD, amount: int | None = None) -> None:
        self.people.charge_card(sale, amount, self.merchant.cards[card])

    def ask(self, method: str, path: str, body: Json | None = None, role: str = "admin") -> Any:
        text = None if body is None else json.dumps(body)
        return self.world.ask(method, path, text, who=(TENANT, role))

    def link(self, sale: Sale) -> str:
        return self.people.link(sale) or ""

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
        self.people.finish(sale, self.world.payer.press(page, card), certain=True)

    def require(self, holds: object, text: str) -> None:
        if not holds:
            self.broken.append(text)

    def run(self, function: str) -> None:
        self.world.cloud.call(function, {})


#: Prepares, yields, does what is to be disturbed, and may yield once more to look at it.
Flow = Callable[[Actor], Steps]
FLOWS: dict[str, Flow] = {}


def flow(do: Flow) -> Flow:
    FLOWS[do.__name__] = do
    return do
