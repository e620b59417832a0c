"""Stripe against our books, and what the journal comes to."""
