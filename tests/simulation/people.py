"""Those who use it: sellers who repeat what was not answered, payers who change their minds."""

import json
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from local.standin.engine.messages import Request
from tests.doubles.invocations import Answer, Json
from tests.doubles.tenants import secret_key
from tests.simulation.history import FOREVER, Act
from tests.simulation.world import HOUR, MINUTE, RECHECK_S, TENANTS, Merchant, World

TRIES = 4
OFFICE_HOURS = 22 * MINUTE
SALES = ("operator", "admin")
DEBITS = ("pm_sepaDebit", "pm_sepaDebit_fails")
GOOD, BAD, ASKING = range(3)


@dataclass
class Sale:
    """An invoice as its seller knows it."""

    merchant: Merchant
    ident: str
    total: int
    version: int = 1
    acts: list[Act] = field(default_factory=list)


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
        self.tries = TRIES
        self._keys, self._numbers = count(1), count(1)
        #: What was paid at Stripe beside all this; whether it names an attempt that is not here.
        self.elsewhere: dict[str, bool] = {}
        self._paid_sessions: set[str] = set()

    def begin(self, spans: list[tuple[float, float]]) -> None:
        """
        Let a merchant or two sell something; `spans` are the seconds in which people act.

        Bugs show where much is done to one invoice; more invoices cost more than they find.
        """
        one, other = self.random.sample(TENANTS, 2)
        for tenant in self.random.choice(((one,), (one,), (one,), (one, other), (one, one))):
            story = partial(self._sell, self.world.merchants[tenant], spans)
            self.world.scheduler.spawn(story, after=self.random.uniform(0, 3 * MINUTE))

    def pay_what_is_open(self, *, forgotten: float = 0.0) -> None:
        """
        Charge whatever still shows as open, as a seller does at the end of the day.

        What is `forgotten` shows whether it comes right without anybody looking.
        """
        for sale in self.sales:
            if self.random.random() >= forgotten:
                self.world.scheduler.spawn(partial(self._collect, sale))

    def look(self) -> None:
        for sale in self.sales:
            self.world.scheduler.spawn(partial(self._read, sale))

    def _sell(self, merchant: Merchant, spans: list[tuple[float, float]]) -> None:
        sale = self._invoice(merchant)
        if sale is None:
            return
        most = self.random.choice((1, 2, 2, 3, 4))
        acts = self.random.choices(*zip(*ACTS, strict=True), k=most)
        begun = self.world.scheduler.now
        for act in acts:
            low, high = self.random.choice(spans)
            wait = max(0.0, self.world.scheduler.now - begun + self.random.uniform(low, high))
            self.world.scheduler.spawn(partial(act, self, sale), after=wait)

    def _invoice(self, merchant: Merchant) -> Sale | None:
        parts = self.random.random() < 0.5
        body = {
            "number": f"SIM-{next(self._numbers)}",
            "module": merchant.module,
            "customer": "c-1",
            "currency": "eur",
            "total": self.random.randint(3000, 4500),
            "allow_partial": parts,
        }
        answer = self._insist(merchant.tenant, "storefront", "/v1/invoices", body)
        if answer is None or answer.status != 201:
            return None
        sale = Sale(merchant, answer.json["id"], body["total"])
        self.sales.append(sale)
        return sale

    # What people do

    def _charge(self, sale: Sale) -> None:
        amount = self._part(sale) if self.random.random() < 0.4 else None
        card = self.random.choices((GOOD, BAD, ASKING), (8, 1, 1))[0]
        self._charge_card(sale, amount, sale.merchant.cards[card])

    def _double_click(self, sale: Sale) -> None:
        card = sale.merchant.cards[GOOD]
        for _ in range(2):
            work = partial(self._charge_card, sale, None, card)
            self.world.scheduler.spawn(work, after=self.random.uniform(0, 0.3))

    def _pay_by_link(self, sale: Sale) -> None:
        link = self._link(sale)
        page = link and self._press_pay(link)
        if page:
            self._pay_there(sale, page)

    def _press_twice(self, sale: Sale) -> None:
        link = self._link(sale)
        if link is None:
            return
        for _ in range(2):
            self.world.scheduler.spawn(
                partial(self._press_and_pay, sale, link), after=self.random.uniform(0, 40)
            )

    def _press_and_pay(self, sale: Sale, link: str) -> None:
        page = self._press_pay(link)
        if page:
            self._pay_there(sale, page)

    def _void(self, sale: Sale) -> None:
        begin = self.world.scheduler.now
        path = f"/v1/invoices/{sale.ident}/void"
        answer = self.world.ask("POST", path, who=(sale.merchant.tenant, "admin"))
        if answer is None or answer.status >= 500:
            sale.acts.append(Act("void", begin, FOREVER, certain=False))
        elif answer.status == 200:
            sale.acts.append(Act("void", begin, self.world.scheduler.now))

    def _amend(self, sale: Sale) -> None:
        seen = self._read(sale)
        if seen:
            headers = {"if-match": f'"{seen["version"]}"', "content-type": "application/json"}
            body = json.dumps({"order_ref": f"order-{seen['version']}"})
            who = (sale.merchant.tenant, "storefront")
            self.world.ask("PATCH", f"/v1/invoices/{sale.ident}", body, headers, who=who)

    def _read(self, sale: Sale) -> Json | None:
        begin = self.world.scheduler.now
        who = (sale.merchant.tenant, "storefront")
        answer = self.world.ask("GET", f"/v1/invoices/{sale.ident}", who=who)
        if answer is None or answer.status != 200:
            return None
        seen: Json = answer.json
        paid, void = seen["amounts"]["paid"], seen["status"] == "void"
        sale.acts.append(Act("read", begin, self.world.scheduler.now, paid, void))
        return seen

    def _use_key_for_another(self, sale: Sale) -> None:
        """Send another body under a key that has been answered."""
        path = f"/v1/invoices/{sale.ident}/charges"
        mine = [found for found in self.exchanges if found.route == path]
        if mine:
            used = self.random.choice(mine)
            # An amount that nobody else asks for: the same body would be the same request.
            amount = 60 + next(self._keys)
            body = {"amount": amount, "payment_method": sale.merchant.cards[GOOD]}
            begin = self.world.scheduler.now
            answer = self._send(used.tenant, "operator", path, body, used.key, foreign=True)
            self._note_charge(sale, begin, amount, answer)

    def _forge(self, sale: Sale) -> None:
        """Tell the webhook of a payment that never was."""
        event = {
            "id": f"evt_forged{next(self._keys)}",
            "object": "event",
            "type": "payment_intent.succeeded",
            "livemode": False,
            "created": int(self.world.scheduler.now),
            "data": {"object": {"id": "pi_forged", "metadata": {"invoice": sale.ident}}},
        }
        path = f"/webhooks/stripe/{sale.merchant.account['id']}/test"
        signature = f"t={int(self.world.scheduler.now)},v1={'0' * 64}"
        headers = {"stripe-signature": signature}
        answer = self.world.ask("POST", path, json.dumps(event).encode(), headers)
        self.unsigned.append((event["id"], answer.status if answer else 0))

    def _sell_elsewhere(self, sale: Sale) -> None:
        """Take money at Stripe for what this service has never heard of, or not of this attempt."""
        known = {"tenant": sale.merchant.tenant, "invoice": sale.ident, "attempt": "att_elsewhere"}
        # One event that nobody can apply is enough: it comes again for a whole day.
        first = not any(self.elsewhere.values()) and self.random.random() < 0.3
        metadata = known if first else {"shop": "till"}
        form = {f"metadata[{name}]": value for name, value in metadata.items()}
        form |= {"amount": "700", "currency": "eur", "payment_method": "pm_card_visa"}
        form |= {"confirm": "true", "automatic_payment_methods[enabled]": "true"}
        form |= {"automatic_payment_methods[allow_redirects]": "never"}
        headers = {"authorization": f"Bearer {secret_key(sale.merchant.tenant)}"}
        body = urlencode(form).encode()
        answer = self.world.standin.handle(
            Request("POST", "/v1/payment_intents", "", headers, body)
        )
        self.elsewhere[answer.json["id"]] = "attempt" in metadata

    def _rotate(self, sale: Sale) -> None:
        """Change the webhook's secret, and soon afterwards let Stripe have something to tell."""
        self.world.webhooks.rotate(sale.merchant.account)
        self.world.scheduler.pause(RECHECK_S + self.random.uniform(1, 20))
        self._charge(sale)

    def _collect(self, sale: Sale) -> None:
        for _ in range(TRIES):
            seen = self._read(sale)
            if seen and seen["status"] not in {"open", "partially_paid"}:
                return
            if seen and seen["amounts"]["outstanding"]:
                self._charge_card(sale, None, sale.merchant.cards[GOOD])
            self.world.scheduler.pause(self.random.uniform(MINUTE, 4 * MINUTE))

    # How they do it

    def _charge_card(self, sale: Sale, amount: int | None, card: str) -> None:
        begin = self.world.scheduler.now
        body: Json = {"payment_method": card} | ({"amount": amount} if amount else {})
        path = f"/v1/invoices/{sale.ident}/charges"
        answer = self._insist(sale.merchant.tenant, "operator", path, body)
        self._note_charge(sale, begin, amount, answer)
        if self.random.random() < 0.3:
            self._read(sale)

    def _note_charge(
        self, sale: Sale, begin: float, amount: int | None, answer: Answer | None
    ) -> None:
        end = self.world.scheduler.now
        if answer is None or answer.status >= 500 or answer.status == 202:
            sale.acts.append(Act("pay", begin, FOREVER, amount, certain=False))
        elif answer.status == 201:
            sale.acts.append(Act("pay", begin, end, answer.json["payment"]["gross"]))
        elif answer.code == "invoice_not_payable":
            sale.acts.append(Act("refused", begin, end))

    def _insist(self, tenant: str, role: str, path: str, body: Json) -> Answer | None:
        """Send a request again, under the same key, until there is an answer to rely on."""
        key = f"key-{next(self._keys)}"
        answer = None
        for _ in range(self.tries):
            answer = self._send(tenant, role, path, body, key)
            if answer and answer.status < 500 and answer.code != "idempotency_in_progress":
                return answer
            self.world.scheduler.pause(self.random.uniform(1, 75))
        return answer if answer and answer.code != "idempotency_in_progress" else None

    def _send(
        self, tenant: str, role: str, path: str, body: Json, key: str, *, foreign: bool = False
    ) -> Answer | None:
        headers = {"content-type": "application/json", "idempotency-key": key}
        text = json.dumps(body)
        answer = self.world.ask("POST", path, text, headers, who=(tenant, role))
        status, said = (answer.status, answer.text) if answer else (0, "")
        self.exchanges.append(Exchange(tenant, path, key, text, status, said, foreign))
        return answer

    def _link(self, sale: Sale) -> str | None:
        part = {"amount": self._part(sale)} if self.random.random() < 0.3 else {}
        path = f"/v1/invoices/{sale.ident}/pay-links"
        answer = self._insist(sale.merchant.tenant, "operator", path, part)
        made = answer is not None and answer.status == 201
        return urlsplit(answer.json["url"]).path if answer and made else None

    def _press_pay(self, link: str) -> str | None:
        """Press Pay on our page; give the address of Stripe's page, if it leads there."""
        self.world.scheduler.pause(self.random.uniform(0.5, 90))
        answer = self.world.ask("POST", f"{link}/pay")
        to = answer.headers.get("location", "") if answer else ""
        return to if "/c/pay/" in to else None

    def _pay_there(self, sale: Sale, page: str) -> None:
        """Do on Stripe's page what payers do: pay, fail and pay, confirm, or walk away."""
        way = self.random.choices(("pay", "fail", "bank", "debit", "leave"), (6, 2, 2, 2, 2))[0]
        self.world.scheduler.pause(self._hesitation())
        if way == "leave":
            return
        if way == "fail":
            self.world.payer.try_card(page, "visa_chargeDeclined")
            self.world.scheduler.pause(self._hesitation())
        if way == "debit":
            self._finish(sale, self.world.payer.try_card(page, self.random.choice(DEBITS)), False)
            return
        answer = self.world.payer.try_card(
            page, "threeDSecure2Required" if way == "bank" else "visa"
        )
        asked = urlsplit(answer.headers.get("Location", "")).path
        if "/c/authenticate/" in asked:
            self.world.scheduler.pause(self._hesitation())
            outcome = self.random.choice(("pass", "pass", "fail"))
            answer = self.world.payer.submit(asked, outcome=outcome)
        self._finish(sale, answer, True)

    def _finish(self, sale: Sale, answer: Any, certain: bool) -> None:
        """Come back from Stripe's page, unless the payer has closed it."""
        back = urlsplit(answer.headers.get("Location", ""))
        if answer.status != 303 or not back.path.endswith("/return"):
            return
        session = parse_qs(back.query)["session_id"][0]
        (found,) = self.world.truth.all("checkout.session", id=session)
        self._note_payment(sale, session, found["amount_total"], certain)
        if self.random.random() < 0.5:
            self.world.scheduler.pause(self.random.uniform(0.2, 5))
            self.world.ask("GET", back.path, query={"session_id": session})

    def _note_payment(self, sale: Sale, session: str, amount: int, certain: bool) -> None:
        now = self.world.scheduler.now
        if session not in self._paid_sessions:
            self._paid_sessions.add(session)
            sale.acts.append(Act("pay", now, FOREVER, amount, certain=certain))

    def _hesitation(self) -> float:
        """Most pay within minutes; some leave the page open for hours."""
        long = self.random.random() < 0.1
        return self.random.uniform(HOUR, 30 * HOUR) if long else self.random.uniform(1, 4 * MINUTE)

    def _part(self, sale: Sale) -> int:
        return self.random.choice((sale.total // 2, sale.total // 3, 100, sale.total))


ACTS = (
    (People._charge, 6),
    (People._double_click, 3),
    (People._pay_by_link, 7),
    (People._press_twice, 3),
    (People._void, 2),
    (People._amend, 1),
    (People._read, 1),
    (People._use_key_for_another, 1),
    (People._forge, 1),
    (People._sell_elsewhere, 1),
    (People._rotate, 1),
)
