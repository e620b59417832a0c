"""What the tests of a bank's question begin with, and how a payer answers it."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from local.standin.payments import charging
from local.standin.payments.cards import BY_NAME
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Json

BUYER = "ada@example.com"
ASKING = "authenticationRequired"


def wait_for_payer(shop: Shop, invoice: Json, **asked: Any) -> Json:
    """Charge the card; give the answer, with the path of the page on which its payer goes on."""
    answer = expect(202, shop.charge(invoice, **asked))
    assert answer["attempt"]["status"] == "action_required"
    return answer | {"path": urlsplit(answer["pay_link"]).path}


def confirm(shop: Shop, path: str) -> Answer:
    return shop.world.public.post(f"{path}/confirm", key=None)


def to_bank(shop: Shop, path: str) -> str:
    """The path of the bank's page to which the button leads."""
    answer = confirm(shop, path)
    assert answer.status == 303, answer.text
    found = urlsplit(answer.headers["location"]).path
    assert found.startswith("/c/authenticate/"), answer.headers
    return found


def come_back(shop: Shop, answer: Any) -> Answer:
    """Follow the bank's page back to ours; some seconds have passed on it."""
    shop.world.advance(seconds=5)
    back = urlsplit(answer.headers["Location"])
    return shop.world.public.get(back.path, **dict(parse_qsl(back.query)))


def answer_bank(shop: Shop, path: str, outcome: str = "pass") -> Answer:
    return come_back(shop, shop.world.submit(to_bank(shop, path), outcome=outcome))


def page(shop: Shop, path: str) -> str:
    answer = shop.world.public.get(path)
    assert answer.status == 200
    return str(answer.text)


def intents(shop: Shop) -> list[str]:
    """The states of all PaymentIntents at Stripe, oldest first."""
    return [intent["status"] for intent in shop.world.truth(shop.account)["payment_intents"]]


def statuses(shop: Shop, invoice: Json) -> list[str]:
    """The states of an invoice's attempts, oldest first."""
    found = shop.read(invoice)["attempts"]
    return [each["status"] for each in sorted(found, key=lambda each: each["id"])]


def tell(shop: Shop) -> list[str]:
    """Deliver all that is to be told, twice; give what the payer was written."""
    for _ in range(2):
        shop.world.deliver()
        shop.world.notify()
    return [str(subject) for subject in shop.world.post.subjects(BUYER)]


def asked(shop: Shop, method: str) -> list[str | None]:
    """The idempotency keys of what Stripe was asked, oldest first."""
    return [key for _, key in shop.world.standin.store._answers]


def bank(patch: pytest.MonkeyPatch, card: str) -> None:
    """Let every card behave like this one from now on."""
    patch.setattr(charging, "card_behaviour", lambda _call, _method: BY_NAME[card])
