"""Money that comes without Stripe, one charge for several invoices, and debts that are given up."""

import json
from dataclasses import replace

from tests.doubles.invocations import Json
from tests.simulation.history import FOREVER, Act
from tests.simulation.people import GOOD, People, Sale

MORE = 500


def take_cash(people: People, sale: Sale) -> None:
    """Book money that came by bank or in cash: all of it, a part, or more than is owed."""
    amount = people.random.choice((sale.total, sale.total // 2, sale.total // 3, sale.total + MORE))
    pay_outside(people, sale, amount)


def pay_outside(people: People, sale: Sale, amount: int) -> Json | None:
    begun = people.world.scheduler.now
    body = {"amount": amount, "method": people.random.choice(("cash", "bank_transfer"))}
    path = f"{sale.path}/offline-payments"
    answer = people.insist(sale.tenant, "operator", path, body)
    people.note(Act("deposit", begun, FOREVER, amount), sale, answer)
    return answer.json["payment"] if answer and answer.status == 201 else None


def use_credit(people: People, sale: Sale) -> None:
    """Take more than is owed, and let what is over pay another invoice of the customer."""
    seen = people.read(sale)
    if not seen or seen["status"] not in {"open", "partially_paid"}:
        return
    payment = pay_outside(people, sale, seen["amounts"]["outstanding"] + MORE)
    other = people.sell(sale.merchant) if payment else None
    if payment and other:
        pay_by_credit(people, payment, sale, other)


def pay_by_credit(people: People, payment: Json, sale: Sale, other: Sale) -> None:
    join(sale, other)
    begun, amount = people.world.scheduler.now, people.random.choice((MORE, MORE // 2))
    body = {"invoice": other.ident, "amount": amount}
    path = f"/v1/payments/{payment['id']}/allocations"
    answer = people.insist(sale.tenant, "operator", path, body)
    people.note(Act("pay", begun, FOREVER, amount), other, answer)


def charge_two(people: People, sale: Sale) -> None:
    """Charge a card once for this invoice and another one of its customer."""
    other = people.sell(sale.merchant)
    if other is None:
        return
    part = people.random.choice((None, 1000))
    charge_both(people, sale, other, part)


def charge_both(people: People, sale: Sale, other: Sale, part: int | None = None) -> None:
    join(sale, other)
    begun = people.world.scheduler.now
    named: Json = {"invoice": other.ident} | ({"amount": part} if part else {})
    body = {
        "customer": "c-1",
        "allocations": [{"invoice": sale.ident}, named],
        "payment_method": sale.merchant.cards[GOOD],
    }
    answer = people.insist(sale.tenant, "operator", "/v1/charges", body)
    for each, amount in ((sale, None), (other, part)):
        act = Act("pay", begun, FOREVER, amount)
        if answer and answer.status == 201:
            parts = answer.json["payment"]["allocations"]
            mine = sum(found["amount"] for found in parts if found["invoice"] == each.ident)
            act = replace(act, amount=mine)
        people.note(act, each, answer)


def join(*sales: Sale) -> None:
    """Note that one payment is for all of these."""
    together = [each for sale in sales for each in (sale.together or [sale])]
    for each in together:
        each.together = together


def give_up(people: People, sale: Sale) -> None:
    """Write off what is outstanding."""
    begun = people.world.scheduler.now
    path = f"{sale.path}/uncollectible"
    answer = people.world.ask("POST", path, who=(sale.tenant, "admin"))
    people.note(Act("give up", begun, FOREVER), sale, answer)


def change_amount(people: People, sale: Sale) -> None:
    """Ask for more, or for less, unless somebody has changed the invoice meanwhile."""
    seen = people.read(sale)
    if not seen:
        return
    more = people.random.choice((MORE, -MORE))
    headers = {"if-match": f'"{seen["version"]}"', "content-type": "application/json"}
    body = json.dumps({"total": seen["amounts"]["total"] + more})
    begun, who = people.world.scheduler.now, (sale.tenant, "storefront")
    answer = people.world.ask("PATCH", sale.path, body, headers, who=who)
    people.note(Act("amend", begun, FOREVER, more), sale, answer)
