"""The control surface: faults, clock, truth, reset; closed unless asked for."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from local.standin import StandIn
from local.standin.engine.messages import Request
from tests.standin.doubles import Connect, Control, Pay, Time

CUSTOMERS = "/v1/customers"


def test_the_surface_is_closed_unless_asked_for() -> None:
    closed = StandIn()
    answer = closed.handle(Request("POST", "/_control/reset"))
    closed.close()

    assert answer.status == 404


@pytest.mark.parametrize(
    ("kind", "made"), [("timeout_lost", 0), ("timeout_applied", 1), ("500", 0), ("500_applied", 1)]
)
def test_a_fault_hides_the_outcome(
    client: stripe.StripeClient, control: Control, kind: str, made: int
) -> None:
    control("POST", "faults", method="POST", path=CUSTOMERS, kind=kind, times=1)

    with pytest.raises((stripe.APIConnectionError, stripe.APIError)):
        client.v1.customers.create()

    assert len(client.v1.customers.list().data) == made


def test_a_request_that_timed_out_answers_its_retry(
    client: stripe.StripeClient, control: Control
) -> None:
    control("POST", "faults", path=CUSTOMERS, kind="timeout_applied", times=1)
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({}, {"idempotency_key": "k"})

    again = client.v1.customers.create({}, {"idempotency_key": "k"})

    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert [c.id for c in client.v1.customers.list().data] == [again.id]


def test_a_late_request_holds_its_key_until_it_is_applied(
    client: stripe.StripeClient, control: Control, time: Time
) -> None:
    control("POST", "faults", path=CUSTOMERS, kind="applied_later", times=1, delay_s=10)
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({}, {"idempotency_key": "k"})
    with pytest.raises(stripe.StripeError) as caught:
        client.v1.customers.create({}, {"idempotency_key": "k"})
    assert caught.value.http_status == 409
    assert client.v1.customers.list().data == []

    time.now += 10

    assert len(client.v1.customers.list().data) == 1
    again = client.v1.customers.create({}, {"idempotency_key": "k"})
    assert again.last_response.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(("kind", "status"), [("409", 409), ("429", 429)])
def test_a_refusal_leaves_nothing_and_the_key_free(
    client: stripe.StripeClient, control: Control, kind: str, status: int
) -> None:
    control("POST", "faults", path=CUSTOMERS, kind=kind, times=1)
    with pytest.raises(stripe.StripeError) as caught:
        client.v1.customers.create({}, {"idempotency_key": "k"})
    assert caught.value.http_status == status

    client.v1.customers.create({}, {"idempotency_key": "k"})

    assert len(client.v1.customers.list().data) == 1


def test_the_sdk_retries_a_lost_connection_with_the_same_key(
    connect: Connect, control: Control
) -> None:
    client = connect(max_network_retries=1)
    control("POST", "faults", path=CUSTOMERS, kind="timeout_applied", times=1)

    client.v1.customers.create()

    assert len(client.v1.customers.list().data) == 1


def test_a_fault_hits_only_its_pattern_and_its_number_of_times(
    client: stripe.StripeClient, control: Control
) -> None:
    control("POST", "faults", method="POST", path="/v1/*/pi_*", kind="500", times=2)
    client.v1.customers.create()
    intent = client.v1.payment_intents.create({"amount": 100, "currency": "usd"})
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            client.v1.payment_intents.cancel(intent.id)

    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"


def test_the_clock_goes_forward(client: stripe.StripeClient, control: Control) -> None:
    before = client.v1.customers.create().created
    control("POST", "clock", advance_s=3600)

    assert client.v1.customers.create().created == before + 3600
    assert "forward only" in control("POST", "clock", advance_s=-1)["error"]


def test_the_truth_is_an_accounts_money(
    client: stripe.StripeClient, control: Control, pay: Pay
) -> None:
    paid = pay(4000)
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 1000})
    account = client.v1.accounts.retrieve_current().id

    truth = control("GET", "truth", account=account)

    assert [charge["amount"] for charge in truth["charges"]] == [4000]
    assert [refund["amount"] for refund in truth["refunds"]] == [1000]
    assert truth["disputes"] == []
    net = sum(entry["net"] for entry in truth["balance_transactions"])
    assert truth["balance"]["available"][0]["amount"] == net


def test_reset_forgets_everything(client: stripe.StripeClient, control: Control) -> None:
    client.v1.customers.create()
    control("POST", "reset")

    assert client.v1.customers.list().data == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("faults", {"kind": "earthquake"}), ("faults", {}), ("webhooks", {"mode": "shout"})],
)
def test_a_command_that_makes_no_sense_says_why(
    control: Control, name: str, content: dict[str, Any]
) -> None:
    assert control("POST", name, **content)["error"]


@pytest.mark.parametrize(
    ("limit", "reason"), [("global_per_s", "global-rate"), ("endpoint_per_s", "endpoint-rate")]
)
def test_a_limit_lets_so_many_through_in_a_second(
    client: stripe.StripeClient, control: Control, time: Time, limit: str, reason: str
) -> None:
    control("POST", "limits", **{limit: 2})
    client.v1.customers.list()
    client.v1.customers.list()

    with pytest.raises(stripe.RateLimitError) as caught:
        client.v1.customers.list()

    assert caught.value.error.code == "rate_limit"
    assert caught.value.headers["stripe-rate-limited-reason"] == reason
    time.now += 1
    assert client.v1.customers.list().data == []


def test_a_limit_of_one_operation_leaves_the_others_alone(
    client: stripe.StripeClient, connect: Connect, control: Control
) -> None:
    control("POST", "limits", endpoint_per_s=1)

    client.v1.customers.list()
    client.v1.products.list()
    connect("bakery" * 4).v1.customers.list()


def test_a_fault_hits_a_replay_as_it_hits_a_first_request(
    client: stripe.StripeClient, control: Control
) -> None:
    made = client.v1.customers.create({}, {"idempotency_key": "k"})
    for kind in ("timeout_applied", "500", "500_applied"):
        control("POST", "faults", path=CUSTOMERS, kind=kind, times=1)
        with pytest.raises((stripe.APIConnectionError, stripe.APIError)):
            client.v1.customers.create({}, {"idempotency_key": "k"})

    # What the key has answered once stays its answer.
    assert client.v1.customers.create({}, {"idempotency_key": "k"}).id == made.id


def test_a_failure_is_replayed_by_v1_and_tried_again_by_v2(
    client: stripe.StripeClient, control: Control
) -> None:
    control("POST", "faults", kind="500", times=2)
    for create, key in ((client.v1.customers.create, "k"), (client.v2.core.accounts.create, "k2")):
        with pytest.raises(stripe.APIError):
            create({}, {"idempotency_key": key})

    with pytest.raises(stripe.APIError):
        client.v1.customers.create({}, {"idempotency_key": "k"})
    assert client.v2.core.accounts.create({}, {"idempotency_key": "k2"}).id.startswith("acct_")
