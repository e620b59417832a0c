"""Stripe's money against ours, and the journal."""
