"""A merchant on the stack as its callers see it: staff, storefront, payer, Stripe."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from local.stack.client import Answer, Client
from local.stack.stack import Stack, stripe_keys

T = TypeVar("T")

#: Seconds, on a machine that many share: what has happened is seen at once.
WAIT_S = 60
POLL_S = 0.05
FORM = "application/x-www-form-urlencoded"
FEATURES = {"link": True, "charge_saved": True, "partial": True}


class NotInTime(Exception):
    """What was waited for did not happen; the text holds what was seen last."""


class Unexpected(Exception):
    """A step that has to succeed was answered otherwise."""


def eventually(
    read: Callable[[], T],
    holds: Callable[[T], bool],
    within_s: float = WAIT_S,
    *,
    why: Callable[[], object] = str,
) -> T:
    """Read again until `holds` says yes, and return what was read; `why` tells why it does not."""
    deadline = time.monotonic() + within_s
    while not holds(found := read()):
        if time.monotonic() > deadline:
            raise NotInTime(f"{found!r} {why()}")
        time.sleep(POLL_S)
    return found


def logged(stack: Stack, *texts: str) -> list[str]:
    """Return every line of every log group that holds one of the texts."""
    logs = stack.aws("logs")
    return [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName=group["logGroupName"]
        )
        for event in page["events"]
        if any(text in event["message"] for text in texts)
    ]


def troubles(stack: Stack) -> list[str]:
    """Return what the functions warned of or failed with, and what the emulated AWS said of it."""
    told = logged(stack, '"WARNING"', '"ERROR"', "Task timed out", "Runtime.")
    return [*told, *(stack.folder / "aws.log").read_text(errors="replace").splitlines()[-20:]]


def new_key() -> str:
    """Return an Idempotency-Key."""
    return uuid.uuid4().hex


def required(answer: Answer, status: int) -> Any:
    """Return the answer's JSON if it has the status."""
    if answer.status != status:
        raise Unexpected(f"{answer.status} instead of {status}: {answer.text[:500]}")
    return answer.json


def control(stack: Stack, command: str, body: object) -> Any:
    """Tell the stand-in for Stripe how to behave from now on."""
    return required(Client(stack.stripe).post(f"/_control/{command}", body), HTTPStatus.OK)


def table_rows(stack: Stack) -> list[Any]:
    """Return every row of the table, as DynamoDB writes it."""
    pages = stack.aws("dynamodb").get_paginator("scan")
    table = stack.deployment.resources["Table"]
    return [row for page in pages.paginate(TableName=table) for row in page["Items"]]


