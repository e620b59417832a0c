"""Flows of a saved card whose bank wants its owner; what a flow is stands in `acting`."""

from tests.simulation.acting import Actor, Steps, flow
from tests.simulation.authentication import charge_asking, come_back, press_confirm
from tests.simulation.sales import void
from tests.simulation.scheduler import MINUTE


def to_bank(actor: Actor, link: str) -> str:
    """Press until it leads to the bank, or no longer leads anywhere."""
    for _ in range(4):
        if bank := press_confirm(actor.people, link):
            return bank
        actor.world.scheduler.pause(MINUTE)
    return ""


@flow
def charge_and_wait_for_the_bank(actor: Actor) -> Steps:
    sale = actor.sale()
    yield
    charge_asking(actor.people, sale)


@flow
def confirm_with_the_bank(actor: Actor) -> Steps:
    link = charge_asking(actor.people, actor.sale())
    yield
    bank = to_bank(actor, link)
    actor.require(bank, "the button does not lead to the bank")
    if bank:
        come_back(actor.people, actor.world.payer.submit(bank, outcome="pass"))


@flow
def refuse_at_the_bank(actor: Actor) -> Steps:
    link = charge_asking(actor.people, actor.sale())
    bank = to_bank(actor, link)
    yield
    come_back(actor.people, actor.world.payer.submit(bank, outcome="fail"))


@flow
def take_another_card_than_the_one_to_confirm(actor: Actor) -> Steps:
    sale = actor.sale()
    link = charge_asking(actor.people, sale)
    bank = to_bank(actor, link)
    yield
    page = actor.press_pay(link)
    actor.world.payer.submit(bank, outcome="pass")
    if page:
        actor.pay_there(sale, page)


@flow
def void_what_waits_for_the_bank(actor: Actor) -> Steps:
    sale = actor.sale()
    bank = to_bank(actor, charge_asking(actor.people, sale))
    yield
    void(actor.people, sale)
    actor.world.payer.submit(bank, outcome="pass")
