"""An account is used only after its last probe succeeded, and its keys are not in its row."""

import pytest

from payments.errors import AccountNotActive, KeyModeMismatch
from payments.facts.account import Account, AccountStatus, Slot
from tests.payments import examples


@pytest.mark.parametrize("status", list(AccountStatus))
def test_only_an_account_whose_last_probe_succeeded_is_used(status: AccountStatus) -> None:
    works = examples.slot(status=AccountStatus.ACTIVE)
    account = examples.account(slots={"test": examples.slot(status=status), "live": works})

    account.require_active("live")
    if status is AccountStatus.ACTIVE:
        account.require_active("test")
        return
    with pytest.raises(AccountNotActive) as refused:
        account.require_active("test")
    assert refused.value.members == {"account": "acc_1", "mode": "test"}


def test_keys_of_one_mode_never_stand_in_for_the_other() -> None:
    account = examples.account(slots={"test": examples.slot(status=AccountStatus.ACTIVE)})

    with pytest.raises(KeyModeMismatch) as refused:
        account.require_active("live")
    assert "/v1/accounts/acc_1/credentials" in refused.value.detail


def test_an_account_that_was_never_probed_is_not_taken_to_work() -> None:
    assert examples.account().active_modes == ()


def test_of_a_secret_key_only_its_end_has_a_place() -> None:
    fields = {*Account.model_fields, *Slot.model_fields}
    assert {name for name in fields if "secret" in name} == {"secret_key_last4"}