@dataclass(frozen=True)
class Shop:
    """A tenant with an active account and a module in Sandbox."""

    stack: Stack
    tenant: str
    account: str
    module: str
    stripe_account: str
    clients: dict[str, Client] = field(default_factory=dict, repr=False)

    def client(self, role: str = "operator") -> Client:
        """Return the API as one role of the tenant sees it."""
        if role not in self.clients:
            self.clients[role] = self.stack.client(self.tenant, role)
        return self.clients[role]

    def customer(self, *, enabled: bool = True, **fields: object) -> str:
        """Create a customer and return its reference."""
        ref = f"c-{uuid.uuid4().hex[:12]}"
        body = {"name": "Ada", "email": "ada@example.com", "online_payment_enabled": enabled}
        required(self.client().put(f"/v1/customers/{ref}", body | fields), HTTPStatus.OK)
        return ref

    def invoice(self, customer: str, total: int = 4000, **fields: object) -> str:
        """Have the storefront create an invoice, and return its id."""
        body = {
            "number": f"N-{uuid.uuid4().hex[:10]}",
            "module": self.module,
            "customer": customer,
            "currency": "eur",
            "total": total,
            "allow_partial": True,
        }
        answer = self.client("storefront").post(
            "/v1/invoices", body | fields, idempotency_key=new_key()
        )
        return str(required(answer, HTTPStatus.CREATED)["id"])

    def read(self, invoice: str) -> Any:
        """Return the invoice as the storefront sees it."""
        return required(self.client("storefront").get(f"/v1/invoices/{invoice}"), HTTPStatus.OK)

    def settled(self, invoice: str, status: str = "paid") -> Any:
        """Return the invoice once it has `status` and nothing is going on any more."""
        return eventually(
            lambda: self.read(invoice),
            lambda seen: (seen["status"], seen["facets"]["collection"]) == (status, "idle"),
            why=lambda: troubles(self.stack),
        )

    def link(self, invoice: str, **fields: object) -> str:
        """Have staff create a pay link, and return its path."""
        path = f"/v1/invoices/{invoice}/pay-links"
        answer = self.client().post(path, fields, idempotency_key=new_key())
        return urlsplit(str(required(answer, HTTPStatus.CREATED)["url"])).path

    def press_pay(self, link: str) -> Answer:
        """Press Pay as a browser does; the Location is the hosted page."""
        return Client(self.stack.api).send(
            "POST", f"{link}/pay", b"", headers={"content-type": FORM}
        )

    def open_checkout(self, link: str) -> str:
        """Press Pay and return the hosted page's address."""
        pressed = self.press_pay(link)
        if pressed.status != HTTPStatus.SEE_OTHER:
            raise Unexpected(f"{pressed.status} instead of a redirect: {pressed.text[:500]}")
        return str(pressed.headers["location"])

    def pay_at(self, checkout: str, card: str = "pm_card_visa") -> Answer:
        """Complete the hosted page with a test card; the way back is not followed."""
        address = urlsplit(checkout)
        hosted = Client(f"{address.scheme}://{address.netloc}")
        form = f"pm={card}".encode()
        return hosted.send("POST", f"{address.path}/complete", form, headers={"content-type": FORM})

    def answer_bank(self, page: str, outcome: str = "pass") -> str:
        """Confirm, or refuse, on the bank's page; return where it leads back to."""
        address = urlsplit(page)
        bank = Client(f"{address.scheme}://{address.netloc}")
        form = f"outcome={outcome}".encode()
        answer = bank.send("POST", address.path, form, headers={"content-type": FORM})
        return str(answer.headers["location"])

    def cards(self, customer: str) -> Any:
        """Return the customer's saved cards."""
        path = f"/v1/customers/{customer}/payment-methods"
        return required(self.client().get(path), HTTPStatus.OK)["data"]

    def save_card(self, customer: str, card: str = "pm_card_visa") -> str:
        """Save a card in the hosted page and return it once the webhook has told of it."""
        known = {entry["id"] for entry in self.cards(customer)}
        answer = self.client().post(
            f"/v1/customers/{customer}/setup-sessions",
            {"module": self.module},
            idempotency_key=new_key(),
        )
        saved = self.pay_at(required(answer, HTTPStatus.CREATED)["url"], card)
        if "/c/authenticate/" in saved.headers.get("location", ""):
            self.answer_bank(saved.headers["location"])
        cards = eventually(lambda: self.cards(customer), lambda seen: len(seen) > len(known))
        return str(next(entry["id"] for entry in cards if entry["id"] not in known))

    def charge(self, invoice: str, *, key: str | None = None, **fields: object) -> Answer:
        """Have staff charge a saved card."""
        path = f"/v1/invoices/{invoice}/charges"
        return self.client().post(path, fields, idempotency_key=key or new_key())

    def payment(self, invoice: str) -> Any:
        """Have a payer pay an invoice in the hosted page, and return its payment once booked."""
        self.pay_at(self.open_checkout(self.link(invoice)))
        self.settled(invoice)
        return self.priced(invoice)

    def priced(self, invoice: str) -> Any:
        """Return an invoice's payment once Stripe has told its fee, a moment after it was paid."""
        found: Any = eventually(
            lambda: self.payments(invoice=invoice),
            lambda paid: bool(paid) and all(each["fee"]["state"] == "known" for each in paid),
        )
        return found[0]

    def payments(self, **wanted: str) -> Any:
        """Return the payments that a viewer finds."""
        path = f"/v1/payments?{urlencode(wanted)}"
        return required(self.client("viewer").get(path), HTTPStatus.OK)["data"]

    def refund(self, payment: Any, *, key: str | None = None, **fields: object) -> Answer:
        """Have staff give a payment back."""
        path = f"/v1/payments/{payment['id']}/refunds"
        return self.client().post(path, fields, idempotency_key=key or new_key())

    def truth(self) -> Any:
        """Return all money of the tenant's account at Stripe."""
        path = f"/_control/truth?account={self.stripe_account}"
        return required(Client(self.stack.stripe).get(path), HTTPStatus.OK)

    def intents(self, invoice: str) -> list[Any]:
        """Return the PaymentIntents that Stripe has for an invoice."""
        everything = self.truth()["payment_intents"]
        return [intent for intent in everything if intent["metadata"].get("invoice") == invoice]

    def charges(self, invoice: str) -> list[Any]:
        """Return the charges with which Stripe took money for an invoice."""
        ours = {intent["id"] for intent in self.intents(invoice)}
        return [
            charge
            for charge in self.truth()["charges"]
            if charge["paid"] and charge["payment_intent"] in ours
        ]


def connect(stack: Stack, tenant: str, **fields: object) -> Answer:
    """Connect a tenant's account at Stripe."""
    keys = stripe_keys(tenant)
    body = {"name": "Main", "mode": "test", "error_emails": ["ar@shop.example"], **keys}
    client = stack.client(tenant, "admin")
    return client.post("/v1/accounts", body | fields, idempotency_key=new_key())


def create_module(
    stack: Stack, tenant: str, account: str, terms: Any = None, **features: bool
) -> str:
    """Create a payment module, which is Off, and return its id."""
    name = f"Cards {new_key()}"
    body = {"name": name, "account": account, "features": FEATURES | features, **(terms or {})}
    answer = stack.client(tenant, "admin").post(
        "/v1/payment-modules", body, idempotency_key=new_key()
    )
    return str(required(answer, HTTPStatus.CREATED)["id"])


def switch_module(stack: Stack, tenant: str, module: str, state: str = "sandbox") -> Answer:
    """Switch a payment module."""
    path = f"/v1/payment-modules/{module}/state"
    return stack.client(tenant, "admin").post(path, {"state": state})


def grant_module(stack: Stack, tenant: str, module: str, *profiles: str) -> None:
    """Allow profiles to use a payment module."""
    for profile in profiles or ("admin", "operator", "storefront"):
        path = f"/v1/profiles/{profile}/modules/{module}"
        required(stack.client(tenant, "admin").put(path), HTTPStatus.OK)


def open_shop(stack: Stack, tenant: str) -> Shop:
    """Connect a tenant's account, and switch on a module that its staff and storefront may use."""
    account = required(connect(stack, tenant), HTTPStatus.CREATED)
    if account["status"] != "active":
        raise Unexpected(f"The account is {account['status']}: {account['status_reason']}")
    module = create_module(stack, tenant, account["id"])
    required(switch_module(stack, tenant, module), HTTPStatus.OK)
    grant_module(stack, tenant, module)
    return Shop(stack, tenant, account["id"], module, account["stripe_account"])
