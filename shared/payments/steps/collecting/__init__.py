"""Claim an invoice for an attempt, make the attempt at Stripe, and close it."""
