"""Compare Stripe's money with ours, and keep the journal's balances."""
