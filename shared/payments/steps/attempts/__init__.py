"""Move an attempt on, and tell whether a Stripe object belongs to one of our attempts."""
