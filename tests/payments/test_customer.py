"""A customer pays online only once somebody has allowed it, and no card number has a place here."""

import pytest

from payments.errors import CustomerNotEnabled
from payments.facts.customer import SavedMethod
from tests.payments import examples


def test_nobody_pays_online_until_somebody_has_allowed_it() -> None:
    with pytest.raises(CustomerNotEnabled) as refused:
        examples.customer().require_enabled()
    assert refused.value.members == {"customer": "C1"}

    examples.customer(online_payment_enabled=True).require_enabled()


def test_a_saved_card_has_a_place_for_its_description_only() -> None:
    assert not {"number", "cvc", "cvv", "pan"} & set(SavedMethod.model_fields)
