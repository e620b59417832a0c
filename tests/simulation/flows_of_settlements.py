"""Flows of money without Stripe, of several invoices, and of debts that change or are given up."""

from tests.simulation import settlements
from tests.simulation.acting import Actor, Steps, flow
from tests.simulation.flows_of_returns import paid
from tests.simulation.returns import refund


@flow
def take_cash_beside_an_open_page(actor: Actor) -> Steps:
    sale = actor.sale()
    actor.press_pay(actor.link(sale))
    yield
    settlements.pay_outside(actor.people, sale, 1500)


@flow
def refund_cash(actor: Actor) -> Steps:
    sale = actor.sale()
    payment = settlements.pay_outside(actor.people, sale, 4000)
    assert payment is not None
    yield
    refund(actor.people, sale, payment, 1500)


@flow
def let_credit_pay_another_invoice(actor: Actor) -> Steps:
    sale, other = actor.sale(), actor.sale()
    payment = settlements.pay_outside(actor.people, sale, 4500)
    assert payment is not None
    yield
    settlements.pay_by_credit(actor.people, payment, sale, other)


@flow
def charge_two_invoices_at_once(actor: Actor) -> Steps:
    sale, other = actor.sale(), actor.sale()
    yield
    settlements.charge_both(actor.people, sale, other)


@flow
def refund_what_paid_two_invoices(actor: Actor) -> Steps:
    sale, other = actor.sale(), actor.sale()
    settlements.charge_both(actor.people, sale, other)
    seen = actor.people.read(sale)
    assert seen is not None
    yield
    refund(actor.people, sale, seen["payments"][0])


@flow
def change_the_amount_beside_an_open_page(actor: Actor) -> Steps:
    sale = actor.sale()
    actor.press_pay(actor.link(sale))
    yield
    settlements.change_amount(actor.people, sale)


@flow
def give_up_beside_an_open_page(actor: Actor) -> Steps:
    sale = actor.sale()
    actor.press_pay(actor.link(sale))
    yield
    settlements.give_up(actor.people, sale)


@flow
def give_up_and_then_be_paid(actor: Actor) -> Steps:
    sale, payment = paid(actor, amount=1500)
    settlements.give_up(actor.people, sale)
    yield
    settlements.pay_outside(actor.people, sale, 2500)
    refund(actor.people, sale, payment)
