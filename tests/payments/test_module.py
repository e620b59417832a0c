"""A payment module is Off, and offers nothing, until somebody says otherwise."""

import pytest
from pydantic import ValidationError

from payments.errors import FeatureDisabled, ModuleOff
from payments.facts.module import Features, ModuleState
from tests.payments import examples

FEATURES = tuple(Features.model_fields)


def test_a_new_module_is_off_and_offers_nothing() -> None:
    module = examples.module()

    assert module.state is ModuleState.OFF
    assert not any(module.features.model_dump().values())


@pytest.mark.parametrize("feature", FEATURES)
def test_a_module_that_is_off_is_refused_whatever_it_offers(feature: str) -> None:
    module = examples.module(features={feature: True})

    with pytest.raises(ModuleOff):
        module.require(feature)
    with pytest.raises(ModuleOff):
        _ = module.mode


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("state", [ModuleState.SANDBOX, ModuleState.ON])
def test_a_module_offers_its_features_and_no_other(state: ModuleState, feature: str) -> None:
    module = examples.module(features={feature: True}).switch(state)

    module.require(feature)
    for other in set(FEATURES) - {feature}:
        with pytest.raises(FeatureDisabled):
            module.require(other)


def test_sandbox_never_uses_live_keys_nor_on_test_keys() -> None:
    assert examples.module().switch(ModuleState.SANDBOX).mode == "test"
    assert examples.module().switch(ModuleState.ON).mode == "live"


def test_a_feature_that_does_not_exist_cannot_be_switched_on() -> None:
    with pytest.raises(ValidationError):
        Features(cash=True)
