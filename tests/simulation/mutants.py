"""Every planted bug: each must be seen to break an invariant."""

from tests.simulation import (
    mutants_of_authentication,
    mutants_of_conversions,
    mutants_of_events,
    mutants_of_grants,
    mutants_of_mails,
    mutants_of_returns,
    mutants_of_sales,
    mutants_of_storefronts,
)
from tests.simulation.planting import MUTANTS, planted

MODULES = (
    mutants_of_authentication,
    mutants_of_sales,
    mutants_of_events,
    mutants_of_grants,
    mutants_of_returns,
    mutants_of_conversions,
    mutants_of_mails,
    mutants_of_storefronts,
)

__all__ = ["MODULES", "MUTANTS", "planted"]
