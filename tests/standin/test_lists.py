"""Lists, cursors, expansions and search."""

from __future__ import annotations

import pytest
import stripe

from tests.standin.doubles import Pay, Time


@pytest.fixture
def customers(client: stripe.StripeClient, time: Time) -> list[str]:
    made = []
    for number in range(25):
        time.now += 1
        made.append(client.v1.customers.create({"metadata": {"n": str(number)}}).id)
    return made


def test_pages_follow_each_other_newest_first(
    client: stripe.StripeClient, customers: list[str]
) -> None:
    found = [c.id for c in client.v1.customers.list({"limit": 10}).auto_paging_iter()]

    assert found == customers[::-1]


def test_a_cursor_goes_back_to_the_page_before(
    client: stripe.StripeClient, customers: list[str]
) -> None:
    first = client.v1.customers.list({"limit": 5})
    second = client.v1.customers.list({"limit": 5, "starting_after": first.data[-1].id})
    back = client.v1.customers.list({"limit": 5, "ending_before": second.data[0].id})

    assert [c.id for c in back.data] == [c.id for c in first.data]
    assert back.has_more is False
    assert second.has_more is True


def test_created_ranges_bound_a_list(
    client: stripe.StripeClient, customers: list[str], time: Time
) -> None:
    now = int(time.now)
    since = client.v1.customers.list({"created": {"gte": now - 2}, "limit": 100}).data
    before = client.v1.customers.list({"created": {"lt": now - 2}, "limit": 100}).data

    assert (len(since), len(before)) == (3, 22)


@pytest.mark.parametrize("limit", [0, 101])
def test_a_limit_out_of_range_is_refused(client: stripe.StripeClient, limit: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.list({"limit": limit})

    assert caught.value.param == "limit"


def test_a_cursor_that_does_not_exist_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.list({"starting_after": "cus_none"})

    assert (caught.value.http_status, caught.value.param) == (400, "starting_after")


def test_expansions_go_deep(client: stripe.StripeClient, pay: Pay) -> None:
    customer = client.v1.customers.create().id
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    paid = pay(card=card, customer=customer)
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 100})
    paths = [
        "data.latest_charge.balance_transaction", "data.latest_charge.refunds", "data.customer",
    ]  # fmt: skip

    (found,) = client.v1.payment_intents.list({"expand": paths}).data

    assert found.customer.id == customer
    assert found.latest_charge.balance_transaction.amount == 2000
    assert [refund.amount for refund in found.latest_charge.refunds.data] == [100]


@pytest.mark.parametrize("path", ["nonsense", "latest_charge.nonsense", "amount"])
def test_what_cannot_be_expanded_is_refused(
    client: stripe.StripeClient, pay: Pay, path: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.payment_intents.retrieve(pay().id, {"expand": [path]})


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ('metadata["n"]:"7"', 1),
        ("metadata['n']:'7' OR metadata['n']:'8'", 2),
        ("-metadata['n']:'7'", 24),
        ("created>1700000023", 2),
    ],
)
def test_search_finds_what_the_query_says(
    client: stripe.StripeClient, customers: list[str], query: str, count: int
) -> None:
    assert len(client.v1.customers.search({"query": query, "limit": 100}).data) == count


def test_a_query_that_cannot_be_read_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.search({"query": "name is Ada"})

    assert caught.value.param == "query"


def test_a_deleted_customer_is_listed_no_more_and_read_as_deleted(
    client: stripe.StripeClient,
) -> None:
    customer = client.v1.customers.create()
    client.v1.customers.delete(customer.id)

    assert client.v1.customers.list().data == []
    assert client.v1.customers.retrieve(customer.id).deleted is True
