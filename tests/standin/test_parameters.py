"""Parameters are checked by the SDK's own types, and errors name what is wrong."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe

from local.standin import StandIn
from local.standin.engine import forms, parameters
from local.standin.engine.errors import InvalidRequest
from local.standin.engine.routing import ROUTES


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": 100}, "parameter_missing", "currency"),
        ({"amount": "ten", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "10.5", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 0, "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": -1, "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": 10**8, "currency": "usd"}, "amount_too_large", "amount"),
        ({"amount": 1005, "currency": "kwd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 150, "currency": "isk"}, "parameter_invalid_integer", "amount"),
        ({"amount": 100, "currency": "zzz"}, None, "currency"),
        ({"amount": 100, "currency": "usd", "amout": 1}, "parameter_unknown", "amout"),
        ({"amount": 100, "currency": "usd", "capture_method": "never"}, None, "capture_method"),
        ({"amount": 100, "currency": "usd", "confirm": "maybe"}, None, "confirm"),
        ({"amount": 100, "currency": "usd", "customer": ""}, "parameter_invalid_empty", "customer"),
        (
            {"amount": 100, "currency": "usd", "transfer_data": {"to": "x"}},
            "parameter_unknown",
            "transfer_data[to]",
        ),
        (
            {"amount": 100, "currency": "usd", "statement_descriptor_suffix": "1234"},
            None,
            "statement_descriptor_suffix",
        ),
        (
            {"amount": 100, "currency": "usd", "metadata": {"k" * 41: "v"}},
            None,
            f"metadata[{'k' * 41}]",
        ),
    ],
)
def test_a_wrong_parameter_is_named(
    client: stripe.StripeClient, params: dict[str, Any], code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create(params)

    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)


def test_method_types_are_refused_from_the_version_that_dropped_them(
    client: stripe.StripeClient,
) -> None:
    given = {"amount": 100, "currency": "usd", "payment_method_types": ["card"]}

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create(given)

    assert caught.value.code == "payment_method_types_no_longer_supported"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "&",
        "a",
        "a=",
        "=b",
        "a=b&&c=d&a=e",
        "a+b=c+d",
        "%61%5D=%C3%A9",
        "a=%ff%zz",
        "a=b=c;d",
        "%=+",
    ],
)
def test_a_flat_form_is_read_as_the_standard_library_reads_it(text: str) -> None:
    fields = dict(parse_qsl(text, keep_blank_values=True))

    assert forms.decode(text) == {name or "0": value for name, value in fields.items()}


def test_forms_nest_and_lists_are_told_from_hashes_by_the_table() -> None:
    raw = forms.decode("expand[]=customer&expand[]=latest_charge&metadata[0]=zero&amount=5")
    checked = parameters.check("PaymentIntentUpdateParams", raw)

    assert checked == {
        "expand": ["customer", "latest_charge"], "metadata": {"0": "zero"}, "amount": 5,
    }  # fmt: skip


def test_every_operation_has_a_table_in_the_installed_sdk(standin: StandIn) -> None:
    names = {entry.params for entries in ROUTES.values() for entry in entries if entry.params}

    assert len(names) > 90
    for name in names:
        parameters.fields_of(parameters.operation(name))


def test_metadata_is_set_merged_and_unset(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"metadata": {"a": "1", "b": "2"}})
    changed = client.v1.customers.update(customer.id, {"metadata": {"b": "3", "a": ""}})
    assert changed.metadata.to_dict() == {"b": "3"}

    cleared = client.v1.customers.update(customer.id, {"metadata": ""})

    assert cleared.metadata.to_dict() == {}


def test_an_unknown_parameter_is_refused_before_anything_is_written(
    client: stripe.StripeClient,
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create({"emial": "ada@example.com"})

    assert client.v1.customers.list().data == []
    with pytest.raises(InvalidRequest, match="Did you mean email"):
        parameters.check("CustomerCreateParams", {"emial": "x"})
