"""An account's keys, its endpoint at Stripe, and its status."""
