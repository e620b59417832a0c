"""Flows in which a payer's bank takes money back; what a flow is stands in `acting`."""

from tests.doubles.invocations import Json
from tests.simulation import disputes
from tests.simulation.acting import Actor, Steps, flow
from tests.simulation.flows_of_returns import paid
from tests.simulation.people import DISPUTED, INQUIRED, Sale
from tests.simulation.returns import refund
from tests.simulation.scheduler import MINUTE


def disputed(actor: Actor, card: int = DISPUTED) -> tuple[Sale, Json]:
    """Make an invoice whose payment is disputed, and give the dispute as the seller sees it."""
    sale, payment = paid(actor, card)
    found = disputes.the_dispute(actor.people, sale)
    if found is None:
        # Nobody was told; it is found by asking, once a day or by reconciliation.
        actor.run("reconcile_accounts")
        actor.world.scheduler.pause(2 * MINUTE)
        found = disputes.the_dispute(actor.people, sale)
    assert found is not None
    return sale, found | {"payment": payment}


@flow
def hear_of_a_dispute(actor: Actor) -> Steps:
    sale = actor.sale()
    yield
    actor.charge(sale, DISPUTED)
    actor.world.scheduler.pause(MINUTE)


@flow
def answer_a_dispute_and_win(actor: Actor) -> Steps:
    sale, dispute = disputed(actor)
    yield
    disputes.say(actor.people, sale, dispute, disputes.WINNING)
    disputes.step(actor.people, sale, dispute, "submit")
    actor.world.scheduler.pause(3 * MINUTE)


@flow
def accept_a_dispute(actor: Actor) -> Steps:
    sale, dispute = disputed(actor)
    yield
    disputes.step(actor.people, sale, dispute, "accept")


@flow
def answer_a_dispute_in_the_dashboard_and_lose(actor: Actor) -> Steps:
    _, dispute = disputed(actor)
    yield
    disputes.answer_in_dashboard(
        actor.people, actor.merchant, dispute["stripe_id"], disputes.LOSING
    )
    actor.world.scheduler.pause(3 * MINUTE)


@flow
def answer_an_inquiry_that_becomes_a_dispute(actor: Actor) -> Steps:
    _, dispute = disputed(actor, INQUIRED)
    yield
    disputes.answer_in_dashboard(
        actor.people, actor.merchant, dispute["stripe_id"], disputes.ESCALATING
    )
    actor.world.scheduler.pause(3 * MINUTE)


@flow
def answer_an_inquiry_that_the_bank_takes_further(actor: Actor) -> Steps:
    sale, dispute = disputed(actor, INQUIRED)
    disputes.say(actor.people, sale, dispute, disputes.ESCALATING)
    yield
    disputes.step(actor.people, sale, dispute, "submit")
    actor.world.scheduler.pause(3 * MINUTE)


@flow
def answer_a_chargeback_with_what_its_inquiry_was_told(actor: Actor) -> Steps:
    sale, dispute = disputed(actor, INQUIRED)
    disputes.say(actor.people, sale, dispute, disputes.ESCALATING)
    disputes.step(actor.people, sale, dispute, "submit")
    actor.world.scheduler.pause(3 * MINUTE)
    yield
    disputes.step(actor.people, sale, dispute, "submit")


@flow
def refund_what_a_bank_asks_about(actor: Actor) -> Steps:
    sale, dispute = disputed(actor, INQUIRED)
    yield
    refund(actor.people, sale, dispute["payment"], 1500)
    disputes.step(actor.people, sale, dispute, "accept")
