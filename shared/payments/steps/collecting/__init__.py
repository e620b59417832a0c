"""An attempt is claimed, made at Stripe, and closed."""
