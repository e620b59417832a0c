"""What sellers and payers do about an invoice: each function is one story, drawn by `stories`."""

import json
from functools import partial

from tests.simulation.deliveries import RECHECK_S
from tests.simulation.history import FOREVER, Act
from tests.simulation.people import ASKING, BAD, GOOD, People, Sale
from tests.simulation.scheduler import MINUTE

#: What one charge takes of euros.
MOST = 99_999_999


def part_of(people: People, sale: Sale) -> int:
    """Choose a part; the last one leaves what no card can pay, and is refused."""
    return people.random.choice(
        (sale.total // 2, sale.total // 3, 100, sale.total, sale.total - 20)
    )


def charge(people: People, sale: Sale) -> None:
    amount = part_of(people, sale) if people.random.random() < 0.4 else None
    card = people.random.choices((GOOD, BAD, ASKING), (8, 1, 1))[0]
    people.charge_card(sale, amount, sale.merchant.cards[card])


def double_click(people: People, sale: Sale) -> None:
    for _ in range(2):
        card = sale.merchant.cards[GOOD]
        people.soon(partial(people.charge_card, sale, None, card), within=0.3)


def pay_by_link(people: People, sale: Sale) -> None:
    part = part_of(people, sale) if people.random.random() < 0.3 else None
    link = people.link(sale, part)
    if link:
        _press_and_pay(people, sale, link)


def press_twice(people: People, sale: Sale) -> None:
    link = people.link(sale)
    for _ in range(2 if link else 0):
        people.soon(partial(_press_and_pay, people, sale, link or ""), within=40)


def _press_and_pay(people: People, sale: Sale, link: str) -> None:
    page = people.press_pay(link)
    if page:
        people.pay_there(sale, page)


def sell_large(people: People, sale: Sale) -> None:
    """Sell for more than one charge takes; the payer comes back to the link for the rest."""
    total = MOST + people.random.choice((20, 50, 4000))
    large = people.sell(sale.merchant, total, allow_partial=True)
    link = people.link(large) if large else None
    for _ in range(2):
        if large and link:
            _press_and_pay(people, large, link)


def void(people: People, sale: Sale) -> None:
    begun = people.world.scheduler.now
    answer = people.world.ask("POST", f"{sale.path}/void", who=(sale.tenant, "admin"))
    people.note(Act("void", begun, FOREVER), sale, answer)


def amend(people: People, sale: Sale) -> None:
    seen = people.read(sale)
    if seen:
        headers = {"if-match": f'"{seen["version"]}"', "content-type": "application/json"}
        body = json.dumps({"order_ref": f"order-{seen['version']}"})
        people.world.ask("PATCH", sale.path, body, headers, who=(sale.tenant, "storefront"))


def read(people: People, sale: Sale) -> None:
    people.read(sale)


def use_key_for_another(people: People, sale: Sale) -> None:
    """Send another body under a key that has been answered."""
    path = f"{sale.path}/charges"
    mine = [found for found in people.exchanges if found.route == path]
    if mine:
        used = people.random.choice(mine)
        # An amount that nobody else asks for: the same body would be the same request.
        amount = 60 + next(people.keys)
        body = {"amount": amount, "payment_method": sale.merchant.cards[GOOD]}
        begun = people.world.scheduler.now
        answer = people.send(used.tenant, "operator", path, body, used.key, foreign=True)
        people.note_charge(sale, begun, amount, answer)


def forge(people: People, sale: Sale) -> None:
    """Tell the webhook of a payment that never was."""
    now = int(people.world.scheduler.now)
    event = {
        "id": f"evt_forged{next(people.keys)}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "livemode": False,
        "account": sale.merchant.account["stripe_account"],
        "created": now,
        "data": {"object": {"id": "pi_forged", "metadata": {"invoice": sale.ident}}},
    }
    home = "connect" if sale.merchant.connected else sale.merchant.account["id"]
    path = f"/webhooks/stripe/{home}/test"
    headers = {"stripe-signature": f"t={now},v1={'0' * 64}"}
    answer = people.world.ask("POST", path, json.dumps(event).encode(), headers)
    people.unsigned.append((event["id"], answer.status if answer else 0))


def meddle(people: People, sale: Sale) -> None:
    """Let some tool at Stripe write over what payments say of themselves, while they are made."""
    for _ in range(people.random.randint(2, 6)):
        people.pause(5, 2 * MINUTE)
        theirs = [
            found
            for found in people.world.truth.all("payment_intent")
            if people.owner_of(found) is sale.merchant and found["id"] not in people.elsewhere
        ]
        if not theirs:
            continue
        one, other = people.random.choice(theirs), people.random.choice(theirs)
        form = {"metadata": ""}
        if people.random.random() < 0.5 and other["metadata"]:
            form = {f"metadata[{name}]": value for name, value in other["metadata"].items()}
        people.at_stripe(sale.merchant, f"/v1/payment_intents/{one['id']}", form)


def sell_elsewhere(people: People, sale: Sale) -> None:
    """Take money at Stripe for what this service has never heard of, or not of this attempt."""
    known = {"tenant": sale.tenant, "invoice": sale.ident, "attempt": "att_elsewhere"}
    # One event that nobody can apply is enough: it comes again for a whole day.
    first = not any(people.elsewhere.values()) and people.random.random() < 0.3
    metadata = known if first else {"shop": "till"}
    form = {f"metadata[{name}]": value for name, value in metadata.items()}
    form |= {"amount": "700", "currency": "eur", "payment_method": "pm_card_visa"}
    form |= {"confirm": "true", "automatic_payment_methods[enabled]": "true"}
    form |= {"automatic_payment_methods[allow_redirects]": "never"}
    answer = people.at_stripe(sale.merchant, "/v1/payment_intents", form)
    people.elsewhere[answer.json["id"]] = "attempt" in metadata


def rotate(people: People, sale: Sale) -> None:
    """Change the webhook's secret between two payments, so that one is known and one is used."""
    people.charge_card(sale, 100, sale.merchant.cards[GOOD])
    people.pause(1, 20)
    if not sale.merchant.connected:
        people.world.webhooks.rotate(sale.merchant.account)
    people.pause(RECHECK_S + 1, RECHECK_S + 20)
    charge(people, sale)
