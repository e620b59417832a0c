"""Flows of a storefront's own pages, and of a connected merchant; what a flow is: `acting`."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.simulation import storefronts
from tests.simulation.acting import Actor, Steps, flow
from tests.simulation.connecting import path_of
from tests.simulation.flows_of_disputes import answer_a_dispute_and_win
from tests.simulation.flows_of_returns import paid
from tests.simulation.people import People, Sale
from tests.simulation.returns import refund
from tests.simulation.scheduler import MINUTE
from tests.simulation.world import CONNECTED


@flow
def open_a_session_and_pay(actor: Actor) -> Steps:
    sale = actor.sale()
    yield
    opened = storefronts.open_session(actor.people, sale, save_card=True)
    if opened:
        page = actor.world.payer.press(opened["url"])
        actor.people.finish(sale, page, certain=True, attempt=opened["attempt_id"])


@flow
def open_an_intent_and_pay(actor: Actor) -> Steps:
    sale = actor.sale()
    yield
    opened = storefronts.open_intent(actor.people, sale)
    if opened:
        storefronts.confirm(actor.people, sale, opened, "visa")
        actor.people.refresh(sale, opened["attempt_id"])


@flow
def open_an_intent_beside_a_page(actor: Actor) -> Steps:
    sale = actor.sale()
    actor.press_pay(actor.link(sale))
    yield
    opened = storefronts.open_intent(actor.people, sale)
    if opened:
        storefronts.confirm(actor.people, sale, opened, "visa")


@flow
def refresh_what_nobody_told(actor: Actor) -> Steps:
    sale = actor.sale()
    opened = storefronts.open_intent(actor.people, sale)
    assert opened is not None
    actor.world.webhooks.kept_down_until = actor.world.scheduler.now + 2 * MINUTE
    storefronts.confirm(actor.people, sale, opened, "visa")
    yield
    actor.people.refresh(sale, opened["attempt_id"])


@flow
def cancel_a_session(actor: Actor) -> Steps:
    return open_and_cancel(actor, storefronts.open_session)


@flow
def cancel_an_intent(actor: Actor) -> Steps:
    return open_and_cancel(actor, storefronts.open_intent)


def open_and_cancel(actor: Actor, way: Callable[[People, Sale], Any]) -> Steps:
    sale = actor.sale()
    opened = way(actor.people, sale)
    assert opened is not None
    yield
    storefronts.cancel(actor.people, sale, opened["attempt_id"])


@flow
def revoke_a_link_while_it_is_paid(actor: Actor) -> Steps:
    sale = actor.sale()
    made = storefronts.make_link(actor.people, sale)
    assert made is not None
    page = actor.press_pay(path_of(made["url"]))
    yield
    actor.people.soon(partial(actor.pay_there, sale, page), within=0.2)
    storefronts.revoke(actor.people, sale, made["id"])


def branch(actor: Actor) -> Sale:
    """Let the merchant be the one whom the platform has connected."""
    actor.merchant = actor.world.merchants[CONNECTED]
    return actor.sale()


@flow
def charge_through_the_platform(actor: Actor) -> Steps:
    sale = branch(actor)
    yield
    actor.charge(sale)


@flow
def check_out_through_the_platform(actor: Actor) -> Steps:
    sale = branch(actor)
    yield
    opened = storefronts.open_session(actor.people, sale)
    if opened:
        page = actor.world.payer.press(opened["url"])
        actor.people.finish(sale, page, certain=True, attempt=opened["attempt_id"])


@flow
def press_pay_through_the_platform(actor: Actor) -> Steps:
    sale = branch(actor)
    link = actor.link(sale)
    yield
    page = actor.press_pay(link)
    if page:
        actor.pay_there(sale, page)


@flow
def answer_a_dispute_through_the_platform(actor: Actor) -> Steps:
    actor.merchant = actor.world.merchants[CONNECTED]
    return answer_a_dispute_and_win(actor)


@flow
def refund_with_the_platforms_fee(actor: Actor) -> Steps:
    actor.merchant = actor.world.merchants[CONNECTED]
    sale, payment = paid(actor)
    yield
    refund(actor.people, sale, payment, 1500)
