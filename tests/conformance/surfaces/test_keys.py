"""What a key opens, and what a wrong one is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe


def test_a_key_names_its_account(v1: Any) -> None:
    account = v1.accounts.retrieve_current()

    assert account.object == "account"
    assert account.id.startswith("acct_")


def test_a_key_reads_its_balance(v1: Any) -> None:
    balance = v1.balance.retrieve()

    assert balance.object == "balance"
    assert isinstance(balance.available[0].amount, int)


def test_a_key_that_is_none_is_401_in_stripes_shape(connect: Callable[..., Any]) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        connect("garbage").v1.customers.list()

    assert caught.value.http_status == 401
    assert caught.value.error.type == "invalid_request_error"
