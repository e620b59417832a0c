"""An account is used only after its last probe succeeded, and its keys are not in its row."""

import pytest

from payments.errors import AccountNotActive
from payments.facts.account import Account, AccountStatus
from tests.payments import examples


@pytest.mark.parametrize("status", list(AccountStatus))
def test_only_an_account_whose_last_probe_succeeded_is_used(status: AccountStatus) -> None:
    account = examples.account(status=status)

    if status is AccountStatus.ACTIVE:
        account.require_active()
        return
    with pytest.raises(AccountNotActive) as refused:
        account.require_active()
    assert refused.value.members == {"account": "acc_1"}


def test_an_account_that_was_never_probed_is_not_taken_to_work() -> None:
    assert examples.account().status is not AccountStatus.ACTIVE


def test_of_a_secret_key_only_its_end_has_a_place() -> None:
    assert {name for name in Account.model_fields if "secret" in name} == {"secret_key_last4"}
