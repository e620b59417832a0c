"""A charge at Stripe becomes a payment."""
