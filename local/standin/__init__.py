"""An offline stand-in for Stripe: it answers on this machine only and moves no money."""

from local.standin.core import StandIn

__all__ = ["StandIn"]
