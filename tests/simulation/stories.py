"""
What people do in a day, by chance: each story is one way to sell, to pay or to be a nuisance.

A new story is one more function and one more line here; what it weighs is how often it is drawn
instead of another one.
"""

from collections.abc import Callable
from functools import partial

from tests.simulation import (
    authentication,
    disputes,
    intruders,
    nuisances,
    returns,
    sales,
    settlements,
    storefronts,
)
from tests.simulation.people import People, Sale
from tests.simulation.scheduler import MINUTE
from tests.simulation.world import NAMES, Merchant

STORIES: dict[Callable[[People, Sale], object], int] = {
    sales.charge: 6,
    sales.double_click: 3,
    sales.pay_by_link: 7,
    sales.press_twice: 3,
    sales.sell_large: 1,
    sales.void: 2,
    sales.amend: 1,
    sales.read: 1,
    sales.use_key_for_another: 1,
    sales.forge: 1,
    nuisances.spoil: 1,
    sales.sell_elsewhere: 1,
    sales.meddle: 2,
    sales.rotate: 1,
    authentication.charge_and_confirm: 3,
    authentication.refuse_and_press_again: 1,
    returns.give_back: 6,
    returns.pay_twice: 1,
    disputes.contest: 4,
    disputes.answer_over_a_bad_line: 1,
    storefronts.check_out: 3,
    storefronts.check_out_twice: 1,
    storefronts.pay_here: 3,
    storefronts.change_ones_mind: 2,
    storefronts.take_a_link_back: 1,
    settlements.take_cash: 2,
    settlements.use_credit: 1,
    settlements.charge_two: 2,
    settlements.give_up: 1,
    settlements.change_amount: 2,
    intruders.name_another_module: 1,
    intruders.repeat_anothers_request: 1,
    intruders.connect_again: 1,
}


#: Nobody has to look after accounts at which nothing is sold, so mostly nobody does.
LEFT_ALONE = 0.75


def begin(people: People, spans: list[tuple[float, float]]) -> None:
    """Let every merchant sell something; `spans` are the seconds in which people act."""
    busy = people.busy()
    if people.random.random() < LEFT_ALONE:
        people.world.leave_alone(set(NAMES).difference(busy))
    for tenant in busy:
        sell = partial(_sell, people, people.world.merchants[tenant], spans)
        people.soon(sell, within=3 * MINUTE)


def _sell(people: People, merchant: Merchant, spans: list[tuple[float, float]]) -> None:
    random, scheduler = people.random, people.world.scheduler
    sale = people.sell(merchant, allow_partial=random.random() < 0.5)
    if sale is None:
        return
    sale.reopens = random.random() < 0.5
    most = random.choice((1, 1, 2, 2, 3))
    begun = scheduler.now
    for tell in random.choices(*zip(*STORIES.items(), strict=True), k=most):
        low, high = random.choice(spans)
        wait = max(0.0, scheduler.now - begun + random.uniform(low, high))
        scheduler.spawn(partial(tell, people, sale), after=wait)
