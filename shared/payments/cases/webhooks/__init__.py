"""Stripe's events: take them in, apply them, and fetch the lost ones."""
