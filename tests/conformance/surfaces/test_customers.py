"""Customers, and the metadata that any object carries."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_customer_is_created(v1: Any) -> None:
    address = {"line1": "1 High Street", "country": "US"}
    customer = v1.customers.create(
        {"name": "Ada", "phone": "+15550001", "description": "wholesale", "address": address}
    )

    assert customer.object == "customer"
    assert customer.id.startswith("cus_")
    assert customer.name == "Ada"


def test_a_customer_is_updated(v1: Any, customer: Any) -> None:
    assert v1.customers.update(customer.id, {"name": "Grace"}).name == "Grace"
    assert v1.customers.retrieve(customer.id).name == "Grace"


def test_customers_are_listed_by_email(v1: Any, customer: Any) -> None:
    v1.customers.create({"email": "grace@example.com"})
    found = v1.customers.list({"email": customer.email}).data

    assert [one.email for one in found] == [customer.email]


def test_a_customer_is_deleted(v1: Any, customer: Any) -> None:
    assert v1.customers.delete(customer.id).deleted is True


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({}, {"a": "1", "b": "2"}),
        ({"b": "3"}, {"a": "1", "b": "3"}),
        ({"a": ""}, {"b": "2"}),
    ],
    ids=["set", "merged", "unset by an empty value"],
)
def test_metadata_is_kept(v1: Any, change: dict[str, str], left: dict[str, str]) -> None:
    customer = v1.customers.create({"metadata": {"a": "1", "b": "2"}})
    v1.customers.update(customer.id, {"metadata": change})

    assert v1.customers.retrieve(customer.id).metadata.to_dict() == left
