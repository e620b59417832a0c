"""
What every route and every function does alike: who gets in, who is turned away, what is refused.

What is expected of roles stands in tests/doubles/matrix.py; tests/test_routes.py holds it complete.
"""

import re
from collections.abc import Callable

import pytest

from local.tools.route_table import served
from tests.doubles.matrix import MATRIX, ROLES
from tests.functions import refusals
from tests.functions.shop import Shop
from tests.functions.world import Json, World

every_route = pytest.mark.parametrize("route", MATRIX)
#: How a function answers its sample in events/ where there is nothing yet: the status, and what
#: the answer says.
ANSWERS: dict[str, tuple[int, Json]] = {
    "charge_token": (404, {"code": "not_found"}),
    "connect_account": (422, {"code": "validation_failed"}),
    "create_checkout_link": (404, {"code": "not_found"}),
    "manage_customers": (409, {"code": "stripe_account_required"}),
    "manage_events": (200, {"data": []}),
    "manage_invoices": (404, {"code": "not_found"}),
    "manage_modules": (404, {"code": "not_found"}),
    "open_checkout": (404, {"code": "not_found"}),
    "receive_webhook": (404, {}),
    "refund_payment": (404, {"code": "not_found"}),
    "report": (404, {"code": "not_found"}),
}
#: Those that answer with a page, and the status.
PAGES = {"finish_connection": 400, "open_pay_link": 404, "public_docs": 200}
#: A message of which there is no row comes again.
COMES_AGAIN = {"batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-661975830a7d"}]}
#: What a queue, a schedule or the stream starts, and what it says of its sample.
RUNS: dict[str, Json] = {
    "apply_event": COMES_AGAIN,
    "check_accounts": {"well": 0, "failing": 0, "left": 0},
    "deliver_events": {"delivered": 0, "failed": 0, "postponed": 0},
    "reconcile_account": COMES_AGAIN,
    "reconcile_accounts": {"queued": 0},
    "record_bounces": {
        "ended": "unknown",
        "tenant": "tulips",
        "row": "invoice.sent:lnk_01example00000000000000000",
    },
    "run_schedules": {"tries": 0, "recovered": 0, "ended": 0, "left": 0},
    "send_notifications": {"batchItemFailures": []},
    "sweep_attempts": {
        "attempts": 0, "refunds": 0, "disputes": 0, "events": 0, "orphans": 0, "left": 0,
        "erasures": 0,
    },
}  # fmt: skip


@every_route
def test_only_the_roles_of_the_contract_get_in(showroom: Shop, route: str) -> None:
    allowed = {role for role in ROLES if role[0] in MATRIX[route]}

    assert refusals.roles_that_may(showroom.world, route) == allowed


@every_route
def test_strangers_are_turned_away(showroom: Shop, route: str) -> None:
    assert refusals.greet(showroom.world, route) == refusals.turned_away()


@every_route
def test_a_card_number_in_the_address_is_refused(showroom: Shop, route: str) -> None:
    method, path = refusals.path_of(route)
    template = route.partition(" ")[2]
    for written in (refusals.PAN, "4242-4242-4242-4242"):
        named = [
            refusals.path_of(route.replace(part, written))[1]
            for part in re.findall(r"\{\w+\}", template)
        ]
        for address, query in [*((address, {}) for address in named), (path, {"cursor": written})]:
            refused = refusals.refuse(
                showroom.world,
                lambda address=address, query=query: showroom.admin.send(
                    method, address, query=query, headers={"if-match": '"1"'}
                ),
            )
            assert refused == (422, "pan_detected"), (address, query)


@pytest.mark.usefixtures("pool_claims")
@pytest.mark.parametrize("function", ANSWERS)
def test_the_sample_event_of_a_function_is_answered(
    world: World, sample: Callable[[str], Json], function: str
) -> None:
    answer = world.invoke(sample(function), function)

    status, says = ANSWERS[function]
    assert answer.status == status, answer.text
    assert {name: answer.json[name] for name in says} == says


@pytest.mark.parametrize("function", PAGES)
def test_the_sample_event_of_a_page_is_answered(
    world: World, sample: Callable[[str], Json], function: str
) -> None:
    assert world.invoke(sample(function), function).status == PAGES[function]


@pytest.mark.parametrize("function", RUNS)
def test_the_sample_event_of_what_nobody_waits_for_finds_nothing_to_do(
    world: World, sample: Callable[[str], Json], function: str
) -> None:
    assert world.run(function, sample(function)) == RUNS[function]


def test_every_function_has_a_sample_event_that_is_tried() -> None:
    assert sorted([*ANSWERS, *PAGES, *RUNS]) == sorted(each.function for each in served())
