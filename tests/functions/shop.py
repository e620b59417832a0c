"""A tenant with a connected account, and the steps of the main job."""

from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from payments.doors.keys import account_pointer
from tests.doubles.tenants import publishable_key, secret_key
from tests.functions.world import Answer, Client, Json, World

NUMBERS = count(1)
FEATURES = {"link": True, "charge_saved": True, "partial": True}


@dataclass
class Shop:
    """`account` and `module` are as the API showed them."""

    world: World
    tenant: str
    account: Json
    module: Json

    @classmethod
    def open(cls, world: World, tenant: str, **features: bool) -> "Shop":
        """Connect an account, switch a module to Sandbox, grant it, and enable customer c-1."""
        admin = world.client(tenant)
        account = expect(201, admin.post("/v1/accounts", connection(tenant)))
        asked = {"name": "Cards", "account": account["id"], "features": FEATURES | features}
        module = expect(201, admin.post("/v1/payment-modules", asked))
        state = f"/v1/payment-modules/{module['id']}/state"
        module = expect(200, admin.post(state, {"state": "sandbox"}))
        for profile in ("operator", "storefront"):
            expect(200, admin.put(f"/v1/profiles/{profile}/modules/{module['id']}"))
        shop = cls(world, tenant, account, module)
        shop.customer()
        return shop

    @property
    def admin(self) -> Client:
        return self.world.client(self.tenant)

    @property
    def operator(self) -> Client:
        return self.world.client(self.tenant, "operator")

    @property
    def storefront(self) -> Client:
        return self.world.client(self.tenant, "storefront")

    def customer(self, ref: str = "c-1", *, enabled: bool = True) -> Json:
        body = {"name": "Ada", "email": "ada@example.com", "online_payment_enabled": enabled}
        return expect(200, self.admin.put(f"/v1/customers/{ref}", body))

    def invoice(self, **changes: Any) -> Json:
        """An open invoice over 40.00 EUR, part payments allowed."""
        return expect(201, self.storefront.post("/v1/invoices", self.order(**changes)))

    def order(self, **changes: Any) -> Json:
        line = {"description": "Tulips", "quantity": 2, "unit_amount": 2000}
        body = {
            "number": f"2026-{next(NUMBERS):04}",
            "module": self.module["id"],
            "customer": "c-1",
            "currency": "eur",
            "lines": [line],
            "allow_partial": True,
        }
        changed = body | changes
        return {name: value for name, value in changed.items() if value is not None}

    def read(self, invoice: Json) -> Json:
        return expect(200, self.storefront.get(f"/v1/invoices/{invoice['id']}"))

    def link(self, invoice: Json, **asked: Any) -> str:
        """The path of a new pay link."""
        made = self.operator.post(f"/v1/invoices/{invoice['id']}/pay-links", asked)
        return urlsplit(expect(201, made)["url"]).path

    def press_pay(self, path: str) -> str:
        """The address of the Checkout Session to which Pay leads."""
        answer = self.world.public.post(f"{path}/pay", key=None)
        assert answer.status == 303, answer.text
        return answer.headers["location"]

    def session(self, invoice: Json, **asked: Any) -> str:
        return self.press_pay(self.link(invoice, **asked))

    def pay(self, invoice: Json, card: str = "visa", **asked: Any) -> None:
        """Pay in the hosted page; nobody has told us yet."""
        assert self.world.press(self.session(invoice, **asked), card).status == 303

    def sell_elsewhere(self, amount: int = 700, **metadata: str) -> Json:
        """Take money at Stripe beside this service; return its PaymentIntent."""
        form = {f"metadata[{name}]": value for name, value in metadata.items()}
        form |= {"amount": str(amount), "currency": "eur", "payment_method": "pm_card_visa"}
        form |= {"confirm": "true", "automatic_payment_methods[enabled]": "true"}
        form |= {"automatic_payment_methods[allow_redirects]": "never"}
        return self.world.at_stripe("POST", "/v1/payment_intents", tenant=self.tenant, **form)

    def save_card(self, card: str = "visa", ref: str = "c-1") -> str:
        """Save a card in the hosted page and return its id."""
        known = {saved["id"] for saved in self.cards(ref)}
        asked = {"module": self.module["id"]}
        made = self.operator.post(f"/v1/customers/{ref}/setup-sessions", asked)
        self.world.press(expect(201, made)["url"], card)
        self.world.deliver()
        return next(saved["id"] for saved in self.cards(ref) if saved["id"] not in known)

    def cards(self, ref: str = "c-1") -> list[Json]:
        return list(expect(200, self.operator.get(f"/v1/customers/{ref}/payment-methods"))["data"])

    def charge(self, invoice: Json, *, key: str = "", **asked: Any) -> Answer:
        return self.operator.post(f"/v1/invoices/{invoice['id']}/charges", asked, key=key)


def connection(tenant: str, **changes: Any) -> Json:
    """The body that connects the tenant's account."""
    body = {
        "name": "Main",
        "mode": "test",
        "publishable_key": publishable_key(tenant),
        "secret_key": secret_key(tenant),
        "error_emails": ["ar@shop.example"],
    }
    return body | changes


def connected_twice(shop: Shop) -> str:
    """A second account of the same Stripe account, as there were before that was refused."""
    name = account_pointer("test", str(shop.account["stripe_account"]))
    del shop.world.dynamo.rows[name, "POINTER"]
    body = connection(shop.tenant, name="Second")
    return str(expect(201, shop.admin.post("/v1/accounts", body))["id"])


def expect(status: int, answer: Answer) -> Json:
    """The body of an answer that has to have `status`."""
    assert answer.status == status, answer.text
    return dict(answer.json)
