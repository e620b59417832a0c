"""A storefront's own ways to be paid: Stripe's page, its own page, and changes of mind."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

from local.standin.engine.messages import Request
from tests.doubles.invocations import Answer, Json
from tests.simulation.connecting import SHOP, path_of, publishable
from tests.simulation.history import FOREVER, Act
from tests.simulation.people import People, Sale
from tests.simulation.sales import part_of
from tests.simulation.scheduler import MINUTE

BACK = {
    "success_url": f"{SHOP}/return?session_id={{CHECKOUT_SESSION_ID}}",
    "cancel_url": f"{SHOP}/cart",
}
#: What a payer does with a card in the storefront's own page.
CARDS = ("visa", "visa", "visa", "visa_chargeDeclined", "threeDSecure2Required")


def check_out(people: People, sale: Sale) -> None:
    """Pay in a hosted page that a storefront has opened, which then asks how it stands."""
    part = part_of(people, sale) if people.random.random() < 0.3 else None
    opened = open_session(people, sale, part, save_card=people.random.random() < 0.2)
    if opened:
        people.pay_there(sale, opened["url"], opened["attempt_id"])


def check_out_twice(people: People, sale: Sale) -> None:
    """Two tabs: each page closes the one before, whichever way it was opened."""
    for way in people.random.sample((check_out, pay_here, check_out), 2):
        people.soon(partial(way, people, sale), within=30)


def pay_here(people: People, sale: Sale) -> None:
    """Pay in the storefront's own page, where Stripe.js confirms with the client secret."""
    part = part_of(people, sale) if people.random.random() < 0.3 else None
    opened = open_intent(people, sale, part)
    if opened is None:
        return
    people.pause(1, 2 * MINUTE)
    confirm(people, sale, opened, people.random.choice(CARDS))
    if people.random.random() < 0.5:
        people.refresh(sale, opened["attempt_id"])


def change_ones_mind(people: People, sale: Sale) -> None:
    """Cancel an attempt while its payer pays, or before."""
    if people.random.random() < 0.5:
        opened = open_session(people, sale)
        pay = (
            partial(people.pay_there, sale, opened["url"], opened["attempt_id"]) if opened else None
        )
    else:
        opened = open_intent(people, sale)
        pay = partial(confirm, people, sale, opened, "visa") if opened else None
    if opened and pay:
        if people.random.random() < 0.7:
            people.soon(pay, within=3 * MINUTE)
        people.pause(0, 3 * MINUTE)
        cancel(people, sale, opened["attempt_id"])


def take_a_link_back(people: People, sale: Sale) -> None:
    """Revoke a pay link while its payer pays, or before anybody has pressed Pay."""
    made = make_link(people, sale)
    if made is None:
        return
    page = people.press_pay(path_of(made["url"]))
    if page:
        people.soon(partial(people.pay_there, sale, page), within=3 * MINUTE)
    people.pause(0, 3 * MINUTE)
    revoke(people, sale, made["id"])


def make_link(people: People, sale: Sale) -> Json | None:
    answer = people.insist(sale.tenant, "operator", f"{sale.path}/pay-links", {})
    return answer.json if answer and answer.status == 201 else None


def revoke(people: People, sale: Sale, link: str) -> Answer | None:
    answer = people.insist(sale.tenant, "operator", f"/v1/pay-links/{link}/revoke")
    if answer and answer.status == 200:
        people.revoked.add(link)
        people.left_open += _pages_of(people, sale, link)
    return answer


def _pages_of(people: People, sale: Sale, link: str) -> Iterator[str]:
    """Yield the pages that can still be paid through a link."""
    rows = people.world.table.dynamo.rows
    for session in people.world.truth.all("checkout.session", status="open"):
        sort = f"ATTEMPT#{session['metadata'].get('attempt')}"
        row = rows.get((f"T#{sale.tenant}#INV#{sale.ident}", sort), {})
        if row.get("link", {}).get("S") == link:
            yield session["id"]


def cancel(people: People, sale: Sale, attempt: str) -> Answer | None:
    return people.insist(sale.tenant, "storefront", f"/v1/attempts/{attempt}/cancel")


def open_session(
    people: People, sale: Sale, amount: int | None = None, *, save_card: bool = False
) -> Json | None:
    asked: Json = BACK | {"save_card": save_card}
    return _open(people, sale, "checkout-sessions", asked, amount)


def open_intent(people: People, sale: Sale, amount: int | None = None) -> Json | None:
    return _open(people, sale, "payment-intents", {}, amount)


def _open(people: People, sale: Sale, way: str, asked: Json, amount: int | None) -> Json | None:
    body = asked | ({"amount": amount} if amount else {})
    answer = people.insist(sale.tenant, "storefront", f"{sale.path}/{way}", body)
    return answer.json if answer and answer.status == 201 else None


def confirm(people: People, sale: Sale, opened: Json, card: str) -> None:
    """Do what Stripe.js does, and what the bank's page does if it asks for the cardholder."""
    intent, _, _ = opened["client_secret"].partition("_secret_")
    form = {
        "client_secret": opened["client_secret"],
        "payment_method": f"pm_card_{card}",
        "return_url": f"{SHOP}/return",
    }
    answer = _in_the_browser(people, sale, f"/v1/payment_intents/{intent}/confirm", form)
    action = (answer.json.get("next_action") or {}) if answer.status == 200 else {}
    if action.get("redirect_to_url"):
        people.pause(1, 2 * MINUTE)
        outcome = people.random.choice(("pass", "pass", "fail"))
        people.world.payer.submit(path_of(action["redirect_to_url"]["url"]), outcome=outcome)
    (found,) = people.world.truth.all("payment_intent", id=intent)
    if found["status"] == "succeeded" and people.is_first(intent):
        now = people.world.scheduler.now
        sale.acts.append(Act("pay", now, FOREVER, found["amount"]))


def _in_the_browser(people: People, sale: Sale, path: str, form: Json) -> Any:
    merchant = sale.merchant
    headers = {"authorization": f"Bearer {publishable(merchant)}"}
    if merchant.connected:
        headers["stripe-account"] = merchant.account["stripe_account"]
    body = urlencode(form).encode()
    return people.world.standin.handle(Request("POST", path, "", headers, body))
