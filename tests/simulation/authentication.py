"""What payers do whose bank wants to hear them: confirm, refuse, pay otherwise, or never come."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.simulation.people import ASKING, People, Sale
from tests.simulation.scheduler import MINUTE

#: What they do on the bank's page, and how often.
ANSWERS = {"pass": 5, "fail": 2, "": 1}


def charge_and_confirm(people: People, sale: Sale) -> None:
    """Charge a card of such a bank; its owner opens the link, perhaps twice."""
    link = charge_asking(people, sale)
    for _ in range(people.random.choice((1, 1, 2)) if link else 0):
        people.soon(lambda: _go(people, sale, link), within=4 * MINUTE)


def charge_asking(people: People, sale: Sale) -> str:
    """Give the path of the link on which the payment goes on, if it waits for its payer."""
    card, amount = sale.merchant.cards[ASKING], sale.total
    answer = people.charge_card(sale, amount, card)
    waits = answer is not None and answer.status == 202
    found = answer.json.get("pay_link") if answer is not None and waits else None
    return urlsplit(found).path if found else ""


def refuse_and_press_again(people: People, sale: Sale) -> None:
    """Refuse at the bank and press once more, while Stripe fails to cancel what was refused."""
    link = charge_asking(people, sale)
    bank = press_confirm(people, link) if link else ""
    if not bank:
        return
    people.world.payer.submit(bank, outcome="fail")
    for intent in people.world.truth.all("payment_intent"):
        if intent["metadata"].get("invoice") == sale.ident:
            cancel = "POST", f"/v1/payment_intents/{intent['id']}/cancel"
            people.world.faults.strike(cancel, "500", "500")
    press_confirm(people, link)


def _go(people: People, sale: Sale, link: str) -> None:
    if people.random.random() < 0.3:
        page = people.press_pay(link)
        if page:
            people.pay_there(sale, page)
        return
    bank = press_confirm(people, link)
    if bank and people.random.random() < 0.3:
        # Thinks better of it, and answers the bank all the same.
        page = people.press_pay(link)
        people.world.payer.submit(bank, outcome="pass")
        if page:
            people.pay_there(sale, page)
        return
    answer = people.random.choices(*zip(*ANSWERS.items(), strict=True))[0]
    if bank and answer:
        people.pause(1, 4 * MINUTE)
        back = people.world.payer.submit(bank, outcome=answer)
        if people.random.random() < 0.6:
            come_back(people, back)


def press_confirm(people: People, link: str) -> str:
    """Press the button; give the path of the bank's page, if it leads there."""
    answer = people.world.ask("POST", f"{link}/confirm")
    to = urlsplit(answer.headers.get("location", "")).path if answer else ""
    return to if "/c/authenticate/" in to else ""


def come_back(people: People, answer: Any) -> None:
    """Follow the bank back to the link's page."""
    back = urlsplit(answer.headers.get("Location", ""))
    if back.path.endswith("/return"):
        people.world.ask("GET", back.path, query=dict(parse_qsl(back.query)))
