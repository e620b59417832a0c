"""A flower shop on the API, as any web shop is: order, pay at Stripe, and see the order released.

It holds no state of its own: an order is an invoice, and what the shop knows of it is asked anew.
"""

import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import escape
from http import HTTPStatus
from pathlib import Path
from string import Template
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, urlsplit

from local.demo.shop_events import Heard
from local.stack.client import Answer, Client
from local.stack.issuer import Issuer
from local.stack.loopback import Handler, address, bind, serving
from local.stack.stack import Stack, stripe_keys

TENANT = "flowershop"
CUSTOMER = "walk-in"
BUYER, SELLER = "walk-in@buyer.example", "orders@flowershop.example"
PRODUCTS = {
    "tulips": ("Ten red tulips", 1500),
    "roses": ("Twelve roses in a vase", 4900),
    "surprise": ("A surprise in yellow", 2500),
}
PAGE = Template((Path(__file__).parent / "shop.html").read_text(encoding="utf-8"))
FORM_MAX = 10_000
#: Where the shop gets the events of released orders.
EVENTS = "/events"
#: Why an order is not packed yet, by what the invoice says.
HELD = {
    "unpaid": "It waits for its payment.",
    "processing": "Your bank is working on the payment, which takes days for a debit.",
    "disputed": "Its payment is contested; we wait until that is decided.",
    "charged_back": "Its payment was taken back.",
}
ORDER = re.compile(r"/orders/(inv_[0-9a-z]{26})")


class ShopFailed(Exception):
    """The API did not do what a shop needs of it."""


class ShopHandler(Handler):
    """Three pages: the goods, the way to Stripe, and how an order stands."""

    shop: ClassVar["Storefront"]

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        url = urlsplit(self.path)
        order = ORDER.fullmatch(url.path)
        if order:
            attempt = parse_qs(url.query).get("attempt", [""])[0]
            self.reply(lambda: self.shop.order_page(order[1], attempt))
        elif url.path == "/":
            self.reply(self.shop.goods_page)
        else:
            self.answer(b"Not found", "text/plain", HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:  # noqa: N802 - the library's name
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), FORM_MAX))
        if self.path == EVENTS:
            known = self.shop.heard.take(self.headers.get("Receivable-Signature", ""), body)
            self.answer(b"", "text/plain", HTTPStatus.OK if known else HTTPStatus.BAD_REQUEST)
            return
        form = body.decode()
        product = parse_qs(form).get("product", [""])[0]
        if self.path != "/orders" or product not in PRODUCTS:
            self.answer(b"Not found", "text/plain", HTTPStatus.NOT_FOUND)
            return
        try:
            target = self.shop.order(product)
        except ShopFailed as failure:
            self.answer(sorry(failure), "text/html; charset=utf-8", HTTPStatus.BAD_GATEWAY)
            return
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def reply(self, page: Any) -> None:
        try:
            self.answer(page(), "text/html; charset=utf-8")
        except ShopFailed as failure:
            self.answer(sorry(failure), "text/html; charset=utf-8", HTTPStatus.BAD_GATEWAY)


