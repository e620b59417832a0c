"""
Those who use it: sellers who repeat what was not answered, payers who change their minds.

What they do stands in `stories`; here is how they do it, and what they remember of it.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from local.standin.engine.messages import Request
from tests.doubles.invocations import Answer, Json
from tests.simulation.connecting import dashboard
from tests.simulation.history import FOREVER, Act
from tests.simulation.scheduler import HOUR, MINUTE
from tests.simulation.world import NAMES, Merchant, World

TRIES = 4
OFFICE_HOURS = 22 * MINUTE
SALES = ("operator", "admin")
DEBITS = ("pm_sepaDebit", "pm_sepaDebit_fails")
#: The saved cards of a customer, in the order in which the world has saved them.
GOOD, BAD, ASKING, REFUND_FAILS, REFUND_WAITS, REFUND_ASKS, DISPUTED, INQUIRED = range(8)


@dataclass
class Sale:
    """An invoice as its seller knows it."""

    merchant: Merchant
    ident: str
    total: int
    acts: list[Act] = field(default_factory=list)
    #: How its seller settles what is given back of it.
    reopens: bool = False
    #: With which others it shares a payment; which of them gets what goes back is not told here,
    #: so that then nobody can say what a reader of it has to see.
    together: "list[Sale]" = field(default_factory=list)
    tangled: bool = False

    @property
    def tenant(self) -> str:
        return self.merchant.tenant

    @property
    def path(self) -> str:
        return f"/v1/invoices/{self.ident}"


@dataclass
class Exchange:
    """One request with an Idempotency-Key, and what came of it."""

    tenant: str
    route: str
    key: str
    body: str
    status: int
    text: str
    #: The same key came with another body.
    foreign: bool = False


class People:
    """Acts by chance; whatever they were told is kept."""

    def __init__(self, world: World) -> None:
        self.world, self.random = world, world.random
        self.sales: list[Sale] = []
        self.exchanges: list[Exchange] = []
        self.unsigned: list[tuple[str, int]] = []
        #: Answers to requests for refunds, each with a number of its request.
        self.refunds: list[tuple[int, Json]] = []
        #: By dispute: how often somebody wanted to answer the bank.
        self.answers: Counter[str] = Counter()
        self.tries = TRIES
        self.keys, self._numbers = count(1), count(1)
        #: The pay links that somebody has been told are withdrawn, and pages left open by that.
        self.revoked: set[str] = set()
        self.left_open: list[str] = []
        #: What was paid at Stripe beside all this; whether it names an attempt that is not here.
        self.elsewhere: dict[str, bool] = {}
        self._paid: set[str] = set()
        #: What somebody got who was granted nothing of the kind.
        self.let_in: list[str] = []

    def pay_what_is_open(self, *, forgotten: float = 0.0) -> None:
        """
        Charge whatever still shows as open, as a seller does at the end of the day.

        What is `forgotten` shows whether it comes right without anybody looking.
        """
        for sale in self.sales:
            if self.random.random() >= forgotten:
                self.soon(partial(self.collect, sale))

    def look(self) -> None:
        for sale in self.sales:
            self.soon(partial(self.read, sale))

    def soon(self, work: Callable[[], Any], within: float = 0.0) -> None:
        """Let somebody else do it, at some time `within` so many seconds."""
        after = self.random.uniform(0, within) if within else 0.0
        self.world.scheduler.spawn(work, after=after)

    def pause(self, low: float, high: float) -> None:
        self.world.scheduler.pause(self.random.uniform(low, high))

    def sell(self, merchant: Merchant, total: int = 0, **more: Any) -> Sale | None:
        """Make an invoice."""
        body = {
            "number": f"SIM-{next(self._numbers)}",
            "module": merchant.module,
            "customer": "c-1",
            "currency": "eur",
            "total": total or self.random.randint(3000, 4500),
            "allow_partial": True,
        } | more
        answer = self.insist(merchant.tenant, "storefront", "/v1/invoices", body)
        if answer is None or answer.status != 201:
            return None
        sale = Sale(merchant, answer.json["id"], body["total"])
        self.sales.append(sale)
        return sale

    def read(self, sale: Sale) -> Json | None:
        begin = self.world.scheduler.now
        answer = self.world.ask("GET", sale.path, who=(sale.tenant, "storefront"))
        if answer is None or answer.status != 200:
            return None
        seen: Json = answer.json
        act = Act("read", begin, self.world.scheduler.now, seen["amounts"]["paid"])
        left = None if seen["status"] == "void" else seen["amounts"]["outstanding"]
        sale.acts.append(replace(act, void=seen["status"] == "void", left=left))
        return seen

    def collect(self, sale: Sale) -> None:
        for _ in range(TRIES):
            seen = self.read(sale)
            if seen and seen["status"] not in {"open", "partially_paid"}:
                return
            if seen and (left := seen["amounts"]["outstanding"]):
                # What is more than one charge takes is charged in parts.
                part = None if left < 10**8 else left // 2
                self.charge_card(sale, part, sale.merchant.cards[GOOD])
            self.pause(MINUTE, 4 * MINUTE)

    # Cards

    def charge_card(self, sale: Sale, amount: int | None, card: str) -> Answer | None:
        begin = self.world.scheduler.now
        body: Json = {"payment_method": card} | ({"amount": amount} if amount else {})
        answer = self.insist(sale.tenant, "operator", f"{sale.path}/charges", body)
        self.note_charge(sale, begin, amount, answer)
        if self.random.random() < 0.3:
            self.read(sale)
        return answer

    def note_charge(
        self, sale: Sale, begin: float, amount: int | None, answer: Answer | None
    ) -> None:
        if answer is not None and answer.status == 201:
            amount = sum(
                part["amount"]
                for part in answer.json["payment"]["allocations"]
                if part["invoice"] == sale.ident
            )
        elif answer is not None and answer.code == "invoice_not_payable":
            sale.acts.append(Act("refused", begin, self.world.scheduler.now))
            return
        self.note(Act("pay", begin, FOREVER, amount), sale, answer)

    def note(self, act: Act, sale: Sale, answer: Answer | None) -> None:
        """Remember what was asked for: done, refused, or perhaps done some time."""
        if answer is None or answer.status >= 500 or answer.status == 202:
            sale.acts.append(replace(act, certain=False))
        elif answer.status in {200, 201}:
            sale.acts.append(replace(act, end=self.world.scheduler.now))

    # Requests

    def insist(self, tenant: str, role: str, path: str, body: Json | None = None) -> Answer | None:
        """Send a request again, under the same key, until there is an answer to rely on."""
        key, lost = f"key-{next(self.keys)}", False
        answer = None
        for _ in range(self.tries):
            answer = self.send(tenant, role, path, body, key)
            if answer and answer.status < 500 and answer.code != "idempotency_in_progress":
                # What a first try may still do is not refused by what says "try again".
                return None if lost and answer.json.get("retryable") else answer
            lost = lost or answer is None
            self.pause(1, 75)
        return answer if answer and answer.code != "idempotency_in_progress" else None

    def send(
        self,
        tenant: str,
        role: str,
        path: str,
        body: Json | None,
        key: str,
        *,
        foreign: bool = False,
    ) -> Answer | None:
        headers = {"content-type": "application/json", "idempotency-key": key}
        text = None if body is None else json.dumps(body)
        answer = self.world.ask("POST", path, text, headers, who=(tenant, role))
        status, said = (answer.status, answer.text) if answer else (0, "")
        self.exchanges.append(Exchange(tenant, path, key, text or "", status, said, foreign))
        return answer

    def at_stripe(self, merchant: Merchant, path: str, form: Json | None = None) -> Any:
        """Do something in Stripe's Dashboard; nothing of it goes through this service."""
        headers = dashboard(merchant)
        body = urlencode(form or {}).encode()
        return self.world.standin.handle(Request("POST", path, "", headers, body))

    def owner_of(self, obj: Json) -> Merchant:
        """Give the merchant in whose account at Stripe something is."""
        return next(
            merchant
            for merchant in self.world.merchants.values()
            if merchant.account["stripe_account"] == obj["scope"]
        )

    # Payers

    def link(self, sale: Sale, amount: int | None = None) -> str | None:
        part = {"amount": amount} if amount else {}
        answer = self.insist(sale.tenant, "operator", f"{sale.path}/pay-links", part)
        made = answer is not None and answer.status == 201
        return urlsplit(answer.json["url"]).path if answer and made else None

    def press_pay(self, link: str, *, within: float = 90) -> str | None:
        """Press Pay on our page; give the address of Stripe's page, if it leads there."""
        self.pause(0.5, within)
        answer = self.world.ask("POST", f"{link}/pay")
        to = answer.headers.get("location", "") if answer else ""
        return to if "/c/pay/" in to else None

    def pay_there(self, sale: Sale, page: str, attempt: str = "") -> None:
        """
        Do on Stripe's page what payers do: pay, fail and pay, confirm, or walk away.

        `attempt` is that of a storefront, which asks how it stands when the payer is back.
        """
        way = self.random.choices(("pay", "fail", "bank", "debit", "leave"), (6, 2, 2, 2, 2))[0]
        self.world.scheduler.pause(self._hesitation())
        if way == "leave":
            return
        if way == "fail":
            self.world.payer.try_card(page, "visa_chargeDeclined")
            self.world.scheduler.pause(self._hesitation())
        if way == "debit":
            debit = self.world.payer.try_card(page, self.random.choice(DEBITS))
            self.finish(sale, debit, certain=False, attempt=attempt)
            return
        answer = self.world.payer.try_card(
            page, "threeDSecure2Required" if way == "bank" else "visa"
        )
        asked = urlsplit(answer.headers.get("Location", "")).path
        if "/c/authenticate/" in asked:
            self.world.scheduler.pause(self._hesitation())
            outcome = self.random.choice(("pass", "pass", "fail"))
            answer = self.world.payer.submit(asked, outcome=outcome)
        self.finish(sale, answer, certain=True, attempt=attempt)

    def finish(self, sale: Sale, answer: Any, *, certain: bool, attempt: str = "") -> None:
        """Come back from Stripe's page, unless the payer has closed it."""
        back = urlsplit(answer.headers.get("Location", ""))
        if answer.status != 303 or not back.path.endswith("/return"):
            return
        session = parse_qs(back.query)["session_id"][0]
        (found,) = self.world.truth.all("checkout.session", id=session)
        if self.is_first(session):
            now = self.world.scheduler.now
            sale.acts.append(Act("pay", now, FOREVER, found["amount_total"], certain=certain))
        if self.random.random() < 0.5:
            self.pause(0.2, 5)
            if attempt:
                self.refresh(sale, attempt)
            else:
                self.world.ask("GET", back.path, query={"session_id": session})

    def is_first(self, paid: str) -> bool:
        """Whether nobody has noted yet that this was paid."""
        first = paid not in self._paid
        self._paid.add(paid)
        return first

    def refresh(self, sale: Sale, attempt: str) -> Answer | None:
        """Ask how an attempt stands, as a storefront's page does to which a payer comes back."""
        path = f"/v1/attempts/{attempt}/refresh"
        return self.insist(sale.tenant, "storefront", path)

    def _hesitation(self) -> float:
        """Most pay within minutes; some leave the page open for hours."""
        long = self.random.random() < 0.1
        return self.random.uniform(HOUR, 30 * HOUR) if long else self.random.uniform(1, 4 * MINUTE)

    def busy(self) -> tuple[str, ...]:
        """
        Name those who sell: a merchant or two.

        Bugs show where much is done to one invoice; more invoices cost more than they find.
        """
        one, other = self.random.sample(NAMES, 2)
        return self.random.choice(((one,),) * 12 + ((one, other), (one, one)))
