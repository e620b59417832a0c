"""Stripe, for the benchmarks: the stand-in behind TLS, with a customer whose card is saved."""

import json
from typing import Any
from urllib.parse import urlencode

from local.stack import loopback
from local.standin import StandIn
from local.standin.engine.messages import Request

SECRET_KEY = "sk_test_" + "alpha" * 5


class Stripe:
    """One merchant's account."""

    def __init__(self) -> None:
        """Save a card."""
        self.standin = StandIn()
        self.customer: str = self.ask("POST", "/v1/customers", name="Ada")["id"]
        attach = "/v1/payment_methods/pm_card_visa/attach"
        self.payment_method: str = self.ask("POST", attach, customer=self.customer)["id"]

    def ask(self, method: str, path: str, **form: str) -> dict[str, Any]:
        """Return Stripe's answer."""
        query, body = (urlencode(form), "") if method == "GET" else ("", urlencode(form))
        headers = {
            "authorization": f"Bearer {SECRET_KEY}",
            "content-type": "application/x-www-form-urlencoded",
        }
        answer = self.standin.handle(Request(method, path, query, headers, body.encode()))
        if answer.status != 200:  # noqa: PLR2004
            raise RuntimeError(answer.body)
        return dict(answer.json)

    def event(self) -> bytes:
        """Return an event as Stripe delivers it: indented, and as long as a payment's."""
        self.ask(
            "POST",
            "/v1/payment_intents",
            amount="4000",
            currency="eur",
            customer=self.customer,
            payment_method=self.payment_method,
            confirm="true",
            off_session="true",
        )
        listed = self.ask("GET", "/v1/events", type="charge.succeeded")
        return json.dumps(listed["data"][0], indent=2).encode()


def routes(stripe: Stripe) -> type[loopback.Handler]:
    """Return every route of the stand-in."""

    class Routes(loopback.Handler):
        """Bytes to the stand-in's request, its answer to bytes."""

        def do_GET(self) -> None:  # noqa: N802 - the library's name
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            answer = stripe.standin.handle(Request(self.command, path, query, headers, body))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_POST = do_GET  # noqa: N815 - the library's name

    return Routes
