"""Every way through the product, for the faults that are put at each of its requests."""

from tests.simulation import (
    flows_of_authentication,
    flows_of_conversions,
    flows_of_disputes,
    flows_of_returns,
    flows_of_sales,
    flows_of_settlements,
    flows_of_storefronts,
)
from tests.simulation.acting import FLOWS, Actor

MODULES = (
    flows_of_authentication,
    flows_of_sales,
    flows_of_returns,
    flows_of_disputes,
    flows_of_conversions,
    flows_of_settlements,
    flows_of_storefronts,
)

__all__ = ["FLOWS", "MODULES", "Actor"]
