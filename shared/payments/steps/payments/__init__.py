"""Turn a charge at Stripe into a payment."""
