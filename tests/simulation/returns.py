"""Money goes back: refunds of every kind, from here and from Stripe's Dashboard."""

from functools import partial
from typing import Any

from tests.doubles.invocations import Answer, Json
from tests.simulation.history import FOREVER, Act
from tests.simulation.people import (
    DEBITS,
    GOOD,
    REFUND_ASKS,
    REFUND_FAILS,
    REFUND_WAITS,
    People,
    Sale,
)
from tests.simulation.scheduler import MINUTE
from tests.simulation.settlements import pay_outside
from tests.simulation.witness import was_told


def give_back(people: People, sale: Sale) -> None:
    """Give back what was paid, or a part of it, in one of the ways in which sellers do."""
    card = people.random.choices(BY, (5, 2, 1, 1, 3))[0]
    payment = a_payment(people, sale, card)
    if payment is None:
        return
    part = people.random.choice((payment["gross"] // 2, payment["gross"] // 3, 100))
    match people.random.choices(WAYS, (4, 2, 3, 2, 1))[0]:
        case "full":
            refund(people, sale, payment)
        case "part":
            refund(people, sale, payment, part)
        case "twice":
            # Two equal parts are two refunds; two halves and a bit are one too many.
            amount = people.random.choice((part, payment["gross"] * 2 // 3))
            for _ in range(2):
                people.soon(partial(refund, people, sale, payment, amount), within=2)
        case "dashboard":
            refund_in_dashboard(people, sale, payment, people.random.choice((part, None)))
        case _:
            people.soon(partial(refund, people, sale, payment), within=5)
            refund_in_dashboard(people, sale, payment, part)
    if card == REFUND_ASKS:
        people.pause(MINUTE, 5 * MINUTE)
        cancel_what_waits(people)


#: How it was paid: by one of the customer's cards, or in cash.
BY = (GOOD, REFUND_FAILS, REFUND_WAITS, REFUND_ASKS, None)
WAYS = ("full", "part", "twice", "dashboard", "both")
#: How often a debt that is none any more is paid by a bank debit, and after what time by a card: a
#: refund fails after a minute, and the sweep closes the page within two.
DEBITED, AS_IT_FAILS = 0.3, (62, 90)


def pay_twice(people: People, sale: Sale) -> None:
    """Pay another one's debt, come back with a refund, on a page when that has failed meanwhile."""
    other = people.sell(sale.merchant)
    if other is None:
        return
    other.reopens = True
    link = people.link(other)
    paid = people.charge_card(other, None, other.merchant.cards[REFUND_FAILS]) if link else None
    if not link or not paid or paid.status != 201:
        return
    if not refund(people, other, paid.json["payment"] | {"method": "stripe"}):
        return
    page = people.press_pay(link, within=10)
    if page and people.random.random() < DEBITED:
        # Nobody can stop it any more when the refund fails.
        debit = people.world.payer.try_card(page, DEBITS[0])
        people.finish(other, debit, certain=False)
    elif page:
        people.pause(*AS_IT_FAILS)
        people.finish(other, people.world.payer.try_card(page, "visa"), certain=True)


def a_payment(people: People, sale: Sale, card: int | None) -> Json | None:
    """Find a payment of the sale; where nothing was paid yet, charge a card or take cash first."""
    seen = people.read(sale)
    if seen and not seen["payments"] and seen["status"] == "open":
        if card is None:
            return pay_outside(people, sale, sale.total)
        people.charge_card(sale, None, sale.merchant.cards[card])
        seen = people.read(sale)
    return people.random.choice(seen["payments"]) if seen and seen["payments"] else None


def refund(people: People, sale: Sale, payment: Json, amount: int | None = None) -> Answer | None:
    """Ask this service for a refund, until there is an answer to rely on."""
    begun = people.world.scheduler.now
    body: Json = {"settle_as": "reopen" if sale.reopens else "credit_note"}
    body |= {"amount": amount} if amount else {}
    path = f"/v1/payments/{payment['id']}/refunds"
    answer = people.insist(sale.tenant, "operator", path, body)
    if answer and answer.status < 500:
        people.refunds.append((next(people.keys), answer.json))
    if payment["method"] != "stripe":
        _note_outside(people, sale, payment, amount, begun, answer)
    elif answer and answer.status == 201:
        was_told(sale, answer.json["stripe_refund"], people.world.scheduler.now)
    return answer


def _note_outside(  # noqa: PLR0917 - what is known of it
    people: People, sale: Sale, payment: Json, amount: int | None, begun: float, answer: Any
) -> None:
    """Note what was given back outside of Stripe, where nobody else sees it."""
    for each in sale.together:
        each.tangled = True
    if answer is not None and answer.status == 201:
        parts = [part for part in answer.json["allocations"] if part["invoice"] == sale.ident]
        amount = sum(part["amount"] for part in parts)
    elif amount is None or payment["unapplied"]:
        sale.tangled = True
        return
    people.note(Act("back", begun, FOREVER, amount, note=not sale.reopens), sale, answer)


def refund_in_dashboard(
    people: People, sale: Sale, payment: Json, amount: int | None = None
) -> None:
    """Give it back at Stripe, as far as Stripe lets one."""
    charge = payment["note"]["charge"]
    if charge:
        form = {"charge": charge} | ({"amount": str(amount)} if amount else {})
        people.at_stripe(sale.merchant, "/v1/refunds", form)


def cancel_what_waits(people: People) -> None:
    """Cancel in the Dashboard what only its payer could bring to an end."""
    for found in people.world.truth.all("refund", status="requires_action"):
        people.at_stripe(people.owner_of(found), f"/v1/refunds/{found['id']}/cancel")
