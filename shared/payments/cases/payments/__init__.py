"""Payments: those that come without Stripe, and all of them found."""
