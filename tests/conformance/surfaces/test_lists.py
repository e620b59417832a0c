"""Expansion, pages and search."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from tests.conformance.surfaces.given import Make, booked


def test_an_answer_is_expanded_two_levels_deep(v1: Any, pay: Make) -> None:
    expand = {"expand": ["latest_charge.balance_transaction"]}
    paid = pay()
    booked(v1, paid)
    charge = v1.payment_intents.retrieve(paid.id, expand).latest_charge

    assert charge.object == "charge"
    assert charge.balance_transaction.object == "balance_transaction"


def test_the_rows_of_a_list_are_expanded(v1: Any, pay: Make) -> None:
    pay()
    (row,) = v1.payment_intents.list({"limit": 3, "expand": ["data.customer"]}).data

    assert row.customer.object == "customer"


def test_what_cannot_be_expanded_is_refused(v1: Any, pay: Make) -> None:
    paid = pay()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.payment_intents.retrieve(paid.id, {"expand": ["nonsense"]})

    assert caught.value.http_status == 400


def test_pages_hold_every_row_once_newest_first(v1: Any) -> None:
    made = [v1.customers.create({"metadata": {"n": str(n)}}).id for n in range(25)]
    seen = [customer.id for customer in v1.customers.list({"limit": 10}).auto_paging_iter()]

    assert seen == made[::-1]


def test_a_page_leads_back_to_the_one_before(v1: Any) -> None:
    for _ in range(8):
        v1.customers.create()
    first = v1.customers.list({"limit": 4}).data
    second = v1.customers.list({"limit": 4, "starting_after": first[-1].id}).data
    back = v1.customers.list({"limit": 4, "ending_before": second[0].id}).data

    assert len(second) == 4
    assert [one.id for one in back] == [one.id for one in first]


def test_rows_are_filtered_by_their_time(v1: Any, customer: Any) -> None:
    later, earlier = int(time.time()) + 3600, int(time.time()) - 3600

    assert v1.customers.list({"created": {"gte": later}}).data == []
    assert [c.id for c in v1.customers.list({"created": {"gte": earlier}}).data] == [customer.id]


@pytest.mark.parametrize("query", ['metadata["tenant"]:"north"', "metadata['tenant']:'north'"])
def test_customers_are_searched_by_metadata(v1: Any, query: str) -> None:
    wanted = v1.customers.create({"metadata": {"tenant": "north"}})
    v1.customers.create({"metadata": {"tenant": "south"}})

    assert [one.id for one in v1.customers.search({"query": query}).data] == [wanted.id]


def test_payments_are_searched_by_status_and_amount(v1: Any, pay: Make) -> None:
    wanted = pay(2000)
    pay(1200)
    found = v1.payment_intents.search({"query": "status:'succeeded' AND amount>1500"}).data

    assert [one.id for one in found] == [wanted.id]


def test_charges_are_searched(v1: Any, pay: Make) -> None:
    paid = pay()
    found = v1.charges.search({"query": "amount>1"})

    assert found.object == "search_result"
    assert [one.id for one in found.data] == [paid.latest_charge]
