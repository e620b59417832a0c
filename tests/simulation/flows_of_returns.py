"""Flows in which money goes back; what a flow is stands in `acting`."""

from functools import partial

from tests.doubles.invocations import Json
from tests.simulation.acting import Actor, Steps, flow
from tests.simulation.people import GOOD, REFUND_ASKS, REFUND_FAILS, REFUND_WAITS, Sale
from tests.simulation.returns import cancel_what_waits, refund, refund_in_dashboard
from tests.simulation.scheduler import MINUTE


def paid(
    actor: Actor, card: int = GOOD, *, reopens: bool = False, amount: int | None = None
) -> tuple[Sale, Json]:
    """Make an invoice that is paid, and give its payment as the seller sees it."""
    sale = actor.sale()
    sale.reopens = reopens
    actor.charge(sale, card, amount)
    actor.world.scheduler.pause(MINUTE)
    seen = actor.people.read(sale)
    assert seen is not None
    return sale, seen["payments"][0]


@flow
def refund_in_full(actor: Actor) -> Steps:
    sale, payment = paid(actor)
    yield
    refund(actor.people, sale, payment)


@flow
def refund_a_part_and_let_the_debt_come_back(actor: Actor) -> Steps:
    sale, payment = paid(actor, reopens=True)
    yield
    refund(actor.people, sale, payment, 1500)


@flow
def refund_two_equal_parts_at_once(actor: Actor) -> Steps:
    sale, payment = paid(actor)
    yield
    for _ in range(2):
        actor.people.soon(partial(refund, actor.people, sale, payment, 1500), within=0.1)
    actor.world.scheduler.pause(5 * MINUTE)


@flow
def refund_that_fails_at_last(actor: Actor) -> Steps:
    sale, payment = paid(actor, REFUND_FAILS)
    yield
    refund(actor.people, sale, payment)
    actor.world.scheduler.pause(3 * MINUTE)


@flow
def pay_what_a_failed_refund_has_paid(actor: Actor) -> Steps:
    sale, payment = paid(actor, REFUND_FAILS, reopens=True)
    refund(actor.people, sale, payment)
    page = actor.press_pay(actor.link(sale))
    actor.world.scheduler.pause(3 * MINUTE)
    yield
    actor.pay_there(sale, page)
    actor.world.scheduler.pause(MINUTE)
    actor.run("sweep_attempts")


@flow
def refund_that_takes_its_time(actor: Actor) -> Steps:
    sale, payment = paid(actor, REFUND_WAITS)
    yield
    refund(actor.people, sale, payment)
    actor.world.scheduler.pause(3 * MINUTE)


@flow
def refund_that_is_canceled_in_the_dashboard(actor: Actor) -> Steps:
    sale, payment = paid(actor, REFUND_ASKS)
    refund(actor.people, sale, payment)
    yield
    cancel_what_waits(actor.people)
    actor.world.scheduler.pause(MINUTE)


@flow
def refund_in_the_dashboard(actor: Actor) -> Steps:
    sale, payment = paid(actor)
    yield
    refund_in_dashboard(actor.people, sale, payment, 1500)
    actor.world.scheduler.pause(MINUTE)


@flow
def sweep_a_refund_of_which_nobody_was_told(actor: Actor) -> Steps:
    sale, payment = paid(actor)
    actor.world.lose("/v1/refunds")
    refund(actor.people, sale, payment)
    actor.world.standin.faults.clear()
    actor.world.scheduler.pause(4 * MINUTE)
    yield
    actor.run("sweep_attempts")
