"""Flows in which Stripe converts what comes and goes; what a flow is stands in `acting`."""

from tests.simulation import disputes
from tests.simulation.acting import Actor, Steps, flow
from tests.simulation.conversion import convert
from tests.simulation.flows_of_disputes import disputed
from tests.simulation.flows_of_returns import paid
from tests.simulation.people import REFUND_FAILS
from tests.simulation.returns import refund
from tests.simulation.scheduler import MINUTE


def in_pounds(actor: Actor) -> None:
    convert(actor.world, actor.merchant.account["stripe_account"])


@flow
def be_paid_in_another_currency(actor: Actor) -> Steps:
    in_pounds(actor)
    sale = actor.sale()
    yield
    actor.charge(sale)
    actor.world.scheduler.pause(MINUTE)


@flow
def refund_what_was_converted_and_fail_at_another_rate(actor: Actor) -> Steps:
    in_pounds(actor)
    sale, payment = paid(actor, REFUND_FAILS)
    yield
    refund(actor.people, sale, payment, 1500)
    actor.world.scheduler.pause(3 * MINUTE)


@flow
def win_back_what_was_converted(actor: Actor) -> Steps:
    in_pounds(actor)
    sale, dispute = disputed(actor)
    yield
    disputes.say(actor.people, sale, dispute, disputes.WINNING)
    disputes.step(actor.people, sale, dispute, "submit")
    actor.world.scheduler.pause(3 * MINUTE)