class Storefront:
    """A shop with a Stripe account of its own, which it connects when it opens."""

    def __init__(self, api: str, issuer: Issuer, keys: dict[str, str], port: int = 0) -> None:
        tokens = issuer.tokens(TENANT)
        self._admin = Client(api, tokens["admin"])
        self._client = Client(api, tokens["storefront"])
        self._keys, self._opening = keys, threading.Lock()
        self._module, self.heard = "", Heard()
        self.server = bind(port, type("BoundShop", (ShopHandler,), {"shop": self}))
        self.url = address(self.server)

    def goods_page(self) -> bytes:
        offers = "".join(
            f"<section><h2>{escape(name)}</h2>{euros(price)}"
            f'<form method="post" action="/orders"><input type="hidden" name="product" '
            f'value="{key}"><button>Order {escape(name.lower())}</button></form></section>'
            for key, (name, price) in PRODUCTS.items()
        )
        hint = (
            "<p>No money moves: Stripe is a stand-in on this machine, and its cards are play.</p>"
        )
        return page("Flowers for today", hint + offers)

    def open(self) -> None:
        """Get ready before the first order comes; what fails is tried again, and told, then."""
        with suppress(ShopFailed):
            self._open()

    def order(self, product: str) -> str:
        """Make an invoice of the order, and return the address of Stripe's page for it."""
        self._open()
        name, price = PRODUCTS[product]
        order = f"ORDER-{uuid.uuid4().hex[:8]}"
        body = {
            "number": order,
            "order_ref": order,
            "module": self._module,
            "customer": CUSTOMER,
            "currency": "eur",
            "lines": [{"description": name, "quantity": 1, "unit_amount": price}],
        }
        invoice = expect(self._client.post("/v1/invoices", body, idempotency_key=order))["id"]
        back = f"{self.url}/orders/{invoice}"
        asked = {"success_url": back, "cancel_url": back}
        path = f"/v1/invoices/{invoice}/checkout-sessions"
        opened = expect(self._client.post(path, asked, idempotency_key=f"{order}-pay"))
        return str(opened["url"])

    def order_page(self, invoice: str, attempt: str) -> bytes:
        """Ask Stripe at once, as a return page does, and say how the order stands."""
        found = expect(self._client.get(f"/v1/invoices/{invoice}"))
        open_attempts = [each["id"] for each in found["attempts"] if each["status"] in OPEN]
        for name in {attempt, *open_attempts} & {each["id"] for each in found["attempts"]}:
            expect(self._client.post(f"/v1/attempts/{quote(name)}/refresh"))
        found = expect(self._client.get(f"/v1/invoices/{invoice}"))
        paid, held = found["status"] == "paid", found["held_for"]
        steps = (("Ordered", True), ("Paid", paid), ("Released: we pack it now", not held))
        listed = "".join(
            f'<li class="{"done" if done else "open"}">{text}</li>' for text, done in steps
        )
        event = self.heard.release_of(invoice)
        title = "Thank you for your order" if paid else "Your order waits for its payment"
        content = (
            f"<section><h2>{escape(found['number'])}</h2><ol>{listed}</ol>"
            f"<p>{escape(told(held, event))}</p></section>"
        )
        return page(title, content, refresh=bool(held) or not event)

    def _open(self) -> None:
        """Connect the shop's account and switch its module on, once."""
        with self._opening:
            if self._module:
                return
            account = expect(self._admin.post("/v1/accounts", connection(self._keys), **key()))
            asked = {"name": "Shop", "account": account["id"], "features": {"link": True}}
            module = expect(self._admin.post("/v1/payment-modules", asked, **key()))["id"]
            state = {"state": "sandbox"}
            expect(self._admin.post(f"/v1/payment-modules/{module}/state", state))
            expect(self._admin.put(f"/v1/profiles/storefront/modules/{module}"))
            body = {"name": "Walk-in customer", "email": BUYER, "online_payment_enabled": True}
            expect(self._admin.put(f"/v1/customers/{CUSTOMER}", body))
            seen = self._admin.get("/v1/settings").headers["etag"]
            chosen = {
                "name": "Flower shop",
                "seller_email": SELLER,
                "return_origins": [self.url],
            }
            expect(self._admin.patch("/v1/settings", chosen, if_match=seen))
            hook = {"url": f"{self.url}{EVENTS}", "types": ["order.release"]}
            made = expect(self._admin.post("/v1/subscriptions", hook, **key()))
            self.heard.secret = made["signing_secret"]
            self._module = module


@contextmanager
def open_storefront(stack: Stack, port: int = 0) -> Iterator[str]:
    """Serve the shop beside the stack, and give its address."""
    stack.register_storefront(TENANT)
    shop = Storefront(stack.api, stack.issuer, stripe_keys(TENANT), port)
    threading.Thread(target=shop.open, daemon=True).start()
    with serving(shop.server) as url:
        yield url


OPEN = {"created", "submitting", "unknown", "action_required", "processing"}


def told(held: str | None, event: str) -> str:
    """Say what holds the order, or how the shop's own system heard that nothing does."""
    if held:
        return HELD.get(held, f"It is held: {held.replace('_', ' ')}.")
    if event:
        return f"The event order.release of {event[11:19]} UTC came to the shop, signed."
    return "The event order.release is on its way to the shop; it goes out once a minute."


def connection(keys: dict[str, str]) -> dict[str, object]:
    return {"name": "Flower shop", "mode": "test", "error_emails": ["ar@shop.example"], **keys}


def key() -> dict[str, str]:
    return {"idempotency_key": uuid.uuid4().hex}


def expect(answer: Answer) -> dict[str, Any]:
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise ShopFailed(answer.text[:300])
    found: dict[str, Any] = answer.json
    return found


def euros(amount: int) -> str:
    return f"<p>{amount / 100:.2f} EUR</p>"


def page(title: str, content: str, *, refresh: bool = False) -> bytes:
    again = '<meta http-equiv="refresh" content="2">' if refresh else ""
    return PAGE.substitute(title=escape(title), content=content, refresh=again).encode()


def sorry(failure: ShopFailed) -> bytes:
    text = escape(str(failure))
    return page("The shop cannot do that now", f"<section><p>{text}</p></section>")
