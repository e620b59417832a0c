"""What is wrong with a request is said in Stripe's shape, and answers carry their headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

Refused = Callable[..., stripe.StripeError]


@pytest.fixture
def refused() -> Refused:
    def refuse(operation: Callable[..., Any], *given: Any) -> stripe.StripeError:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            operation(*given)
        assert caught.value.error.type == "invalid_request_error"
        return caught.value

    return refuse


def test_an_object_that_is_not_there_is_404(v1: Any, refused: Refused) -> None:
    error = refused(v1.customers.retrieve, "cus_doesnotexist")

    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "id")


def test_a_reference_to_nothing_is_400(v1: Any, refused: Refused) -> None:
    given = {"amount": 100, "currency": "usd", "customer": "cus_doesnotexist"}
    error = refused(v1.payment_intents.create, given)

    assert (error.http_status, error.code, error.param) == (400, "resource_missing", "customer")


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"currency": "usd"}, "amount"),
        ({"amount": -5, "currency": "usd"}, "amount"),
        ({"amount": 100, "currency": "zzz"}, "currency"),
    ],
    ids=["missing", "negative", "no such currency"],
)
def test_a_bad_parameter_is_named(
    v1: Any, refused: Refused, given: dict[str, Any], param: str
) -> None:
    error = refused(v1.payment_intents.create, given)

    assert (error.http_status, error.param) == (400, param)


def test_an_unknown_parameter_is_refused(v1: Any, refused: Refused) -> None:
    error = refused(v1.customers.create, {"emial": "ada@example.com"})

    assert (error.code, error.param) == ("parameter_unknown", "emial")


def test_an_unknown_url_is_an_error_too(client: stripe.StripeClient, refused: Refused) -> None:
    assert refused(client.raw_request, "get", "/v1/nonsense").http_status == 404


def test_an_answer_names_its_request_and_version(v1: Any) -> None:
    headers = v1.customers.list().last_response.headers

    assert headers["request-id"].startswith("req_")
    assert headers["stripe-version"]
