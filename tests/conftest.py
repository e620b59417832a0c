"""What all tests share: how those that prove a claim ended is kept for `make claims`."""

import pytest

from local.claims import Proofs


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Proofs(), "claims")
