"""Clients of Stripe that nobody here wrote; `make clients` runs them against the stand-in."""
